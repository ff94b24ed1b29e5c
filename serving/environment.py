"""What the operator decides for one server: addresses, limits, keys; read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from rapport.errors import SettingsError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
N_ = TypeVar("N_", int, float)


@dataclass(frozen=True)
class Oidc:
    """Whose tokens are trusted, for which audience, and which of their claims name scopes and owner."""

    issuer: str
    audience: str
    claim: str = "scope"
    owner_claim: str | None = None


@dataclass(frozen=True)
class Environment:
    """Addresses, limits and switches of one server; every field has a ``RAPPORT_…`` variable."""

    home: Path = Path("rapport-data")
    settings: Path | None = None
    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    threads: int = 2
    timeout_seconds: float = 15.0
    body_bytes: int = 8_000_000
    in_flight: int = 16
    requests_per_minute: int = 6_000
    reload_seconds: float = 5.0
    keys: bool = True
    secure_cookies: bool = False
    mlflow_url: str | None = None
    metrics_folder: Path | None = None
    oidc: Oidc | None = None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read the ``RAPPORT_…`` variables; a value that is not understood is refused with its name."""
    host = environ.get("RAPPORT_HOST", "127.0.0.1")
    environment = Environment(
        home=Path(environ.get("RAPPORT_HOME", "rapport-data")),
        settings=_path(environ, "RAPPORT_SETTINGS"),
        host=host,
        port=_number(environ, "RAPPORT_PORT", 3000, int),
        workers=_number(environ, "RAPPORT_WORKERS", cores(), int),
        threads=_number(environ, "RAPPORT_THREADS", 2, int),
        timeout_seconds=_number(environ, "RAPPORT_TIMEOUT_SECONDS", 15.0, float),
        body_bytes=_number(environ, "RAPPORT_BODY_BYTES", 8_000_000, int),
        in_flight=_number(environ, "RAPPORT_IN_FLIGHT", 16, int),
        requests_per_minute=_number(environ, "RAPPORT_REQUESTS_PER_MINUTE", 6_000, int),
        reload_seconds=_number(environ, "RAPPORT_RELOAD_SECONDS", 5.0, float),
        keys=_switch(environ, "RAPPORT_KEYS", default=True),
        secure_cookies=_switch(environ, "RAPPORT_SECURE_COOKIES", default=host not in LOOPBACK),
        mlflow_url=environ.get("RAPPORT_MLFLOW_URL") or None,
        metrics_folder=_path(environ, "PROMETHEUS_MULTIPROC_DIR"),
        oidc=_oidc(environ),
    )
    return _checked(environment)


def variables() -> list[tuple[str, str, str]]:
    """Return every variable with what it means and its default, as the settings page lists them."""
    return [
        ("RAPPORT_HOME", "Folder of the published models, scores, keys, feedback and audit trail.", "rapport-data"),
        ("RAPPORT_SETTINGS", "The company's rapport.toml.", "none"),
        ("RAPPORT_HOST", "Address to listen on; anything but loopback needs a key.", "127.0.0.1"),
        ("RAPPORT_PORT", "Port to listen on.", "3000"),
        ("RAPPORT_WORKERS", "Processes that answer.", "one for each core"),
        ("RAPPORT_THREADS", "Requests that one process answers side by side; at least 2.", "2"),
        ("RAPPORT_TIMEOUT_SECONDS", "How long an answer may take.", "15"),
        ("RAPPORT_BODY_BYTES", "How large a request may be.", "8000000"),
        ("RAPPORT_IN_FLIGHT", "API requests in one process before the next is sent away with 429.", "16"),
        ("RAPPORT_REQUESTS_PER_MINUTE", "Requests of one key a minute.", "6000"),
        ("RAPPORT_RELOAD_SECONDS", "How often a worker looks for a new model or a new night.", "5"),
        ("RAPPORT_KEYS", "off: no key is asked for; only ever so on loopback.", "on"),
        (
            "RAPPORT_OIDC_ISSUER",
            "Issuer whose signed tokens are taken beside keys, exactly as it names itself.",
            "none",
        ),
        ("RAPPORT_OIDC_AUDIENCE", "Audience that a token must be made for; needed with an issuer.", "none"),
        (
            "RAPPORT_OIDC_CLAIM",
            "Claim that holds the scopes, as rapport:read or rapport.read; a.b is b inside a.",
            "scope",
        ),
        (
            "RAPPORT_OIDC_OWNER_CLAIM",
            "Claim that says whose customers a token may see; a token without it is refused.",
            "none",
        ),
        ("RAPPORT_SECURE_COOKIES", "on: the console's cookies travel by HTTPS only.", "on, but off on loopback"),
        ("RAPPORT_MLFLOW_URL", "Where people read MLflow; the console links to it.", "none"),
        ("RAPPORT_WEBHOOK_URL", "Where alerts of the night are posted.", "none"),
        (
            "RAPPORT_WEBHOOK_SECRET",
            "What alerts and scores sent to a webhook are signed with; at least 16 bytes.",
            "none",
        ),
    ]


