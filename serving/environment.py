"""Environment variables of a server. Each is declared once: its name, meaning, default, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from rapport.aliases import variable as read_variable
from rapport.errors import SettingsError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Variable:
    """One environment variable; ``default`` is the text that the settings page shows."""

    name: str
    meaning: str
    default: str = "none"


WEBHOOK_URL = Variable("RAPPORT_WEBHOOK_URL", "Address that alerts are posted to after each scoring run.")
WEBHOOK_SECRET = Variable(
    "RAPPORT_WEBHOOK_SECRET", "Secret that signs alerts and scores sent to a webhook; at least 16 bytes."
)
SMTP_URL = Variable(
    "RAPPORT_SMTP_URL",
    "Mail server of digests: smtps://user:password@host:465, or smtp:// with STARTTLS (in the clear on this machine).",
)
SMTP_FROM = Variable("RAPPORT_SMTP_FROM", "Address that digests are sent from.")
# Addresses of databases hold passwords: here they are in no list of processes. The command line reads them.
OF_COMMANDS = (
    Variable("RAPPORT_HISTORY", "HISTORY of every command that has one: a folder or a database URL.", ""),
    Variable("RAPPORT_SCORES_OUT", "`--out` of `rapport score`.", ""),
    Variable("RAPPORT_DATABASE", "`--database` of `rapport worker`.", ""),
)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return str(value.absolute() if isinstance(value, Path) else value)


def _declare(name: str, meaning: str, default: Any = None, shown: str = "") -> Any:
    """Return a field that a variable sets; the settings page shows ``shown`` in place of the default."""
    shown = shown or ("none" if default in (None, MISSING) else _text(default))
    return field(default=default, metadata={"variable": Variable(name, meaning, shown)})


@dataclass(frozen=True)
class Oidc:
    """The token issuer that the server trusts, the audience, and the claims that hold scopes and owner."""

    issuer: str = _declare(
        "RAPPORT_OIDC_ISSUER", "Issuer of accepted tokens, exactly as it names itself; keys still work.", MISSING
    )
    audience: str = _declare(
        "RAPPORT_OIDC_AUDIENCE", "Audience that a token must name; required with an issuer.", MISSING
    )
    claim: str = _declare(
        "RAPPORT_OIDC_CLAIM",
        "Claim that holds the scopes, as rapport:read or rapport.read; a.b is b inside a.",
        "scope",
    )
    owner_claim: str | None = _declare(
        "RAPPORT_OIDC_OWNER_CLAIM",
        "Claim that names the owner whose customers a token may see; tokens without it are refused.",
    )
    team_claim: str | None = _declare(
        "RAPPORT_OIDC_TEAM_CLAIM", "Claim that lists the owners whose customers a manager sees."
    )
    client_id: str | None = _declare(
        "RAPPORT_OIDC_CLIENT_ID",
        "Name under which the issuer knows the console: people sign in there with their own account.",
    )
    client_secret: str | None = _declare(
        "RAPPORT_OIDC_CLIENT_SECRET", "Secret of that client; leave it unset for a public client (PKCE)."
    )
    redirect_url: str | None = _declare(
        "RAPPORT_OIDC_REDIRECT_URL",
        "Address to which the issuer sends people back, as registered there: https://…/sign-in/callback.",
    )


@dataclass(frozen=True)
class Environment:
    """Addresses, limits and switches of one server."""

    data_dir: Path = _declare(  # noqa: RUF009 - the default cannot change, nor below
        "RAPPORT_DATA_DIR", "Folder of the published models, scores, keys, feedback and audit trail.",
        Path("rapport-data"), "rapport-data",
    )  # fmt: skip
    settings: Path | None = _declare("RAPPORT_SETTINGS", "The company's rapport.toml.")  # noqa: RUF009
    host: str = _declare("RAPPORT_HOST", "Address to listen on; anything but loopback needs a key.", "127.0.0.1")
    port: int = _declare("RAPPORT_PORT", "Port to listen on.", 3000)
    workers: int = _declare("RAPPORT_WORKERS", "Worker processes.", 1, "one for each core")
    threads: int = _declare("RAPPORT_THREADS", "Requests that one process answers in parallel; at least 2.", 2)
    timeout_seconds: float = _declare("RAPPORT_TIMEOUT_SECONDS", "Time limit of one request.", 15.0)
    body_bytes: int = _declare("RAPPORT_BODY_BYTES", "Size limit of one request body.", 8_000_000)
    in_flight: int = _declare(
        "RAPPORT_IN_FLIGHT", "Concurrent API requests of one process; more are refused with 429.", 128
    )
    # Twice the promised load: 50 events and 50 reads a second by one key.
    requests_per_minute: int = _declare("RAPPORT_REQUESTS_PER_MINUTE", "Rate limit of one key.", 12_000)
    reload_seconds: float = _declare(
        "RAPPORT_RELOAD_SECONDS", "Interval at which a worker checks for a new model or snapshot.", 5.0
    )
    keys: bool = _declare("RAPPORT_KEYS", "off: no key is required; allowed on loopback only.", True)
    agent_key: str | None = _declare("RAPPORT_KEY", "Key with which 'rapport mcp' identifies its caller.")
    audit_days: int = _declare("RAPPORT_AUDIT_DAYS", "Days for which the audit trail is kept.", 730)
    drain_seconds: float = _declare(
        "RAPPORT_DRAIN_SECONDS",
        "Seconds between the signal to stop and the end: the server is not ready but still answers.",
        2.0,
    )
    secure_cookies: bool = _declare(
        "RAPPORT_SECURE_COOKIES", "on: the console's cookies require HTTPS.", False, "on, but off on loopback"
    )
    mlflow_url: str | None = _declare("RAPPORT_MLFLOW_URL", "Address of the MLflow UI; the console links to it.")
    traces_url: str | None = _declare(
        "RAPPORT_TRACES_URL",
        "Collector that gets OpenTelemetry spans of requests (OTLP over HTTP): http://127.0.0.1:4318/v1/traces.",
    )
    traces_share: float = _declare(
        "RAPPORT_TRACES_SHARE", "Share of the requests with a span, besides those of traced callers.", 0.1
    )
    metrics_folder: Path | None = _declare(  # noqa: RUF009
        "PROMETHEUS_MULTIPROC_DIR", "Folder in which the workers of one server share their metrics.",
        shown="set by the server",
    )  # fmt: skip
    oidc: Oidc | None = None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read the variables; a value that is not valid is refused with the name of its variable."""
    values = _values(Environment, environ)
    values.setdefault("workers", cores())
    values.setdefault("secure_cookies", values.get("host", "127.0.0.1") not in LOOPBACK)
    return _validated(Environment(**values, oidc=_oidc(_values(Oidc, environ))))


