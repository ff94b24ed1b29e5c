"""What a company decides for itself: ``rapport.toml``, read into one frozen value."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import available_timezones

from rapport.history.contract import TABLES, columns_of

from rapport.durations import parse_span
from rapport.errors import SettingsError

Names = Mapping[str, str]
Groups = Mapping[str, tuple[str, ...]]


def _setting(default: Any, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True)
class Settings:
    """The settings of one company; every one has a default, and says what it is for."""

    zone: str = _setting("UTC", "Time zone of the company: times without a zone are read as this one's.")
    currency: str = _setting("CNY", "Currency of all amounts, as printed beside them.")
    language: str = _setting("en", "Language of reasons and reports: en or zh.")
    active: str = _setting("12mo", "How recent an order makes a customer active.")
    horizon: str = _setting("12mo", "How far ahead a prediction looks.")
    churn: str = _setting("orders", "What churn is judged by: orders or contracts.")
    grace: str = _setting("1mo", "How long after its end a contract may still be renewed.")
    fixed_attributes: tuple[str, ...] = _setting(
        (), "Columns of customers that never change afterwards, and so may be used as features."
    )
    dates: str = _setting("iso", "How 03/04/2026 is read: day_first, month_first, or iso to refuse it.")
    sentiment: str = _setting(
        "given",
        "Mood of an interaction without a number: given for none, text to tell it from its text (English, Chinese).",
    )
    reject_share: float = _setting(0.2, "Share of a table's rows that may be refused before the run stops.")
    calls_per_week: int = _setting(50, "How many customers the team can call in a week.")
    home: str = _setting("rapport-data", "Folder of the published models and scores.")
    playbook: str = _setting(
        "", "Folder of the company's own advice, alert rules, cadence and segment names; empty for the shipped ones."
    )
    memory_limit: str = _setting(
        "900MB",
        "Most memory the engine may take before it spills to `scratch`; empty for four fifths of the machine's.",
    )
    training_rows: int = _setting(
        600_000,
        "Most rows (customers times cutoffs) that the trees learn from; beyond it some customers are left out. "
        "All other parts learn from 600,000 at most.",
    )
    threads: int = _setting(0, "Threads of the engine; 0 for one for each core.")
    scratch: str = _setting("", "Folder where the engine puts what does not fit in memory.")
    cards: Names = field(
        default_factory=lambda: {"churn": "relationship", "conversion": "behaviour"},
        metadata={"says": "The scorecard of each target: a shipped name or a file."},
    )
    mapping: Mapping[str, Names] = field(
        default_factory=dict,
        metadata={"says": "Own names: in [mapping.orders], table = own table, and contract column = own column."},
    )
    words: Mapping[str, Names] = field(
        default_factory=dict,
        metadata={"says": 'A company\'s own words for a column\'s values: in [words.channel], "拜访" = "visit".'},
    )
    vocabulary: Groups = field(
        default_factory=dict,
        metadata={"says": "Values of a column that get features of their own, such as channel = [...]."},
    )

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def read(cls, path: Path | None) -> "Settings":
        """Read ``rapport.toml``; without a path, the defaults."""
        if path is None:
            return cls()
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read ({error.strerror}). Name a file that exists.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: is not TOML: {error}. Mend that line.") from error
        return cls.of(written, where=str(path))

    @classmethod
    def of(cls, written: Mapping[str, Any], where: str = "settings") -> "Settings":
        """Make settings of plain values; unknown names and wrong kinds are refused."""
        known = {setting.name: setting for setting in fields(cls)}
        for name in written:
            if name not in known:
                raise SettingsError(f"{where}: no such setting: {name}.{_nearest(name, known)}")
        try:
            return cls(**{name: _as(known[name].type, value, name) for name, value in written.items()})
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from error


def settings_page() -> list[tuple[str, str, str]]:
    """Return every setting with its default, as it would be written, and what it is for."""
    return [(each.name, _toml(getattr(Settings(), each.name)), each.metadata["says"]) for each in fields(Settings)]


def _as(kind: Any, value: Any, name: str) -> Any:
    """Return the value as the setting's kind; SettingsError where it is another."""
    if kind in (str, int):
        fits = isinstance(value, kind) and not isinstance(value, bool)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif get_origin(kind) is tuple:
        fits = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    else:
        return _as_table(kind, value, name)
    if not fits:
        raise SettingsError(f"{name} = {value!r} should be {_spoken(kind)}.")
    return tuple(value) if get_origin(kind) is tuple else kind(value)


def _as_table(kind: Any, value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{name} = {value!r} should be a table: write [{name}] and its lines below.")
    inner = get_args(kind)[1]
    return {str(key): _as(inner, each, f"{name}.{key}") for key, each in value.items()}


def _spoken(kind: Any) -> str:
    names = {str: "text in quotes", int: "a whole number", float: "a number"}
    return names.get(kind, "a list of texts")


def _check(settings: Settings) -> None:
    """Refuse values that are of the right kind but mean nothing."""
    _one_of("language", settings.language, ("en", "zh"))
    _one_of("churn", settings.churn, ("orders", "contracts"))
    _one_of("sentiment", settings.sentiment, ("given", "text"))
    _one_of("dates", settings.dates, ("iso", "day_first", "month_first"))
    for name in ("active", "horizon", "grace"):
        _a_span(name, getattr(settings, name))
    if settings.zone not in available_timezones():
        near = _nearest(settings.zone, available_timezones())
        raise SettingsError(f"zone = {settings.zone!r} is no time zone.{near} Write one such as Asia/Shanghai.")
    if not 0 <= settings.reject_share <= 1:
        raise SettingsError(f"reject_share = {settings.reject_share} should lie between 0 and 1.")
    for name in ("calls_per_week", "threads"):
        if getattr(settings, name) < 0:
            raise SettingsError(f"{name} = {getattr(settings, name)} should not be negative.")
    if settings.training_rows < 1000:
        raise SettingsError(f"training_rows = {settings.training_rows} should be 1000 at least.")
    _check_mapping(settings.mapping)


def _check_mapping(mapping: Mapping[str, Names]) -> None:
    known = {table.name: ("table", *(column.name for column in columns_of(table))) for table in TABLES}
    for table, names in mapping.items():
        if table not in known:
            raise SettingsError(f"[mapping.{table}]: the contract has no such table.{_nearest(table, known)}")
        for name in names:
            # Attributes of customers may have any name, so they may be mapped to any.
            if name not in known[table] and table != "customers":
                near = _nearest(name, known[table])
                raise SettingsError(f"[mapping.{table}]: {table} has no column {name}.{near}")


def _a_span(name: str, written: str) -> None:
    try:
        parse_span(written)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{name} = {value!r} should be one of {', '.join(allowed)}.")


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return (
        f" Did you mean {near[0]}?" if near else f" There are: {', '.join(sorted(known))}." if len(known) < 40 else ""
    )


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'{key} = "{each}"' for key, each in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{each}"' for each in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
