"""Rows in order of customer, to be read side by side: sorted by the database, then kept in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
from rapport.history import History

_BATCH = 1 << 18


class Ordered:
    """Rows in order of their customers' numbers, as far as they are asked for."""

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


@contextmanager
def ordered(history: History, queries: Mapping[str, str]) -> Iterator[dict[str, Ordered]]:
    """Give the rows of some queries, by name; each query has to order its rows by ``customer_id``.

    A sort holds on to its memory until its last row is read, so one runs after the other and what it says is kept in a
    file.
    """
    history.engine.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=history.engine.scratch) as folder, ExitStack() as stack:
        paths = {name: Path(folder) / f"{name}.arrow" for name in queries}
        for name, sql in queries.items():
            _write(history.connection, sql, paths[name])
        yield {name: Ordered(stack.enter_context(_read(path))) for name, path in paths.items()}


def _write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    with (
        closing(connection.sql(sql).to_arrow_reader(_BATCH)) as batches,
        pa.ipc.new_stream(path, batches.schema) as out,
    ):
        for batch in batches:
            out.write_batch(batch)


@contextmanager
def _read(path: Path) -> Iterator[pa.RecordBatchReader]:
    # Read, not mapped: what is mapped counts as memory until it is given back.
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
        yield batches
