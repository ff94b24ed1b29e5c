"""Environment variables of a server, each declared once with its meaning and default; pydantic-settings reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from rapport.aliases import VARIABLES
from rapport.errors import SettingsError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Variable(NamedTuple):
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


def is_private(url: str) -> bool:
    """Return whether a URL is encrypted or stays on this machine, so that nobody between can read or change it."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _private(url: str) -> str:
    if not is_private(url):
        raise ValueError(f"{url!r} must begin with https:// (http:// only on this machine).")
    return url


def _collector(url: str) -> str:
    if not url.startswith("http"):
        raise ValueError(f"{url!r} must begin with http:// or https://.")
    return url


def _enough_threads(threads: int) -> int:
    # One thread would let a long request hold every short one behind it (measured: 2 ms becomes 475 ms).
    if threads < 2:
        raise ValueError("must be at least 2, or one long request blocks all others.")
    return threads


def _port(port: int) -> int:
    if not 0 < port < 65536:
        raise ValueError(f"{port} is not a port. Set a number from 1 to 65535.")
    return port


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return str(value.absolute() if isinstance(value, Path) else value)


Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
PrivateUrl = Annotated[str, AfterValidator(_private)]


def _declare(name: str, meaning: str, default: Any = None, shown: str = "") -> Any:
    """Return a field that a variable sets; the settings page shows ``shown`` in place of the default."""
    former = [old for old, current in VARIABLES.items() if current == name]
    shown = shown or ("none" if default in (None, ...) else _text(default))
    return Field(
        default,
        validation_alias=AliasChoices(name, *former),
        description=meaning,
        json_schema_extra={"shown": shown},
        repr=not name.endswith(("_KEY", "_SECRET")),
    )


