"""Connections and databases that threads take turns with: slow to open, and megabytes each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Resource = TypeVar("Resource")


class ResourcePool(Generic[Resource]):
    """Resources that stay open between uses; each serves one thread at a time.

    At most ``limit`` are open: who comes when all are in use waits. One for each of the threads that a stream of
    requests starts would fill the memory.
    """

    def __init__(self, open_one: Callable[[], Resource], close: Callable[[Resource], None], *, limit: int) -> None:
        self._open, self._close = open_one, close
        self._free = threading.BoundedSemaphore(limit)
        self._idle: deque[Resource] = deque()

    @contextmanager
    def borrow(self) -> Iterator[Resource]:
        """Borrow a resource; after an error it is closed instead of returned. Never borrow two at once."""
        with self._free:
            try:
                one = self._idle.pop()
            except IndexError:
                one = self._open()
            try:
                yield one
            except BaseException:
                self._close(one)
                raise
            self._idle.append(one)
