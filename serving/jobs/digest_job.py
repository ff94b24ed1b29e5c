"""The digest job: what is due is sent once a period, by one of several workers; a failed one is sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rapport.history.settings import Settings
from rapport.serving.application.application import Application
from rapport.serving.application.stored import stored_application
from rapport.serving.console.digest_content import Digest, digest_of_owner
from rapport.serving.jobs.channels import DeliveryError
from rapport.serving.jobs.digest_receivers import DigestReceiver, digest_receivers
from rapport.serving.sqlite_files import open_store

DATABASE = "digests.db"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_LEASE = timedelta(minutes=2)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digests (
    name TEXT NOT NULL, period TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try TEXT NOT NULL DEFAULT '',
    delivered_at TEXT, problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (name, period)) STRICT;
"""


@dataclass(frozen=True)
class SentDigest:
    """What became of one digest; ``problem`` is empty when it was delivered."""

    name: str
    problem: str = ""


class DigestJob:
    """Sends each receiver's digest once a period; several workers share the work."""

    def __init__(self, data_dir: Path, settings: Settings, environ: Mapping[str, str]) -> None:
        self._data_dir, self._settings = data_dir, settings
        self.receivers = digest_receivers(settings, environ)

    def round(self, now: datetime) -> list[SentDigest]:
        """Send what is due."""
        local = now.astimezone(ZoneInfo(self._settings.timezone))
        due = [
            (receiver, period.isoformat())
            for receiver in self.receivers
            if (period := receiver.period(local)) and self._claim(receiver.name, period.isoformat(), now)
        ]
        if not due:
            return []
        application = stored_application(self._settings, self._data_dir)
        return [self._send(application, receiver, period, now) for receiver, period in due]

    def send_now(self, receiver: DigestReceiver, now: datetime) -> SentDigest:
        """Send one digest whether or not it is due."""
        return self._send(stored_application(self._settings, self._data_dir), receiver, now.isoformat(), now)

    def content(self, receiver: DigestReceiver, now: datetime) -> Digest:
        """Return what a receiver would get."""
        return self._content(stored_application(self._settings, self._data_dir), receiver, now)

    def _content(self, application: Application, receiver: DigestReceiver, now: datetime) -> Digest:
        today = now.astimezone(ZoneInfo(self._settings.timezone)).date()
        return digest_of_owner(
            application, receiver.owner, today=today, every=receiver.every, language=receiver.language
        )

    def _send(self, application: Application, receiver: DigestReceiver, period: str, now: datetime) -> SentDigest:
        try:
            digest = self._content(application, receiver, now)
            receiver.send(digest, now, f"{receiver.name}-{period}".replace(":", "-").replace("+", "-"))
        except DeliveryError as error:
            self._record(receiver.name, period, now, str(error))
            return SentDigest(receiver.name, str(error))
        self._record(receiver.name, period, now, "")
        return SentDigest(receiver.name)

    def _claim(self, name: str, period: str, now: datetime) -> bool:
        """Take a digest that is due; while one worker sends it, no other does."""
        sql = (
            "UPDATE digests SET next_try = ?, attempts = attempts + 1 "
            "WHERE name = ? AND period = ? AND delivered_at IS NULL AND next_try <= ?"
        )
        with open_store(self._data_dir / DATABASE, _SCHEMA) as store:
            store.execute("INSERT OR IGNORE INTO digests (name, period) VALUES (?, ?)", (name, period))
            return store.execute(sql, (_stamp(now + _LEASE), name, period, _stamp(now))).rowcount == 1

    def _record(self, name: str, period: str, now: datetime, problem: str) -> None:
        with open_store(self._data_dir / DATABASE, _SCHEMA) as store:
            store.execute("INSERT OR IGNORE INTO digests (name, period, attempts) VALUES (?, ?, 1)", (name, period))
            sql = "SELECT attempts FROM digests WHERE name = ? AND period = ?"
            attempts = store.execute(sql, (name, period)).fetchone()[0]
            wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
            store.execute(
                "UPDATE digests SET next_try = ?, delivered_at = ?, problem = ? WHERE name = ? AND period = ?",
                (_stamp(now + wait), None if problem else _stamp(now), problem, name, period),
            )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
