"""End a process with its parent: a killed server leaves no worker that answers and holds the port."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

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
