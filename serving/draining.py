"""The end of a server without a dropped connection: first not ready, then closed to new connections, then gone.

The supervisor announces each step by a file in the folder that the workers share; they look for it ten times a second.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_DRAINING, _CLOSED = "draining", "closed"
_LOOK_SECONDS, _CLOSED_SECONDS = 0.1, 1.0
_SO_ATTACH_FILTER = 26
# Of the TCP header, drop what has the flag SYN and not ACK: the first packet of a new connection.
_DROP_NEW = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def drain(process: subprocess.Popen[bytes], home: Path, seconds: float) -> None:
    """Announce the end of a server: it answers for some seconds, while balancers see that it is not ready.

    Then it takes no new connection: those that wait are answered, and later callers are refused once it is gone.
    """
    if not seconds or process.poll() is not None:
        return
    for name, pause in ((_DRAINING, seconds), (_CLOSED, _CLOSED_SECONDS)):
        for folder in home.rglob("prometheus_multiproc_dir"):
            (folder / name).touch()
        time.sleep(pause)


class DrainWatch:
    """A worker's view of the end of its server."""

    def __init__(self, folder: Path | None, port: int) -> None:
        self._folder, self._port = folder, port
        self.draining = False
        """Whether the server is about to stop: it is not ready, and callers do not keep their connections."""

    def follow(self, stopping: threading.Event) -> None:
        """Follow the steps until the last one, or until the worker stops."""
        while self._folder is not None and not stopping.wait(_LOOK_SECONDS):
            self.draining = self.draining or (self._folder / _DRAINING).exists()
            if self.draining and (self._folder / _CLOSED).exists():
                close_to_new_connections(self._port)
                return


def close_to_new_connections(port: int) -> None:
    """Let the listening socket of this process ignore new connections, for every process that shares it (Linux).

    A socket that is closed resets the connections that wait in its queue. This one still hands them over, and a new
    caller, who repeats its first packet after a second, is refused when the socket is gone.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_NEW))
    for listener in _listeners(port):
        value = struct.pack("HL", len(_DROP_NEW), ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, value)


def _listeners(port: int) -> Iterator[socket.socket]:
    for path in Path("/proc/self/fd").iterdir():
        try:
            if not path.is_socket():
                continue
            with socket.socket(fileno=os.dup(int(path.name))) as found:
                is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if is_listening and found.family != socket.AF_UNIX and found.getsockname()[1] == port:
                    yield found
        except OSError:
            # Closed since, or a socket without these options.
            continue
