"""What happened: the table contract, reading and checking a history, and a simulated company."""

from importlib import import_module
from typing import TYPE_CHECKING

from rapport.durations import Duration, parse_duration
from rapport.history.contract import TABLES
from rapport.history.settings import Settings

if TYPE_CHECKING:
    from rapport.history.reading.history import History, history_of, read_history

__all__ = ["TABLES", "Duration", "History", "Settings", "history_of", "parse_duration", "read_history"]


def __getattr__(name: str) -> object:
    # Reading imports DuckDB and Arrow, which takes 0.15 s; commands that read nothing do not wait for it.
    if name in ("History", "history_of", "read_history"):
        return getattr(import_module("rapport.history.reading.history"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
