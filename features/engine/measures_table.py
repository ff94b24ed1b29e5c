"""Measures of all customers at every cutoff, computed one chunk of customers at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from rapport.features.arrays.column import Column, Flags, RowIndices
from rapport.features.arrays.rows import concatenated, take_rows
from rapport.features.arrays.steps import Inputs
from rapport.features.engine.customer_chunks import (
    CELLS_PER_CHUNK,
    ROWS_PER_CHUNK,
    ChunkQueries,
    CustomerChunk,
    read_chunks,
)
from rapport.features.engine.late_arrivals import DAY, KNOWN_DAY, UNTIL_DAY, joint_table_groups, split_late_customers
from rapport.features.engine.plan import Plan
from rapport.features.engine.prepared_tables import prepared_name
from rapport.features.engine.window_merger import MergedWindows
from rapport.features.engine.windows import Cutoff
from rapport.history import History
from rapport.history.contract import RECORDED_AT

ROWS_PER_FINISH = 1 << 14
"""The number of rows finished at once, so that intermediate arrays stay in the processor's cache."""

WORKERS = 2
"""The number of chunks merged at a time, where the settings do not limit threads."""


@dataclass(frozen=True)
class MeasuresTable:
    """The measures of some customers: one row per customer known at a cutoff, cutoff by cutoff.

    ``customer`` is the row of each one in ``ids``, ``cutoff`` the index of its cutoff; ``first`` is the number of the
    first of ``ids`` among all customers.
    """

    ids: pa.Array
    cutoff: RowIndices
    customer: RowIndices
    columns: Mapping[str, Column]
    first: int = 0

    def take(self, rows: Flags) -> MeasuresTable:
        """Keep the flagged rows."""
        kept = {name: take_rows(column, rows) for name, column in self.columns.items()}
        return MeasuresTable(self.ids, self.cutoff[rows], self.customer[rows], kept, self.first)

    def arrays(self) -> dict[str, pa.Array]:
        """Return customer_id and the measures as Arrow arrays by name."""
        arrays = {name: pa.array(values, mask=null) for name, (values, null) in self.columns.items()}
        return {"customer_id": self.ids.take(pa.array(self.customer))} | arrays

    def to_arrow(self) -> pa.Table:
        """Return customer_id and the measures as an Arrow table."""
        return pa.table(self.arrays())


def measured(
    plan: Plan, live: Sequence[int], columns: Inputs, ids: pa.Array, cutoffs: Sequence[Cutoff]
) -> MeasuresTable:
    """Compute the measures of customers at cutoffs, from the columns of the prepared tables.

    ``live`` are the streams that can have rows; the columns number customers by their row in ``ids``.
    """
    merged = MergedWindows(plan.layout, [cutoff.day for cutoff in cutoffs], len(ids))
    for stream, rows in plan.rows(live, columns):
        merged.add(stream, rows)
    cutoff, customer, aggregates = merged.columns()
    days = np.array([each.day for each in cutoffs], np.int32)[cutoff]
    active_from = np.array([each.active_from for each in cutoffs], np.int32)[cutoff]
    if len(cutoff) <= ROWS_PER_FINISH:
        return MeasuresTable(ids, cutoff, customer, plan.finish.run(aggregates, days, active_from))
    parts = []
    for first in range(0, len(cutoff), ROWS_PER_FINISH):
        part = slice(first, first + ROWS_PER_FINISH)
        some = {name: take_rows(column, part) for name, column in aggregates.items()}
        parts.append(plan.finish.run(some, days[part], active_from[part]))
    found = {name: concatenated([each[name] for each in parts]) for name in parts[0]}
    return MeasuresTable(ids, cutoff, customer, found)


def measures_tables(history: History, plan: Plan, cutoffs: Sequence[Cutoff]) -> Iterator[MeasuresTable]:
    """Yield the measures of all customers, as many customers at a time as memory allows."""
    run = _Run(history, plan, cutoffs)
    workers = history.settings.threads or WORKERS
    pending: deque[Future[MeasuresTable]] = deque()
    # The database reads the next customers while these are merged.
    with ThreadPoolExecutor(workers) as pool:
        for chunk in read_chunks(history, run.queries, run.chunk_size):
            pending.append(pool.submit(run.measure, chunk))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class _Run:
    """What all chunks share: the streams that can have rows, and the queries of their tables."""

    def __init__(self, history: History, plan: Plan, cutoffs: Sequence[Cutoff]) -> None:
        self.plan, self.cutoffs = plan, cutoffs
        self.live = plan.live([name for name, rows in history.rows.items() if rows])
        self.table_groups = joint_table_groups(plan.streams[stream].stream.tables for stream in self.live)
        self.queries = self._queries(history)
        self.chunk_size = self._chunk_size(history)

    def measure(self, chunk: CustomerChunk) -> MeasuresTable:
        """Compute the measures of a chunk of customers."""
        days = np.array([cutoff.day for cutoff in self.cutoffs])
        groups = [[prepared_name(table) for table in group] for group in self.table_groups]
        columns = split_late_customers(chunk.columns(self.queries.ranked), groups, days, len(chunk.ids))
        return replace(measured(self.plan, self.live, columns, chunk.ids, self.cutoffs), first=chunk.first)

    def _queries(self, history: History) -> ChunkQueries:
        columns, versioned = {}, history.versioned
        for table in sorted(set().union(*self.table_groups)):
            name = prepared_name(table)
            columns[name] = [*self.plan.inputs[name], "customer_id", DAY]
            if table in versioned or RECORDED_AT.name in history.present.get(table, ()):
                columns[name].append(KNOWN_DAY)
            if table in versioned:
                columns[name].append(UNTIL_DAY)
        return ChunkQueries(columns, frozenset(self.plan.program.ranked), max(cutoff.day for cutoff in self.cutoffs))

    def _chunk_size(self, history: History) -> int:
        """Return the number of customers per chunk."""
        customers: int = max(1, history.connection.execute("SELECT count(*) FROM numbered").fetchall()[0][0])
        cells = len(self.cutoffs) * len(self.plan.layout.empty)
        return max(1, min(CELLS_PER_CHUNK // cells, ROWS_PER_CHUNK * customers // max(1, *history.rows.values())))
