"""A table as a company has it, wherever it is stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rapport.history.rejected_rows import RejectedRow

Loader = Callable[[Sequence[str]], list[RejectedRow]]


@dataclass(frozen=True)
class Source:
    """A table of a source system: its name there, its name in error messages, and the SQL that reads it.

    ``sql`` yields the source's own columns with ``FILE`` and ``LINE``. ``rejects`` are lines that could not be split
    into columns. ``persistent`` marks data that stays in place, so that a view over it is enough; ``in_memory`` marks
    data passed as Python objects; ``files`` are its Parquet files. ``load`` copies the named columns into the table
    that ``sql`` reads and returns the rejected lines. ``peek`` returns the first rows of a database table without
    loading all; of files all rows are examined. ``separator`` is that of a CSV file.
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
