"""A real MariaDB or MySQL server of the tests' own, or None where there is none."""

import getpass
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from free_ports import free_port


def program() -> str | None:
    """Return the server's program, of MariaDB; None if it is not installed."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("mariadbd", path=places)


@contextmanager
def running(server: str, statements: str) -> Iterator[str]:
    """Run a server in which the statements were executed; yield the URL of its database crm."""
    folder, port = Path(tempfile.mkdtemp(prefix="rapport-mysql-")), free_port()
    user = "--user=root" if os.geteuid() == 0 else f"--user={getpass.getuser()}"
    options = ["--no-defaults", user, f"--datadir={folder}/data", f"--socket={folder}/socket"]
    first = folder / "first.sql"
    first.write_text(
        "SET NAMES utf8mb4;\nCREATE DATABASE crm CHARACTER SET utf8mb4;\n"
        "CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'secret';\n"
        f"GRANT SELECT ON crm.* TO 'reader'@'127.0.0.1';\nUSE crm;\n{statements}",
        encoding="utf-8",
    )
    install = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
    assert install is not None
    subprocess.run([install, *options[:3], "--skip-test-db"], check=True, capture_output=True)
    process = subprocess.Popen(
        [
            server,
            *options,
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--init-file={first}",
            "--skip-name-resolve",
            "--default-time-zone=+08:00",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
    )
    try:
        _wait(folder, process)
        yield f"mysql://reader:secret@127.0.0.1:{port}/crm"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if "ready for connections" in (folder / "log").read_text(errors="replace"):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:])
