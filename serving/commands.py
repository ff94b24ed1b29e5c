"""Commands of this program that the service runs in processes of their own: training never happens in a worker."""

from __future__ import annotations

import os
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
    """Return whether a process of this machine still runs."""
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
