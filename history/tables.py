"""What a table and a column of the contract are, before any is declared."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

Kind = Literal["id", "time", "number", "flag", "text"]

SQL_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"id": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "flag": "BOOLEAN", "text": "VARCHAR"}
)


@dataclass(frozen=True)
class Words:
    """One thing said in both languages of the product."""

    en: str
    zh: str


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``later`` names the column that says when this fact became known: it is null until that time is before
    the cutoff. ``low`` and ``high`` are the values that are possible at all. ``planned`` marks a time that
    may lie ahead (a due date), which is why it is not refused for being in the future.
    """

    name: str
    kind: Kind
    title: Words
    required: bool = False
    unit: str = ""
    later: str | None = None
    low: float | None = None
    high: float | None = None
    planned: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: ``key`` is the column of unique values, ``time`` the one that says when it happened."""

    name: str
    title: Words
    columns: tuple[Column, ...]
    time: str
    key: str | None = None

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)


# Any table may say when each row was written; a row counts only once it has been.
RECORDED_AT = Column("recorded_at", "time", Words("when this row was recorded", "记录时间"))


def columns_of(table: Table) -> tuple[Column, ...]:
    """Return the columns of the table, ``recorded_at`` last where it is not its own time."""
    return table.columns if RECORDED_AT.name in table.names else (*table.columns, RECORDED_AT)
