"""Customers some at a time: what the prepared tables say of them, in order of customer and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrays.program import ROWS
from features.arrays.texts import Texts
from features.arrays.values import Column
from features.sources import around
from features.windows import Cutoff
from history import History
from history.contract import TABLES

CELLS_AT_ONCE = 1 << 21
"""So many leaves (of a customer at a cutoff) are merged together: 16 MB."""

ROWS_READ = 1 << 17
"""About so many rows of a table are read together."""

_TABLES = {f"src_{table.name}": table for table in TABLES}
_BATCH = 1 << 16


@dataclass(frozen=True)
class Chunk:
    """Some customers: their numbers (``first`` and on), their names in order, and their rows by source."""

    first: int
    names: pa.Array
    rows: Mapping[str, pa.Table]

    def columns(self, ranked: frozenset[str]) -> dict[tuple[str, str], Any]:
        """Return the columns of the rows as arrays, the customers numbered from 0."""
        found: dict[tuple[str, str], Any] = {}
        for source, rows in self.rows.items():
            found[source, ROWS] = len(rows)
            for name in rows.column_names:
                found[source, name] = _column(rows[name], rank=name in ranked)
            found[source, "customer_id"] = found[source, "customer_id"][0].astype(np.intp) - self.first, None
        return found


def chunks(history: History, reading: Reading, step: int) -> Iterator[Chunk]:
    """Yield the customers in order of their names, ``step`` at a time."""
    names = history.connection.sql("SELECT customer_id FROM numbered ORDER BY number").to_arrow_table()["customer_id"]
    with ExitStack() as opened:
        readers = {
            source: opened.enter_context(reading.reader(history.connection, source)) for source in reading.wanted
        }
        for first in range(0, max(1, len(names)), step):
            some = names.slice(first, step).combine_chunks()
            yield Chunk(first, some, {source: reader.until(first + step) for source, reader in readers.items()})


class Reading:
    """Which columns of which prepared tables are read, and how: ids as numbers, unless rows are sorted by them."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], ranked: frozenset[str], before: int) -> None:
        self.wanted = {
            source: dict.fromkeys(name for name in names if name != ROWS) for source, names in wanted.items()
        }
        self.ranked, self.before = ranked, before

    def reader(self, connection: duckdb.DuckDBPyConnection, source: str) -> _Reader:
        """Open the rows of a prepared table in order of customer and time."""
        kinds = {column.name: column.kind for column in _TABLES[source].columns}
        columns = ", ".join(self._sql(name, kinds.get(name, "")) for name in self.wanted[source] if name != ROWS)
        # A cursor of its own, so that several tables can be read side by side.
        cursor = connection.cursor()
        order = ", ".join(name for name in ("customer_id", "day", "second") if name in self.wanted[source])
        past = f"{around(_TABLES[source], None, self.before)} AND (day < {self.before} OR day IS NULL)"
        sql = f"SELECT {columns} FROM {source} WHERE {past} ORDER BY {order}"
        return _Reader(cursor, cursor.sql(sql).to_arrow_reader(_BATCH))

    def _sql(self, name: str, kind: str) -> str:
        if kind != "id" or name in ("customer_id", *self.ranked):
            return name
        return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}"


class _Reader:
    """The rows of a table, as far as they are asked for."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, batches: pa.RecordBatchReader) -> None:
        self._cursor, self._batches = cursor, batches
        self._left: pa.RecordBatch | None = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._batches.close()
        self._cursor.close()

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


def _column(column: pa.ChunkedArray, *, rank: bool) -> Column:
    cells = column.combine_chunks()
    missing = cells.is_null().to_numpy(zero_copy_only=False) if cells.null_count else None
    if pa.types.is_string(cells.type):
        texts = _texts(cells)
        return (_ranks(texts) if rank else texts), missing
    plain = cells if missing is None else cells.fill_null(False if pa.types.is_boolean(cells.type) else 0)
    values = plain.to_numpy(zero_copy_only=False)
    return values.view(np.int64) if values.dtype == np.uint64 else values, missing


def _texts(cells: pa.Array) -> Texts:
    coded = (cells.fill_null("") if cells.null_count else cells).dictionary_encode()
    return Texts(coded.indices.to_numpy(), coded.dictionary.to_pylist())


def _ranks(texts: Texts) -> npt.NDArray[np.int64]:
    rank = {word: place for place, word in enumerate(sorted(texts.words))}
    ranks: npt.NDArray[np.int64] = np.array([rank[word] for word in texts.words], np.int64)[texts.places]
    return ranks


def marked(
    connection: duckdb.DuckDBPyConnection, table: str, chunk: Chunk, cutoffs: Sequence[Cutoff]
) -> npt.NDArray[np.bool_]:
    """Return whose customer and day are in a table: a row a cutoff, a column a customer of the chunk."""
    last = chunk.first + len(chunk.names) - 1
    rows = connection.execute(
        f"SELECT customer_id, day FROM {table} WHERE customer_id BETWEEN {chunk.first} AND {last}"
    ).fetchnumpy()
    found = np.zeros((len(cutoffs), len(chunk.names)), bool)
    days = [cutoff.day for cutoff in cutoffs]
    order = np.argsort(days)
    place = order[np.searchsorted(np.array(days)[order], np.ma.getdata(rows["day"]))]
    found[place, np.ma.getdata(rows["customer_id"]) - chunk.first] = True
    return found
