"""Feedback of people on scores: one SQLite file that several workers write safely."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import cast

from rapport.files import private_file
from rapport.serving.errors import RequestError, message
from rapport.serving.shapes.answers import FeedbackReceipt
from rapport.serving.sqlite_files import damaged_as_store_error

# The column ``repeat_key`` holds the idempotency key; stored files keep its name.
_TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, customer_id TEXT NOT NULL, target TEXT NOT NULL,
    verdict TEXT NOT NULL, comment TEXT NOT NULL, action TEXT NOT NULL, until TEXT, model_version TEXT,
    probability REAL, repeat_key TEXT UNIQUE, body_hash TEXT NOT NULL
) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS feedback_customer ON feedback (target, customer_id, id)"
_COLUMNS = "id, at, by, customer_id, target, verdict, comment, action, until, model_version, probability"


@dataclass(frozen=True)
class FeedbackEntry:
    """One piece of feedback; ``until`` is the day to which the follow-up is postponed."""

    customer_id: str
    target: str
    verdict: str
    comment: str = ""
    action: str = ""
    until: str | None = None


VERDICTS = ("right", "not_right", "done", "snoozed")


def check_feedback(entry: FeedbackEntry, today: date) -> None:
    """Refuse feedback that no report could count: an unknown verdict, or a postponement to no later day."""
    if entry.verdict not in VERDICTS:
        raise RequestError(422, message("choose_one_of", choices=", ".join(VERDICTS)), where="verdict")
    if entry.verdict == "snoozed" and (entry.until is None or date.fromisoformat(entry.until[:10]) <= today):
        raise RequestError(422, message("postpone_to_later_day"), where="until")


class FeedbackStore:
    """The feedback in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "feedback.db"

    def save(
        self,
        entry: FeedbackEntry,
        *,
        by: str,
        at: str,
        shown: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> FeedbackReceipt:
        """Store ``entry``; a retry with the same ``idempotency_key`` and body returns the first receipt.

        ``shown`` is the score that the person saw, so that a report can compare the feedback with the score.
        """
        shown = shown or {}
        body_hash = hashlib.sha256(json.dumps(asdict(entry), sort_keys=True).encode()).hexdigest()
        # Keys are scoped by caller: two callers may choose the same one.
        key = f"{by}\n{idempotency_key}" if idempotency_key else None
        values = (at, by, *asdict(entry).values(), shown.get("version"), shown.get("probability"), key, body_hash)
        with self._open() as store:
            inserted = store.execute(
                "INSERT INTO feedback (at, by, customer_id, target, verdict, comment, action, until, model_version, "
                f"probability, repeat_key, body_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
                f"ON CONFLICT (repeat_key) DO NOTHING RETURNING {_COLUMNS}",
                values,
            ).fetchone()
            if inserted is not None:
                return cast(FeedbackReceipt, dict(inserted))
            first = store.execute(f"SELECT {_COLUMNS}, body_hash FROM feedback WHERE repeat_key = ?", (key,)).fetchone()
        row = dict(first)
        if row.pop("body_hash") != body_hash:
            raise RequestError(409, "This Idempotency-Key was used for another body; use a new one.")
        return cast(FeedbackReceipt, row | {"repeated": True})

    def latest(self, target: str) -> dict[str, FeedbackReceipt]:
        """Return each customer's latest feedback on ``target``."""
        newest = "SELECT MAX(id) FROM feedback WHERE target = ? GROUP BY customer_id"
        with self._open() as store:
            rows = store.execute(f"SELECT {_COLUMNS} FROM feedback WHERE id IN ({newest})", (target,)).fetchall()
        return {row["customer_id"]: cast(FeedbackReceipt, dict(row)) for row in rows}

    def of_customer(self, customer_id: str, limit: int = 50) -> Sequence[FeedbackReceipt]:
        """Return a customer's feedback, newest first."""
        with self._open() as store:
            rows = store.execute(
                f"SELECT {_COLUMNS} FROM feedback WHERE customer_id = ? ORDER BY id DESC LIMIT ?",
                (customer_id, limit),
            ).fetchall()
        return [cast(FeedbackReceipt, dict(row)) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with damaged_as_store_error(self._path.name):
            private_file(self._path)
            store = sqlite3.connect(self._path, timeout=10, isolation_level=None)
            try:
                store.row_factory = sqlite3.Row
                store.execute("PRAGMA journal_mode = WAL")
                store.execute(_TABLE)
                store.execute(_INDEX)
                yield store
            finally:
                store.close()