def as_variables(environment: Environment) -> dict[str, str]:
    """Return the variables that ``read_environment`` reads back to the same value (for a child process)."""
    variables = {
        "RAPPORT_HOME": str(environment.home.absolute()),
        "RAPPORT_HOST": environment.host,
        "RAPPORT_PORT": str(environment.port),
        "RAPPORT_WORKERS": str(environment.workers),
        "RAPPORT_THREADS": str(environment.threads),
        "RAPPORT_TIMEOUT_SECONDS": repr(environment.timeout_seconds),
        "RAPPORT_BODY_BYTES": str(environment.body_bytes),
        "RAPPORT_IN_FLIGHT": str(environment.in_flight),
        "RAPPORT_REQUESTS_PER_MINUTE": str(environment.requests_per_minute),
        "RAPPORT_RELOAD_SECONDS": repr(environment.reload_seconds),
        "RAPPORT_KEYS": "on" if environment.keys else "off",
        "RAPPORT_SECURE_COOKIES": "on" if environment.secure_cookies else "off",
    }
    if environment.settings:
        variables["RAPPORT_SETTINGS"] = str(environment.settings.absolute())
    if environment.mlflow_url:
        variables["RAPPORT_MLFLOW_URL"] = environment.mlflow_url
    if environment.metrics_folder:
        variables["PROMETHEUS_MULTIPROC_DIR"] = str(environment.metrics_folder.absolute())
    return variables | (_oidc_variables(environment.oidc) if environment.oidc else {})


def _oidc(environ: Mapping[str, str]) -> Oidc | None:
    issuer, audience = environ.get("RAPPORT_OIDC_ISSUER"), environ.get("RAPPORT_OIDC_AUDIENCE")
    if not issuer:
        return None
    # Without an audience, a token made for any other program of the company would open this one.
    if not audience:
        raise SettingsError("RAPPORT_OIDC_AUDIENCE: must be set with RAPPORT_OIDC_ISSUER, to what its tokens are for.")
    if not is_private(issuer):
        raise SettingsError(f"RAPPORT_OIDC_ISSUER: {issuer!r} must begin with https:// (http:// only on this machine).")
    owner_claim = environ.get("RAPPORT_OIDC_OWNER_CLAIM") or None
    return Oidc(issuer, audience, environ.get("RAPPORT_OIDC_CLAIM") or "scope", owner_claim)


def _oidc_variables(oidc: Oidc) -> dict[str, str]:
    given = {"ISSUER": oidc.issuer, "AUDIENCE": oidc.audience, "CLAIM": oidc.claim, "OWNER_CLAIM": oidc.owner_claim}
    return {f"RAPPORT_OIDC_{name}": value for name, value in given.items() if value}


def is_private(url: str) -> bool:
    """Say whether nobody on the way can read or change what the address answers."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(environment: Environment) -> Environment:
    # One thread would let a long request hold every short one behind it (measured: 2 ms becomes 475 ms).
    if environment.threads < 2:
        raise SettingsError("RAPPORT_THREADS: must be at least 2, or one long request holds up all others.")
    positive = (
        "workers",
        "timeout_seconds",
        "body_bytes",
        "in_flight",
        "requests_per_minute",
        "reload_seconds",
    )
    for name in positive:
        if getattr(environment, name) <= 0:
            raise SettingsError(f"RAPPORT_{name.upper()}: must be more than 0.")
    if not 0 < environment.port < 65536:
        raise SettingsError(f"RAPPORT_PORT: {environment.port} is not a port; give one from 1 to 65535.")
    return environment


def _number(environ: Mapping[str, str], name: str, default: N_, kind: Callable[[str], N_]) -> N_:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        return kind(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} is not a number; give one or leave the variable out.") from error


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "").lower()
    if text in ("on", "off"):
        return text == "on"
    if text:
        raise SettingsError(f"{name}: {text!r} is not understood; say 'on' or 'off'.")
    return default


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    return Path(text) if text else None
