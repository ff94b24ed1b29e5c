"""What happened: the table contract, reading it, refusing bad rows, and the invented company."""

from history.contract import TABLES
from history.reading import History, history_of, read_history
from history.settings import Settings
from history.spans import Span, parse_span

__all__ = ["TABLES", "History", "Settings", "Span", "history_of", "parse_span", "read_history"]
