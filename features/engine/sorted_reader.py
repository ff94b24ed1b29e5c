"""Readers of rows sorted by customer, to be read side by side: the database sorts, files hold the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from rapport.history import History
from rapport.memory import release_free_memory

_BATCH_ROWS = 1 << 18


class SortedReader:
    """Read rows in order of customer number, a range of customers at a time."""

    def __init__(self, batches: pa.RecordBatchReader) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def until(self, end: int) -> pa.Table:
        """Return the rows of the next customers, up to but not including number ``end``."""
        taken = []
        while (batch := self._rest or next(self._batches, None)) is not None:
            index = int(np.searchsorted(batch["customer_id"].to_numpy(), end))
            taken.append(batch.slice(0, index))
            self._rest = batch.slice(index) if index < len(batch) else None
            if self._rest is not None:
                break
        return pa.Table.from_batches(taken, self._batches.schema)


@contextmanager
def sorted_readers(history: History, queries: Mapping[str, str]) -> Iterator[dict[str, SortedReader]]:
    """Yield a reader per query, by name; each query has to order its rows by ``customer_id``.

    A sort keeps its memory until its last row is read, so the queries run one after the other, each into a file.
    """
    history.database.temp_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=history.database.temp_dir) as folder, ExitStack() as stack:
        paths = {name: Path(folder) / f"{name}.arrow" for name in queries}
        for name, sql in queries.items():
            _write(history.connection, sql, paths[name])
            release_free_memory()
        yield {name: SortedReader(stack.enter_context(_read(path))) for name, path in paths.items()}


def _write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    with (
        closing(connection.sql(sql).to_arrow_reader(_BATCH_ROWS)) as batches,
        pa.ipc.new_stream(path, batches.schema) as out,
    ):
        for batch in batches:
            out.write_batch(batch)


@contextmanager
def _read(path: Path) -> Iterator[pa.RecordBatchReader]:
    # Read, not memory-mapped: mapped pages count as the process's memory until they are released.
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
        yield batches
