"""Customers some at a time: what the prepared tables say of them, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrays.program import ROWS
from features.arrays.texts import Texts
from features.arrays.values import Column
from features.ordered import Reading
from features.windows import Cutoff
from history import History

CELLS_AT_ONCE = 1 << 21
"""So many leaves (of a customer at a cutoff) are merged together: 16 MB."""

ROWS_READ = 1 << 17
"""About so many rows of a table are read together."""


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
    with reading.opened(history) as tables:
        for first in range(0, max(1, len(names)), step):
            some = names.slice(first, step).combine_chunks()
            yield Chunk(first, some, {source: table.until(first + step) for source, table in tables.items()})


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
