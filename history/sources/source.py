"""A table as a company has it, wherever it is stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rapport.history.rejected_rows import RejectedRow
from rapport.history.sql import quoted

Loader = Callable[[Sequence[str]], list[RejectedRow]]


@dataclass(frozen=True)
class Changes:
    """How to read what is new in a table of a database, and what to compare the whole with.

    ``load`` loads the rows whose time in the named column is null, or not before a moment (UTC); ``totals`` returns the
    values of ``totals_sql`` of the database. ``address`` is the database's, without a password.
    """

    address: str
    load: Callable[[Sequence[str], str, datetime], None]
    totals: Callable[[Sequence[str]], Sequence[float | None]]


@dataclass(frozen=True)
class Source:
    """A table of a source system: its name there, its name in error messages, and the SQL that reads it.

    ``sql`` yields the source's own columns with ``FILE`` and ``LINE``. ``rejects`` are lines that could not be split
    into columns. ``persistent`` marks data that stays in place, so that a view over it is enough; ``in_memory`` marks
    data passed as Python objects; ``files`` are its Parquet files. ``load`` copies the named columns into the table
    that ``sql`` reads and returns the rejected lines. ``peek`` returns the first rows of a database table without
    loading all; of files all rows are examined. ``separator`` is that of a CSV file; ``changes`` reads what is new.
    """

    name: str
    origin: str
    sql: str
    types: Mapping[str, str]
    rejects: tuple[RejectedRow, ...] = ()
    persistent: bool = False
    in_memory: bool = False
    files: tuple[str, ...] = ()
    load: Loader | None = None
    peek: Callable[[int], pa.Table] | None = None
    separator: str = ""
    changes: Changes | None = None


TIME_MODULUS = 1_000_003
"""Times are summed as seconds modulo this prime, so that the sum of many stays exact."""


def measure_of(kind: str) -> str:
    """Return what is summed of a column of a type: its numbers, seconds, truth or length; nothing of a day."""
    if kind in ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT"):
        return "number"
    if kind.startswith("TIMESTAMP"):
        return "seconds"
    return {"BOOLEAN": "truth", "VARCHAR": "length"}.get(kind, "")


_SUMMED = {
    "number": "CAST({} AS double precision)",
    "seconds": f"CAST(floor(extract(epoch FROM {{}})) AS bigint) % {TIME_MODULUS}",
    "truth": "CAST({} AS integer)",
    "length": "length({})",
}


def totals_sql(columns: Sequence[str], types: Mapping[str, str]) -> list[str]:
    """Return the SQL of what two copies of rows have in common: rows, values of each column, and a sum of each."""
    sums = [_SUMMED[kind].format(quoted(name)) for name in columns if (kind := measure_of(types[name]))]
    counts = ["count(*)", *(f"count({quoted(name)})" for name in columns)]
    return [*counts, *(f"CAST(sum({each}) AS double precision)" for each in sums)]
