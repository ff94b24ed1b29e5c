"""Customers some at a time: what the prepared tables say of them, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.features.arrays.program import ROWS
from rapport.features.arrays.texts import Texts
from rapport.features.arrays.values import Column
from rapport.features.ordered import ordered
from rapport.features.sources import PREPARED, around
from rapport.history import History

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


class Reading:
    """Which columns of which prepared tables are read, and how: ids as numbers, unless rows are sorted by them."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], ranked: frozenset[str], before: int) -> None:
        self.ranked, self._before = ranked, before
        self.queries = {
            source: self._query(source, [name for name in dict.fromkeys(names) if name != ROWS])
            for source, names in wanted.items()
        }

    def _query(self, source: str, names: Sequence[str]) -> str:
        table = PREPARED[source]
        kinds = {column.name: column.kind for column in table.columns}
        columns = ", ".join(self._sql(name, kinds.get(name, "")) for name in names)
        order = ", ".join(name for name in ("customer_id", "day", "second") if name in names)
        past = f"{around(table, None, self._before)} AND (day < {self._before} OR day IS NULL)"
        return f"SELECT {columns} FROM {source} WHERE {past} ORDER BY {order}"

    def _sql(self, name: str, kind: str) -> str:
        if kind != "id" or name in ("customer_id", *self.ranked):
            return name
        return f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}"


def chunks(history: History, reading: Reading, step: int) -> Iterator[Chunk]:
    """Yield the customers in order of their names, ``step`` at a time."""
    names = history.connection.sql("SELECT customer_id FROM numbered ORDER BY number").to_arrow_table()["customer_id"]
    with ordered(history, reading.queries) as tables:
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
