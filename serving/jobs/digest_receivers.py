"""Who receives a digest, and how it goes there: an e-mail, or the robot of a chat (WeCom, DingTalk, Feishu, …)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage

from rapport.errors import SettingsError
from rapport.history.settings import Settings
from rapport.languages import CODES
from rapport.serving.console.digest_content import PERIOD_DAYS, Digest
from rapport.serving.environment import LOOPBACK, SMTP_FROM, SMTP_URL
from rapport.serving.jobs.channels import DeliveryError
from rapport.serving.outbound_http import NoAnswerError, send

TIMEOUT_SECONDS = 10.0
_WECOM_BYTES = 4096


@dataclass(frozen=True)
class Mailer:
    """Sends e-mails over SMTP: encrypted, except on this machine."""

    url: str
    sender: str

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not self.sender:
            raise SettingsError(
                "E-mail needs RAPPORT_SMTP_URL, such as smtps://user:password@mail.example:465, and RAPPORT_SMTP_FROM."
            )

    def send(self, to: str, digest: Digest, message_id: str) -> None:
        """Send one digest, or raise DeliveryError."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = digest.subject, self.sender, to
        message["Message-ID"] = f"<{message_id}@rapport>"
        message.set_content(digest.as_text())
        try:
            with self._connected() as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"mail server: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        parts = urllib.parse.urlsplit(self.url)
        host, context = str(parts.hostname), ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_SECONDS)
            # Over smtp:// the connection is upgraded; only this machine is reached in the clear.
            if host not in LOOPBACK:
                server.starttls(context=context)
        if parts.username:
            server.login(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
        return server


@dataclass(frozen=True)
class ChatRobot:
    """Posts a digest to the robot of a chat; DingTalk and Feishu robots may have a secret that signs it."""

    kind: str
    url: str
    secret: str = ""

    def send(self, digest: Digest, now: datetime) -> None:
        """Post one digest, or raise DeliveryError; a robot that answers 200 with an error code has refused it."""
        url, body = self.url, _BODIES[self.kind](digest)
        if self.secret and self.kind == "dingtalk":
            at = str(int(now.timestamp() * 1000))
            url += f"&timestamp={at}&sign={urllib.parse.quote_plus(_dingtalk_sign(self.secret, at))}"
        if self.secret and self.kind == "feishu":
            at = str(int(now.timestamp()))
            body |= {"timestamp": at, "sign": _feishu_sign(self.secret, at)}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = urllib.request.Request(url, data=json.dumps(body, ensure_ascii=False).encode(), headers=headers)
        try:
            content = send(request, TIMEOUT_SECONDS, 10_000)
        except NoAnswerError as error:
            raise DeliveryError(str(error)) from error
        if code := _error_code(content):
            raise DeliveryError(f"the robot refused it ({code})")


def _dingtalk_sign(secret: str, at: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()).decode()


def _feishu_sign(secret: str, at: str) -> str:
    return base64.b64encode(hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def _error_code(content: bytes) -> object:
    """Return the error code in a robot's answer: errcode of WeCom and DingTalk, code of Feishu; 0 for none."""
    try:
        answer = json.loads(content)
    except ValueError:
        return 0
    return (answer.get("errcode") or answer.get("code") or 0) if isinstance(answer, dict) else 0


# A customer's name must not become a link or a mention.
_PLAIN = str.maketrans("<>[]*`", "‹›［］＊´")


def _markdown(digest: Digest, *, title: bool = True) -> str:
    parts = [f"## {digest.subject.translate(_PLAIN)}"] if title else []
    for section in digest.sections:
        parts.append("\n".join([f"**{section.heading}**", *(f"- {line.translate(_PLAIN)}" for line in section.lines)]))
    return "\n\n".join(parts)


def _wecom(digest: Digest) -> dict[str, object]:
    """Return the message; WeCom refuses more than 4,096 bytes, so the last lines are left out."""
    text = _markdown(digest)
    while len(text.encode()) > _WECOM_BYTES:
        text = text.rpartition("\n")[0]
    return {"msgtype": "markdown", "markdown": {"content": text}}


def _dingtalk(digest: Digest) -> dict[str, object]:
    return {"msgtype": "markdown", "markdown": {"title": digest.subject, "text": _markdown(digest)}}


def _feishu(digest: Digest) -> dict[str, object]:
    header = {"title": {"tag": "plain_text", "content": digest.subject}}
    text = {"tag": "markdown", "content": _markdown(digest, title=False)}
    return {"msg_type": "interactive", "card": {"header": header, "elements": [text]}}


def _slack(digest: Digest) -> dict[str, object]:
    text = f"*{digest.subject.translate(_PLAIN)}*\n\n{_markdown(digest, title=False).replace('**', '*')}"
    return {"text": text.replace("&", "&amp;")}


def _teams(digest: Digest) -> dict[str, object]:
    blocks = [{"type": "TextBlock", "text": digest.subject, "weight": "Bolder", "size": "Medium", "wrap": True}]
    for section in digest.sections:
        blocks.append({"type": "TextBlock", "text": section.heading, "weight": "Bolder", "wrap": True})
        blocks.append(
            {
                "type": "TextBlock",
                "text": "\n".join(f"- {line.translate(_PLAIN)}" for line in section.lines),
                "wrap": True,
            }
        )
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


_BODIES: Mapping[str, Callable[[Digest], dict[str, object]]] = {
    "wecom": _wecom,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
    "slack": _slack,
    "teams": _teams,
}
KINDS = tuple(_BODIES)


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
    is_valid = every in PERIOD_DAYS and language in CODES and hour.isdecimal() and int(hour) < 24
    if set(one) - _KEYS or not is_valid or ("to" in one) == ("kind" in one):
        languages = " or ".join(f'"{code}"' for code in CODES)
        raise SettingsError(
            f"[digests.{name}] needs to = an e-mail address, or kind = {', '.join(KINDS)} with url; it may have owner, "
            f'secret, every = "daily" or "weekly", language = {languages}, and hour = "0" to "23".'
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
