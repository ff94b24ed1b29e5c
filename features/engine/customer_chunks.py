"""Chunks of customers: the rows of the prepared tables for some customers at a time, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.features.arrays.column import Column
from rapport.features.arrays.texts import EncodedTexts
from rapport.features.arrays.verbs import ROWS
from rapport.features.engine.prepared_tables import PREPARED_TABLES, day_range_sql
from rapport.features.engine.sorted_reader import sorted_readers
from rapport.history import History

CELLS_PER_CHUNK = 1 << 21
"""The number of cells (customer × cutoff × window aggregate) merged at once: 16 MB."""

ROWS_PER_CHUNK = 1 << 17
"""About as many rows of a table are read at once."""


@dataclass(frozen=True)
class CustomerChunk:
    """Some customers: their numbers (``first`` and on), their ids in order, and their rows by prepared table."""

    first: int
    ids: pa.Array
    rows: Mapping[str, pa.Table]

    def columns(self, ranked: frozenset[str]) -> dict[tuple[str, str], Any]:
        """Return the columns of the rows as arrays, with customers numbered from 0."""
        columns: dict[tuple[str, str], Any] = {}
        for source, rows in self.rows.items():
            columns[source, ROWS] = len(rows)
            for name in rows.column_names:
                columns[source, name] = _as_column(rows[name], rank=name in ranked)
            columns[source, "customer_id"] = columns[source, "customer_id"][0].astype(np.intp) - self.first, None
        return columns


class ChunkQueries:
    """The query of each prepared table: ids are read as hashes, unless rows are sorted by them (``ranked``)."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], ranked: frozenset[str], before: int) -> None:
        self.ranked, self._before = ranked, before
        self.queries = {
            source: self._query(source, [name for name in dict.fromkeys(names) if name != ROWS])
            for source, names in wanted.items()
        }

    def _query(self, source: str, names: Sequence[str]) -> str:
        table = PREPARED_TABLES[source]
        kinds = {column.name: column.kind for column in table.columns}
        columns = ", ".join(self._column_sql(name, kinds.get(name, "")) for name in names)
        order = ", ".join(name for name in ("customer_id", "day", "second") if name in names)
        past = f"{day_range_sql(table, None, self._before)} AND (day < {self._before} OR day IS NULL)"
        return f"SELECT {columns} FROM {source} WHERE {past} ORDER BY {order}"

    def _column_sql(self, name: str, kind: str) -> str:
        if kind != "id" or name in ("customer_id", *self.ranked):
            return name
        return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}"


def read_chunks(history: History, queries: ChunkQueries, size: int) -> Iterator[CustomerChunk]:
    """Yield the customers in order of their ids, ``size`` at a time."""
    ids = history.connection.sql("SELECT customer_id FROM numbered ORDER BY number").to_arrow_table()["customer_id"]
    with sorted_readers(history, queries.queries) as readers:
        for first in range(0, max(1, len(ids)), size):
            some = ids.slice(first, size).combine_chunks()
            yield CustomerChunk(first, some, {source: reader.until(first + size) for source, reader in readers.items()})


def _as_column(column: pa.ChunkedArray, *, rank: bool) -> Column:
    cells = column.combine_chunks()
    missing = cells.is_null().to_numpy(zero_copy_only=False) if cells.null_count else None
    if pa.types.is_string(cells.type):
        texts = _encoded(cells)
        return (_ranks(texts) if rank else texts), missing
    filled = cells if missing is None else cells.fill_null(False if pa.types.is_boolean(cells.type) else 0)
    values = filled.to_numpy(zero_copy_only=False)
    return values.view(np.int64) if values.dtype == np.uint64 else values, missing


def _encoded(cells: pa.Array) -> EncodedTexts:
    encoded = (cells.fill_null("") if cells.null_count else cells).dictionary_encode()
    return EncodedTexts(encoded.indices.to_numpy(), encoded.dictionary.to_pylist())


def _ranks(texts: EncodedTexts) -> npt.NDArray[np.int64]:
    rank = {text: index for index, text in enumerate(sorted(texts.categories))}
    ranks: npt.NDArray[np.int64] = np.array([rank[text] for text in texts.categories], np.int64)[texts.codes]
    return ranks
