"""Processes beside a worker: commands that train or replay, whether one lives, workers that end with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[[Sequence[str], Path, Path], int]
"""Runs one command with a file for its result and one for its log; returns its exit code."""


def run_command(words: Sequence[str], result: Path, log: Path) -> int:
    """Run one rapport command: its result is added to one file, its progress and errors to another (or the same)."""
    command = [sys.executable, "-m", "rapport", *words]
    with result.open("ab") as out, log.open("ab") as err:
        return subprocess.run(command, stdout=out, stderr=err, check=False).returncode


def is_alive(process: int) -> bool:
    """Return whether a process of this machine still runs, whoever owns it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


SUPERVISED = "RAPPORT_SUPERVISED"
"""Environment variable that ``rapport serve`` sets for the workers that it supervises."""
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to send SIGTERM to this process when its parent ends (Linux; elsewhere nothing happens).

    ``parent`` is the process that must still be the parent: it may have ended before this call.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
