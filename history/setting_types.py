"""Types of settings: what a value may be, and the sentence for one that may not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Strict

from rapport.durations import parse_duration
from rapport.errors import SettingsError
from rapport.history.contract import TABLES, columns_of
from rapport.history.setting_errors import nearest, whole_sentence

Names = Mapping[str, str]


def _duration(written: str) -> str:
    try:
        parse_duration(written)
    except SettingsError as error:
        raise whole_sentence(f"{{name}}: {error}") from error
    return written


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(
            f"{name!r} is not a time zone.{nearest(name, available_timezones())} Write one such as Asia/Shanghai."
        )
    return name


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{value} should be between 0 and 1.")
    return value


def _share_or_default(value: float) -> float:
    if value > 1:
        raise ValueError(f"{value} should be between 0 and 1, or -1.")
    return value


def _threshold(value: float) -> float:
    if value == 1:
        raise ValueError("1 would never apply. Write a value below 1, or 0 for the default.")
    return value


def _not_negative(value: float) -> float:
    if value < 0:
        raise ValueError(f"{value} should not be negative.")
    return value


def _cost(value: float) -> float:
    if value < 0 and value != -1:
        raise ValueError(f"{value} should not be negative; -1 is the default.")
    return value


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError(f"{value} should be above 0.")
    return value


def _enough_rows(value: int) -> int:
    if value < 1000:
        raise ValueError(f"{value} should be at least 1000.")
    return value


def _of_contract(mapping: Mapping[str, Names]) -> Mapping[str, Names]:
    """Refuse tables and columns that the contract does not have."""
    more = ("table", "where", "join", "changes", "fill_down", "valid_from", "valid_to")
    known = {table.name: (*more, *(column.name for column in columns_of(table))) for table in TABLES}
    for table, names in mapping.items():
        if table not in known:
            raise whole_sentence(f"[mapping.{table}]: the contract has no such table.{nearest(table, known)}")
        for name in names:
            # Attributes of customers may have any name.
            if name not in known[table] and table != "customers":
                near = nearest(name, known[table])
                raise whole_sentence(f"[mapping.{table}]: {table} has no column {name}.{near}")
    return mapping


Duration = Annotated[str, AfterValidator(_duration)]
Share = Annotated[float, AfterValidator(_share)]
Count = Annotated[int, AfterValidator(_not_negative)]
Amount = Annotated[float, AfterValidator(_not_negative)]
# Python code may give a path.
Folder = Annotated[str, BeforeValidator(lambda path: str(path) if isinstance(path, Path) else path)]
# A list of TOML; the texts in it are texts.
Texts = Annotated[tuple[str, ...], Strict(False)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Threshold = Annotated[Share, AfterValidator(_threshold)]
Cost = Annotated[float, AfterValidator(_cost)]
Positive = Annotated[float, AfterValidator(_positive)]
ShareOrDefault = Annotated[float, AfterValidator(_share_or_default)]
TrainingRows = Annotated[int, AfterValidator(_enough_rows)]
Mapped = Annotated[Mapping[str, Names], AfterValidator(_of_contract)]
