"""Customers some at a time: the buckets of every stream, cut once for all cutoffs, and what they say of a chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.plan import StreamPlan
from features.windows import Buckets, Cutoff, edges_of
from history import History

CELLS_AT_ONCE = 1 << 21
"""So many leaves (of a customer at a cutoff) are merged together: 16 MB."""

PACKED_FROM = 500_000
"""Where there are more buckets, packing them costs a tenth of the cutting and saves three quarters."""


@dataclass(frozen=True)
class Chunk:
    """Some customers: their numbers (``first`` and on), their names in order, and the buckets of their streams."""

    first: int
    names: pa.Array
    buckets: Mapping[str, Buckets]


@contextmanager
def cut(history: History, streams: Sequence[StreamPlan], cutoffs: Sequence[Cutoff]) -> Iterator[list[StreamPlan]]:
    """Cut each stream at every window edge of every cutoff; give the streams that can have rows."""
    filled = [name for name, rows in history.rows.items() if rows]
    live = [stream for stream in streams if stream.can_have_rows(filled)]
    connection = history.connection
    connection.execute("ATTACH IF NOT EXISTS ':memory:' AS buckets (COMPRESS)")
    for stream in live:
        _cut(connection, stream, [cutoff.day for cutoff in cutoffs])
    yield live
    for stream in live:
        connection.execute(f"DROP TABLE buckets.{stream.name}")


def _cut(connection: duckdb.DuckDBPyConnection, stream: StreamPlan, cutoffs: list[int]) -> None:
    spans = ", ".join(f"({first}, {last})" for first, last in pairwise(edges_of(stream, cutoffs))) or "(0, 0)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE days AS SELECT UNNEST(range(first, last))::INTEGER AS on, "
        f"first::INTEGER AS first FROM (VALUES {spans}) AS span(first, last)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW rows_{stream.name} AS FROM ({stream.rows}) WHERE day < {max(cutoffs)}"
    )
    made = connection.execute(f"CREATE OR REPLACE TABLE buckets.{stream.name} AS {stream.buckets}").fetchall()
    if made[0][0] > PACKED_FROM:
        connection.execute("CHECKPOINT buckets")


def chunks(
    connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamPlan], cutoffs: int, *, whole: bool
) -> Iterator[Chunk]:
    """Yield the customers in order of their names, as many at a time as memory allows, or all of them."""
    leaves = sum(len(stream.leaves) for stream in streams)
    count = connection.execute("SELECT count(*) FROM numbered").fetchall()[0][0]
    step = max(1, count if whole else CELLS_AT_ONCE // max(1, leaves * cutoffs))
    for first in range(0, max(1, count), step):
        some = f"BETWEEN {first} AND {first + step - 1}"
        names = connection.sql(f"SELECT customer_id FROM numbered WHERE number {some} ORDER BY number").to_arrow_table()
        found = {stream.name: _buckets(connection, stream.name, some, first) for stream in streams}
        yield Chunk(first, names["customer_id"].combine_chunks(), found)


def _buckets(connection: duckdb.DuckDBPyConnection, stream: str, some: str, first: int) -> Buckets:
    rows = connection.execute(f"FROM buckets.{stream} WHERE customer_id {some}").fetchnumpy()
    columns = {name: np.ma.getdata(values) for name, values in rows.items()}
    customer = columns.pop("customer_id").astype(np.intp) - first
    return Buckets(customer, columns.pop("branch"), columns.pop("day"), columns)


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
