"""The digest job: who receives it, when it is due, and what was sent; a failed one is sent again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rapport.errors import SettingsError
from rapport.files import private_file
from rapport.history.settings import Settings
from rapport.serving.application.application import Application
from rapport.serving.application.stored import stored_application
from rapport.serving.console.digest import PERIOD_DAYS, Digest
from rapport.serving.console.digest_sources import digest_of_owner
from rapport.serving.environment import SMTP_FROM, SMTP_URL
from rapport.serving.jobs.channels import DeliveryError
from rapport.serving.jobs.digest_channels import KINDS, ChatRobot, Mailer

DATABASE = "digests.db"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_LEASE = timedelta(minutes=2)
_KEYS = frozenset({"owner", "to", "kind", "url", "secret", "every", "language", "hour"})
_DEFAULT_HOUR = "8"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digests (
    name TEXT NOT NULL, period TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try TEXT NOT NULL DEFAULT '',
    delivered_at TEXT, problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (name, period)) STRICT;
"""


@dataclass(frozen=True)
class DigestReceiver:
    """One receiver: whose customers, where to, how often, in which language, from which local hour."""

    name: str
    owner: str | None
    channel: Mailer | ChatRobot
    to: str
    every: str
    language: str
    hour: int

    def period(self, local: datetime) -> date | None:
        """Return the day, or the Monday, whose digest is due by now; None before the hour."""
        if local.hour < self.hour:
            return None
        today = local.date()
        return today if self.every == "daily" else today - timedelta(days=today.weekday())

    def send(self, digest: Digest, now: datetime, message_id: str) -> None:
        """Deliver one digest, or raise DeliveryError."""
        if isinstance(self.channel, Mailer):
            self.channel.send(self.to, digest, message_id)
        else:
            self.channel.send(digest, now)


@dataclass(frozen=True)
class SentDigest:
    """What became of one digest; ``problem`` is empty when it was delivered."""

    name: str
    problem: str = ""


def digest_receivers(settings: Settings, environ: Mapping[str, str]) -> tuple[DigestReceiver, ...]:
    """Return the receivers that the settings name; addresses of robots and their secrets come from the environment."""
    return tuple(_receiver(name, one, settings, environ) for name, one in settings.digests.items())


def _receiver(name: str, one: Mapping[str, str], settings: Settings, environ: Mapping[str, str]) -> DigestReceiver:
    every, language, hour = (
        one.get("every", "weekly"), one.get("language", settings.language), one.get("hour", _DEFAULT_HOUR)
    )  # fmt: skip
    is_valid = every in PERIOD_DAYS and language in ("en", "zh") and hour.isdecimal() and int(hour) < 24
    if set(one) - _KEYS or not is_valid or ("to" in one) == ("kind" in one):
        raise SettingsError(
            f"[digests.{name}] needs to = an e-mail address, or kind = {', '.join(KINDS)} with url; it may have owner, "
            'secret, every = "daily" or "weekly", language = "en" or "zh", and hour = "0" to "23".'
        )
    channel: Mailer | ChatRobot
    if "to" in one:
        channel = Mailer(environ.get(SMTP_URL.name, ""), environ.get(SMTP_FROM.name, ""))
    else:
        channel = _robot(name, one, environ)
    return DigestReceiver(name, one.get("owner"), channel, one.get("to", ""), every, language, int(hour))


def _robot(name: str, one: Mapping[str, str], environ: Mapping[str, str]) -> ChatRobot:
    if one["kind"] not in KINDS or "url" not in one:
        raise SettingsError(f"[digests.{name}]: write kind = {', '.join(KINDS)}, and url.")
    for key in ("url", "secret"):
        if key in one and not environ.get(one[key]):
            raise SettingsError(f"[digests.{name}]: the environment variable {one[key]} is not set. Set it.")
    url = environ[one["url"]]
    if not url.startswith(("https://", "http://")):
        raise SettingsError(f"[digests.{name}]: {one['url']} does not hold an http or https address.")
    return ChatRobot(one["kind"], url, environ[one["secret"]] if "secret" in one else "")


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
        with self._open() as store:
            store.execute("INSERT OR IGNORE INTO digests (name, period) VALUES (?, ?)", (name, period))
            return store.execute(sql, (_stamp(now + _LEASE), name, period, _stamp(now))).rowcount == 1

    def _record(self, name: str, period: str, now: datetime, problem: str) -> None:
        with self._open() as store:
            store.execute("INSERT OR IGNORE INTO digests (name, period, attempts) VALUES (?, ?, 1)", (name, period))
            sql = "SELECT attempts FROM digests WHERE name = ? AND period = ?"
            attempts = store.execute(sql, (name, period)).fetchone()[0]
            wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
            store.execute(
                "UPDATE digests SET next_try = ?, delivered_at = ?, problem = ? WHERE name = ? AND period = ?",
                (_stamp(now + wait), None if problem else _stamp(now), problem, name, period),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        path = self._data_dir / DATABASE
        private_file(path)
        store = sqlite3.connect(path, timeout=30)
        try:
            with store:
                store.executescript(_SCHEMA)
                yield store
        finally:
            store.close()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
