"""Databases that requests borrow: opening one takes longer than scoring a customer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import Empty, SimpleQueue

from rapport.history.reading.database import Database, open_database
from rapport.history.settings import Settings


class DatabasePool:
    """Databases that stay open between requests; each serves one request at a time."""

    def __init__(self, settings: Settings) -> None:
        # One thread for a few rows: more threads would only wait for each other.
        self.settings = replace(settings, threads=1)
        self._idle: SimpleQueue[Database] = SimpleQueue()

    @contextmanager
    def borrow(self) -> Iterator[Database]:
        """Borrow a database; after an error it is closed instead of returned to the pool."""
        try:
            database = self._idle.get_nowait()
        except Empty:
            database = open_database(self.settings)
        try:
            yield database
        except BaseException:
            database.close()
            raise
        self._idle.put(database)
