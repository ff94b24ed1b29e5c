"""Structured logs: one JSON line for each event that an operator acts on; never a customer's data."""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

from pydantic_core import to_json

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_LOGGER = logging.getLogger("rapport")


class JsonLines(logging.Formatter):
    """Formats a log record as one JSON line.

    Of an exception, only the type and the code locations are logged: its text may contain a caller's values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request := REQUEST_ID.get():
            line["request_id"] = request
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["places"] = [
                f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
            line["event"] = "exception"
        else:
            # Some libraries log a whole traceback as text; the first line is enough, the last may contain values.
            line["event"] = record.getMessage().partition("\n")[0][:300]
        line.update(getattr(record, "facts", {}))
        return to_json(line, fallback=str).decode()


def configure_logging() -> None:
    """Send every log of this process to standard error as JSON lines."""
    # No line names them, and each record would look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("bentoml", "bentoml.serve", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    # It would put a line together for every request, and then find that nobody wants it.
    logging.getLogger("uvicorn.access").propagate = False
    # It logs every refused request with a traceback; our middleware already counts and logs refusals.
    logging.getLogger("bentoml.serve").setLevel(logging.ERROR)


def log_event(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log ``event`` with its facts; facts that are None are omitted."""
    if not _LOGGER.isEnabledFor(level):
        return
    # A record made here: the logger's own way looks for the caller's line, which nobody reads and every answer pays.
    record = logging.LogRecord(_LOGGER.name, level, "", 0, event, (), None)
    record.facts = {name: value for name, value in facts.items() if value is not None}
    _LOGGER.handle(record)