class _Variables(BaseSettings):
    """Settings that variables set. The variables are an argument: those of the process are not read here."""

    model_config = SettingsConfigDict(frozen=True, validate_by_name=True, env_ignore_empty=True, case_sensitive=True)

    @classmethod
    def settings_customise_sources(  # the names are pydantic's
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the values of the constructor alone."""
        return (init_settings,)


class Oidc(_Variables):
    """The token issuer that the server trusts, the audience, and the claims that hold scopes and owner."""

    issuer: PrivateUrl = _declare(
        "RAPPORT_OIDC_ISSUER", "Issuer of accepted tokens, exactly as it names itself; keys still work.", ...
    )
    audience: str = _declare("RAPPORT_OIDC_AUDIENCE", "Audience that a token must name; required with an issuer.", ...)
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
    redirect_url: PrivateUrl | None = _declare(
        "RAPPORT_OIDC_REDIRECT_URL",
        "Address to which the issuer sends people back, as registered there: https://…/sign-in/callback.",
    )

    @model_validator(mode="after")
    def _client_is_whole(self) -> Oidc:
        if (self.client_id is None) != (self.redirect_url is None):
            raise ValueError(
                "RAPPORT_OIDC_CLIENT_ID and RAPPORT_OIDC_REDIRECT_URL belong together. Set both, so that people sign "
                "in at the issuer, or neither."
            )
        return self


class Environment(_Variables):
    """Addresses, limits and switches of one server."""

    data_dir: Path = _declare(
        "RAPPORT_DATA_DIR", "Folder of the published models, scores, keys, feedback and audit trail.",
        Path("rapport-data"), "rapport-data",
    )  # fmt: skip
    settings: Path | None = _declare("RAPPORT_SETTINGS", "The company's rapport.toml.")
    host: str = _declare("RAPPORT_HOST", "Address to listen on; anything but loopback needs a key.", "127.0.0.1")
    port: Annotated[int, AfterValidator(_port)] = _declare("RAPPORT_PORT", "Port to listen on.", 3000)
    workers: Count = _declare("RAPPORT_WORKERS", "Worker processes.", 1, "one for each core")
    threads: Annotated[int, AfterValidator(_enough_threads)] = _declare(
        "RAPPORT_THREADS", "Requests that one process answers in parallel; at least 2.", 2
    )
    timeout_seconds: Seconds = _declare("RAPPORT_TIMEOUT_SECONDS", "Time limit of one request.", 15.0)
    body_bytes: Count = _declare("RAPPORT_BODY_BYTES", "Size limit of one request body.", 8_000_000)
    in_flight: Count = _declare(
        "RAPPORT_IN_FLIGHT", "Concurrent API requests of one process; more are refused with 429.", 128
    )
    # Twice the promised load: 50 events and 50 reads a second by one key.
    requests_per_minute: Count = _declare("RAPPORT_REQUESTS_PER_MINUTE", "Rate limit of one key.", 12_000)
    reload_seconds: Seconds = _declare(
        "RAPPORT_RELOAD_SECONDS", "Interval at which a worker checks for a new model or snapshot.", 5.0
    )
    keys: bool = _declare("RAPPORT_KEYS", "off: no key is required; allowed on loopback only.", True)
    agent_key: str | None = _declare("RAPPORT_KEY", "Key with which 'rapport mcp' identifies its caller.")
    audit_days: Count = _declare("RAPPORT_AUDIT_DAYS", "Days for which the audit trail is kept.", 730)
    drain_seconds: float = _declare(
        "RAPPORT_DRAIN_SECONDS",
        "Seconds between the signal to stop and the end: the server is not ready but still answers.",
        2.0,
    )
    secure_cookies: bool = _declare(
        "RAPPORT_SECURE_COOKIES", "on: the console's cookies require HTTPS.", False, "on, but off on loopback"
    )
    mlflow_url: str | None = _declare("RAPPORT_MLFLOW_URL", "Address of the MLflow UI; the console links to it.")
    traces_url: Annotated[str, AfterValidator(_collector)] | None = _declare(
        "RAPPORT_TRACES_URL",
        "Collector that gets OpenTelemetry spans of requests (OTLP over HTTP): http://127.0.0.1:4318/v1/traces.",
    )
    traces_share: Annotated[float, Field(ge=0, le=1)] = _declare(
        "RAPPORT_TRACES_SHARE", "Share of the requests with a span, besides those of traced callers.", 0.1
    )
    metrics_folder: Path | None = _declare(
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
    values = {"workers": cores(), "secure_cookies": environ.get("RAPPORT_HOST", "127.0.0.1") not in LOOPBACK}
    try:
        return Environment(**values | _Source(Environment, environ)() | {"oidc": _oidc(_Source(Oidc, environ)())})
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error


def variables() -> list[tuple[str, str, str]]:
    """Return name, meaning and default of every variable, for the settings page."""
    declared = [variable for settings in (Environment, Oidc) for _, variable in _declared(settings)]
    return [*declared, WEBHOOK_URL, WEBHOOK_SECRET, SMTP_URL, SMTP_FROM, *OF_COMMANDS]


def as_variables(environment: Environment) -> dict[str, str]:
    """Return the variables that ``read_environment`` reads back to the same value (for a child process)."""
    found = _written(environment)
    return found | (_written(environment.oidc) if environment.oidc else {})


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Source(EnvSettingsSource):
    """Reads variables from a mapping, which need not be those of the process."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str]:
        return {name: text for name, text in self._environ.items() if text}


def _oidc(values: Mapping[str, Any]) -> Oidc | None:
    if "RAPPORT_OIDC_ISSUER" not in values:
        return None
    # Without an audience, a token made for any other program of the company would open this one.
    if "RAPPORT_OIDC_AUDIENCE" not in values:
        raise SettingsError("RAPPORT_OIDC_AUDIENCE: not set. With RAPPORT_OIDC_ISSUER, set it to the tokens' audience.")
    return Oidc(**values)


def _sentence(error: ValidationError) -> str:
    """Return what is wrong with the first value that is not valid, where, and what to do."""
    first = error.errors(include_url=False)[0]
    what = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "bool_parsing":
            what = f"{first['input']!r} is not valid. Set 'on' or 'off'."
        case "int_parsing" | "float_parsing" | "int_from_float":
            what = f"{first['input']!r} is not a number. Set a number or remove the variable."
        case "greater_than":
            what = "must be more than 0."
        case "greater_than_equal" | "less_than_equal":
            what = "must be a number from 0 to 1."
    return ": ".join([*map(str, first["loc"][:1]), what])


def _declared(settings: type[_Variables]) -> Iterator[tuple[str, Variable]]:
    """Yield the fields of a settings class that have a variable."""
    yield from ((name, _variable(one)) for name, one in settings.model_fields.items() if one.description)


def _variable(declared: FieldInfo) -> Variable:
    names, more = declared.validation_alias, declared.json_schema_extra
    assert isinstance(names, AliasChoices)
    assert isinstance(more, dict)
    return Variable(str(names.choices[0]), declared.description or "", str(more["shown"]))


def _written(settings: _Variables) -> dict[str, str]:
    values = ((variable.name, getattr(settings, name)) for name, variable in _declared(type(settings)))
    return {name: _text(value) for name, value in values if value not in (None, "")}
