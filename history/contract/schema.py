"""The types that describe a table and a column of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from rapport.localized import LocalizedText

Kind = Literal["id", "time", "number", "flag", "text"]

SQL_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"id": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "flag": "BOOLEAN", "text": "VARCHAR"}
)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``later`` names the column with the time at which this fact became known: the fact is null until that time is
    before the cutoff. ``low`` and ``high`` bound the valid values. ``planned`` marks a time that may lie in the
    future (a due date), which is no reason to reject the row.
    """

    name: str
    kind: Kind
    title: LocalizedText
    required: bool = False
    unit: str = ""
    later: str | None = None
    low: float | None = None
    high: float | None = None
    planned: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: ``key`` is the column of unique values, ``time`` the column with the time of the event.

    ``is_reference`` marks tables whose rows are no facts of one customer (campaigns, industries, histories of change,
    our own interventions): features do not read them as events.
    """

    name: str
    title: LocalizedText
    columns: tuple[Column, ...]
    time: str
    key: str | None = None
    is_reference: bool = False

    def column(self, name: str) -> Column:
        """Return the column with this name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_customers(self) -> bool:
        """Return whether each row belongs to a customer."""
        return "customer_id" in self.names

    @property
    def required(self) -> tuple[str, ...]:
        """Return the names of the required columns."""
        return tuple(column.name for column in self.columns if column.required)


# Any table may have it; a row is visible only from this time on.
RECORDED_AT = Column("recorded_at", "time", LocalizedText("when this row was recorded", "记录时间"))


def columns_of(table: Table) -> tuple[Column, ...]:
    """Return all columns of the table, with ``recorded_at`` last unless the table declares it."""
    return table.columns if RECORDED_AT.name in table.names else (*table.columns, RECORDED_AT)
