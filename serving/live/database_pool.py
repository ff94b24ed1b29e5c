"""Databases that requests borrow: opening one takes longer than scoring a customer."""

from __future__ import annotations

from dataclasses import replace

from rapport.history.reading.database import Database, open_database
from rapport.history.settings import Settings
from rapport.serving.resource_pool import ResourcePool

# Each takes 5 MB, and most requests need it for less than a millisecond.
_LIMIT = 4


class DatabasePool(ResourcePool[Database]):
    """Databases that stay open between requests; each serves one request at a time."""

    def __init__(self, settings: Settings) -> None:
        # One thread for a few rows: more threads would only wait for each other.
        self.settings = replace(settings, threads=1)
        super().__init__(lambda: open_database(self.settings), Database.close, limit=_LIMIT)
