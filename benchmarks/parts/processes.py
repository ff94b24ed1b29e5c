"""Servers as processes: started on a free port, and what the kernel tells of them and of all below them."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def server(command: list[str], port: int, log: Path, environ: dict[str, str] | None = None) -> Iterator[int]:
    """Start a server, wait until it listens, and give its process id; stop it afterwards."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env={**os.environ, "OMP_NUM_THREADS": "1", **(environ or {})}, stdout=sink, stderr=sink
        )
        try:
            _wait(port)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)
                return
        time.sleep(0.2)
    raise RuntimeError(f"nothing listens on port {port}")


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and all below it."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for one, fields in _stats():
        children.setdefault(int(fields[1]), []).append(one)
        used[one] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    todo, total = [pid], 0.0
    while todo:
        one = todo.pop()
        total += used.get(one, 0.0)
        todo += children.get(one, [])
    return total


def workers_of(pid: int) -> list[int]:
    """Return the workers that a server has now, the oldest first."""
    found = [(int(fields[19]), one) for one, fields in _stats() if int(fields[1]) == pid and "worker" in _command(one)]
    return [one for _, one in sorted(found)]


def memory_of(pid: int) -> float:
    """Return the megabytes that a process has to itself, and its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def connections_at(port: int) -> list[tuple[int, int]]:
    """Return the callers' ports of the connections that stand at ``port``, each with the inode of our end."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    standing = [line for line in lines if line[3] == "01" and int(line[1].rpartition(":")[2], 16) == port]
    return [(int(line[2].rpartition(":")[2], 16), int(line[9])) for line in standing]


def state_of(pid: int) -> str:
    """Return the letter that the kernel has for what a process does: ``T`` for one that is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _stats() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
