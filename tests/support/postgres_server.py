"""A real PostgreSQL server of the tests' own, or the reason why there is none."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from free_ports import free_port

NOBODY = 65534


def programs() -> Path | None:
    """Return the folder of the server's programs: of the package pgserver, of Debian, or on the path."""
    package = find_spec("pgserver")
    places = [Path(package.origin).parent / "pginstall" / "bin"] if package and package.origin else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    places += [Path(found).parent] if found else []
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server with an empty database; yield its URL."""
    # The server refuses to run as root, and its owner has to reach its files.
    owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    place = Path(tempfile.mkdtemp(prefix="rapport-pg-"))
    os.chown(place, NOBODY, NOBODY) if owner else None
    port = free_port()
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"

    def run(*command: str) -> None:
        subprocess.run([str(folder / command[0]), *command[1:]], check=True, cwd=place, capture_output=True, **owner)

    try:
        run("initdb", "-D", f"{place}/data", "-A", "trust", "-U", "rapport", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-D", f"{place}/data", "-o", options, "-l", f"{place}/log", "-w", "start")
        yield f"postgresql://rapport:secret@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", f"{place}/data", "-m", "immediate", "stop")
        shutil.rmtree(place)
