"""Memory that is free inside the process, given back to the system."""

import ctypes
from collections.abc import Callable

import pyarrow as pa

# Only the C library of GNU has it; others give memory back by themselves.
_TRIM: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)


def release_free_memory() -> None:
    """Give back what allocators keep after a large piece of work: the next one would come on top of it."""
    pa.default_memory_pool().release_unused()
    if _TRIM is not None:
        _TRIM(0)
