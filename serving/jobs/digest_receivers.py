"""Who receives a digest: the receivers that ``[digests.NAME]`` names, each with its channel and its period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rapport.errors import SettingsError
from rapport.history.settings import Settings
from rapport.serving.console.digest_content import PERIOD_DAYS, Digest
from rapport.serving.environment import SMTP_FROM, SMTP_URL
from rapport.serving.jobs.digest_channels import KINDS, ChatRobot, Mailer

_KEYS = frozenset({"owner", "to", "kind", "url", "secret", "every", "language", "hour"})
_DEFAULT_HOUR = "8"


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
