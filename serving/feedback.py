"""What people found or did, kept for good: one SQLite file that several workers write safely."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rapport.serving.problem import RequestError

_TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, customer_id TEXT NOT NULL, target TEXT NOT NULL,
    verdict TEXT NOT NULL, comment TEXT NOT NULL, action TEXT NOT NULL, until TEXT, model_version TEXT,
    probability REAL, repeat_key TEXT UNIQUE, body_hash TEXT NOT NULL
) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS feedback_customer ON feedback (target, customer_id, id)"
_SHOWN = "id, at, by, customer_id, target, verdict, comment, action, until, model_version, probability"


@dataclass(frozen=True)
class Note:
    """One piece of feedback; ``until`` is the day to which it was put off."""

    customer_id: str
    target: str
    verdict: str
    comment: str = ""
    action: str = ""
    until: str | None = None


class FeedbackBook:
    """The feedback of one home."""

    def __init__(self, home: Path) -> None:
        self._path = home / "feedback.db"

    def keep(
        self, note: Note, *, by: str, at: str, seen: Mapping[str, Any] | None = None, repeat_key: str = ""
    ) -> dict[str, Any]:
        """Keep ``note``; the same ``repeat_key`` with the same body keeps nothing twice and says so.

        ``seen`` is the answer that the person looked at, so that a report can join what was said to what was scored.
        """
        seen = seen or {}
        body_hash = hashlib.sha256(json.dumps(asdict(note), sort_keys=True).encode()).hexdigest()
        # A key belongs to whoever used it: two callers may choose the same.
        key = f"{by}\n{repeat_key}" if repeat_key else None
        values = (
            at,
            by,
            *asdict(note).values(),
            seen.get("version"),
            seen.get("probability"),
            key,
            body_hash,
        )
        with self._open() as store:
            kept = store.execute(
                "INSERT INTO feedback (at, by, customer_id, target, verdict, comment, action, until, model_version, "
                f"probability, repeat_key, body_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
                f"ON CONFLICT (repeat_key) DO NOTHING RETURNING {_SHOWN}",
                values,
            ).fetchone()
            if kept is not None:
                return dict(kept)
            first = store.execute(f"SELECT {_SHOWN}, body_hash FROM feedback WHERE repeat_key = ?", (key,)).fetchone()
        row = dict(first)
        if row.pop("body_hash") != body_hash:
            raise RequestError(409, "This Idempotency-Key was used for another body; use a new one.")
        return row | {"repeated": True}

    def latest(self, target: str) -> dict[str, dict[str, Any]]:
        """Return each customer's last feedback on ``target``."""
        newest = "SELECT MAX(id) FROM feedback WHERE target = ? GROUP BY customer_id"
        with self._open() as store:
            rows = store.execute(f"SELECT {_SHOWN} FROM feedback WHERE id IN ({newest})", (target,)).fetchall()
        return {row["customer_id"]: dict(row) for row in rows}

    def of_customer(self, customer_id: str, most: int = 50) -> Sequence[dict[str, Any]]:
        """Return a customer's feedback, newest first."""
        with self._open() as store:
            rows = store.execute(
                f"SELECT {_SHOWN} FROM feedback WHERE customer_id = ? ORDER BY id DESC LIMIT ?",
                (customer_id, most),
            ).fetchall()
        return [dict(row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            store.row_factory = sqlite3.Row
            store.execute("PRAGMA journal_mode = WAL")
            store.execute(_TABLE)
            store.execute(_INDEX)
            yield store
        finally:
            store.close()
