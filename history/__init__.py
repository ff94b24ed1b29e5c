"""What happened: the table contract, reading it, refusing bad rows, and the invented company."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rapport.history.contract import TABLES
from rapport.history.settings import Settings

from rapport.durations import Span, parse_span

if TYPE_CHECKING:
    from rapport.history.reading import History, history_of, read_history

__all__ = ["TABLES", "History", "Settings", "Span", "history_of", "parse_span", "read_history"]


def __getattr__(name: str) -> Any:
    # Reading brings the database and Arrow along: 0.15 s that a command which reads nothing need not wait for.
    if name in ("History", "history_of", "read_history"):
        return getattr(import_module("rapport.history.reading"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
