"""The prepared tables in order of customer and time, to be read side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from features.arrays.program import ROWS
from features.sources import around
from history import History
from history.contract import TABLES

_TABLES = {f"src_{table.name}": table for table in TABLES}
_BATCH = 1 << 16


class Ordered:
    """The rows of a table, as far as they are asked for."""

    def __init__(self, batches: pa.RecordBatchReader) -> None:
        self._batches = batches
        self._left: pa.RecordBatch | None = None

    def until(self, end: int) -> pa.Table:
        """Return the rows of the next customers, up to the one with this number."""
        taken = []
        while (batch := self._left or next(self._batches, None)) is not None:
            place = int(np.searchsorted(batch["customer_id"].to_numpy(), end))
            taken.append(batch.slice(0, place))
            self._left = batch.slice(place) if place < len(batch) else None
            if self._left is not None:
                break
        return pa.Table.from_batches(taken, self._batches.schema)


class Reading:
    """Which columns of which prepared tables are read, and how: ids as numbers, unless rows are sorted by them."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], ranked: frozenset[str], before: int) -> None:
        self.wanted = {
            source: dict.fromkeys(name for name in names if name != ROWS) for source, names in wanted.items()
        }
        self.ranked, self.before = ranked, before

    @contextmanager
    def opened(self, history: History) -> Iterator[dict[str, Ordered]]:
        """Open all tables.

        A sort holds on to its memory until its last row is read. So only the largest is read as it comes; the others
        are sorted before, one after the other, and put aside in files.
        """
        by_size = sorted(self.wanted, key=lambda source: history.rows.get(_TABLES[source].name, 0))
        with ExitStack() as stack:
            found = {}
            for source in by_size:
                batches = self._sorted(history.connection, source)
                if source != by_size[-1]:
                    batches = _aside(batches, history.engine.scratch / f"{source}.arrow")
                found[source] = Ordered(stack.enter_context(batches))
            yield found

    @contextmanager
    def _sorted(self, connection: duckdb.DuckDBPyConnection, source: str) -> Iterator[pa.RecordBatchReader]:
        kinds = {column.name: column.kind for column in _TABLES[source].columns}
        columns = ", ".join(self._sql(name, kinds.get(name, "")) for name in self.wanted[source])
        order = ", ".join(name for name in ("customer_id", "day", "second") if name in self.wanted[source])
        past = f"{around(_TABLES[source], None, self.before)} AND (day < {self.before} OR day IS NULL)"
        # A cursor of its own: others ask the connection while this one is read.
        with closing(connection.cursor()) as cursor:
            sql = f"SELECT {columns} FROM {source} WHERE {past} ORDER BY {order}"
            with closing(cursor.sql(sql).to_arrow_reader(_BATCH)) as batches:
                yield batches

    def _sql(self, name: str, kind: str) -> str:
        if kind != "id" or name in ("customer_id", *self.ranked):
            return name
        return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}"


@contextmanager
def _aside(rows: AbstractContextManager[pa.RecordBatchReader], path: Path) -> Iterator[pa.RecordBatchReader]:
    """Write all rows to a file, let go of them, and read them from there again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with rows as batches, pa.ipc.new_stream(path, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        # Read, not mapped: what is mapped counts as memory until it is given back.
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as kept:
            yield kept
    finally:
        path.unlink(missing_ok=True)