def variables() -> list[tuple[str, str, str]]:
    """Return name, meaning and default of every variable, for the settings page."""
    declared = [variable for settings in (Environment, Oidc) for _, variable in _declared(settings)]
    return [
        (one.name, one.meaning, one.default)
        for one in (*declared, WEBHOOK_URL, WEBHOOK_SECRET, SMTP_URL, SMTP_FROM, *OF_COMMANDS)
    ]


def as_variables(environment: Environment) -> dict[str, str]:
    """Return the variables that ``read_environment`` reads back to the same value (for a child process)."""
    found = _written(environment)
    return found | (_written(environment.oidc) if environment.oidc else {})


def is_private(url: str) -> bool:
    """Return whether a URL is encrypted or stays on this machine, so that nobody between can read or change it."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _declared(settings: type) -> Iterator[tuple[str, Variable]]:
    """Yield the fields of a settings class that have a variable."""
    yield from ((one.name, one.metadata["variable"]) for one in fields(settings) if one.metadata)


def _values(settings: type, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields whose variable is set; an empty variable counts as not set."""
    kinds = get_type_hints(settings)
    texts = ((name, variable.name, read_variable(environ, variable.name)) for name, variable in _declared(settings))
    return {name: _parsed(variable, text, kinds[name]) for name, variable, text in texts if text}


def _parsed(variable: str, text: str, kind: Any) -> Any:
    kind = next(iter(get_args(kind)), kind)
    if kind is bool:
        if text.lower() not in ("on", "off"):
            raise SettingsError(f"{variable}: {text!r} is not valid. Set 'on' or 'off'.")
        return text.lower() == "on"
    try:
        return kind(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: {text!r} is not a number. Set a number or remove the variable.") from error


def _written(settings: Environment | Oidc) -> dict[str, str]:
    values = ((variable.name, getattr(settings, name)) for name, variable in _declared(type(settings)))
    return {name: _text(value) for name, value in values if value not in (None, "")}


def _oidc(values: Mapping[str, Any]) -> Oidc | None:
    if "issuer" not in values:
        return None
    # Without an audience, a token made for any other program of the company would open this one.
    if "audience" not in values:
        raise SettingsError("RAPPORT_OIDC_AUDIENCE: not set. With RAPPORT_OIDC_ISSUER, set it to the tokens' audience.")
    oidc = Oidc(**values)
    if not is_private(oidc.issuer):
        raise SettingsError(
            f"RAPPORT_OIDC_ISSUER: {oidc.issuer!r} must begin with https:// (http:// only on this machine)."
        )
    if (oidc.client_id is None) != (oidc.redirect_url is None):
        raise SettingsError(
            "RAPPORT_OIDC_CLIENT_ID and RAPPORT_OIDC_REDIRECT_URL belong together. Set both, so that people sign in at "
            "the issuer, or neither."
        )
    if oidc.redirect_url is not None and not is_private(oidc.redirect_url):
        raise SettingsError(
            f"RAPPORT_OIDC_REDIRECT_URL: {oidc.redirect_url!r} must begin with https:// (http:// only on this machine)."
        )
    return oidc


def _validated(environment: Environment) -> Environment:
    # One thread would let a long request hold every short one behind it (measured: 2 ms becomes 475 ms).
    if environment.threads < 2:
        raise SettingsError("RAPPORT_THREADS: must be at least 2, or one long request blocks all others.")
    positive = ("workers", "timeout_seconds", "body_bytes", "in_flight", "requests_per_minute", "reload_seconds",
                "audit_days")  # fmt: skip
    for name, variable in _declared(Environment):
        if name in positive and getattr(environment, name) <= 0:
            raise SettingsError(f"{variable.name}: must be more than 0.")
    if not 0 <= environment.traces_share <= 1 or not (environment.traces_url or "http://").startswith("http"):
        raise SettingsError("RAPPORT_TRACES_SHARE: a number from 0 to 1. RAPPORT_TRACES_URL: http:// or https://.")
    if not 0 < environment.port < 65536:
        raise SettingsError(f"RAPPORT_PORT: {environment.port} is not a port. Set a number from 1 to 65535.")
    return environment
