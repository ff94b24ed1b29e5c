"""Measures of all customers at every cutoff, computed one chunk of customers at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.features.arrays.column import Column, Flags, RowIndices
from rapport.features.arrays.rows import concatenated
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
from rapport.features.engine.windows import Cutoff, MergedWindows, StreamRows
from rapport.history import History
from rapport.history.contract import RECORDED_AT

ROWS_PER_FINISH = 1 << 14
"""The number of rows finished at once, so that intermediate arrays stay in the processor's cache."""

WORKERS = 2
"""The number of chunks merged at a time, where the settings do not limit threads."""


@dataclass(frozen=True)
class MeasuresTable:
    """The measures of a chunk of customers: one row per customer known at a cutoff, cutoff by cutoff."""

    chunk: CustomerChunk
    cutoff: RowIndices
    customer: RowIndices
    columns: Mapping[str, Column]

    def take(self, rows: Flags) -> MeasuresTable:
        """Keep the flagged rows."""
        kept = {
            name: (values[rows], None if missing is None else missing[rows])
            for name, (values, missing) in self.columns.items()
        }
        return MeasuresTable(self.chunk, self.cutoff[rows], self.customer[rows], kept)

    def to_arrow(self) -> pa.Table:
        """Return customer_id and the measures as an Arrow table."""
        ids = {"customer_id": self.chunk.ids.take(pa.array(self.customer))}
        return pa.table(ids | {name: pa.array(values, mask=null) for name, (values, null) in self.columns.items()})


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
        filled = [name for name, rows in history.rows.items() if rows]
        self.live = [index for index, stream in enumerate(plan.streams) if stream.can_have_rows(filled)]
        self.table_groups = joint_table_groups(plan.streams[stream].stream.tables for stream in self.live)
        self.queries = self._queries(history)
        self.chunk_size = self._chunk_size(history)

    def measure(self, chunk: CustomerChunk) -> MeasuresTable:
        """Compute the measures of a chunk of customers."""
        merged = self._merged(chunk)
        cutoff, customer = np.nonzero(merged.known)
        parts = [
            _finished(
                self.plan, merged, cutoff[first : first + ROWS_PER_FINISH], customer[first : first + ROWS_PER_FINISH]
            )
            for first in range(0, max(1, len(cutoff)), ROWS_PER_FINISH)
        ]
        columns = {name: concatenated([part[name] for part in parts]) for name in parts[0]}
        return MeasuresTable(chunk, cutoff, customer, columns)

    def _queries(self, history: History) -> ChunkQueries:
        columns, tracked = {}, history.tracked
        for table in sorted(set().union(*self.table_groups)):
            name = prepared_name(table)
            columns[name] = [*(column for source, column in self.plan.inputs if source == name), "customer_id", DAY]
            if table in tracked or RECORDED_AT.name in history.present.get(table, ()):
                columns[name].append(KNOWN_DAY)
            if table in tracked:
                columns[name].append(UNTIL_DAY)
        return ChunkQueries(columns, frozenset(self.plan.program.ranked), max(cutoff.day for cutoff in self.cutoffs))

    def _chunk_size(self, history: History) -> int:
        """Return the number of customers per chunk."""
        customers: int = max(1, history.connection.execute("SELECT count(*) FROM numbered").fetchall()[0][0])
        cells = len(self.cutoffs) * sum(len(stream.aggregates) for stream in self.plan.streams)
        return max(1, min(CELLS_PER_CHUNK // cells, ROWS_PER_CHUNK * customers // max(1, *history.rows.values())))

    def _merged(self, chunk: CustomerChunk) -> MergedWindows:
        """Compute the rows of every stream, and merge them before each cutoff."""
        days = np.array([cutoff.day for cutoff in self.cutoffs])
        groups = [[prepared_name(table) for table in group] for group in self.table_groups]
        columns = split_late_customers(chunk.columns(self.queries.ranked), groups, days, len(chunk.ids))
        slots = self.plan.program.run(self.plan.schedule(self.live), columns)
        merged = MergedWindows(len(chunk.ids), self.cutoffs)
        for index, stream in enumerate(self.plan.streams):
            if index not in self.live:
                merged.add_empty(stream)
                continue
            partials = {partial: slots[slot] for partial, slot in stream.partials.items()}
            merged.add(stream, StreamRows(slots[stream.customer][0], slots[stream.day], partials))
        return merged


def _finished(plan: Plan, merged: MergedWindows, cutoff: RowIndices, customer: RowIndices) -> dict[str, Column]:
    days = np.array([each.day for each in merged.cutoffs], np.int32)
    active_from = np.array([each.active_from for each in merged.cutoffs], np.int32)
    aggregates = {
        name: (values[cutoff, customer], None if missing is None else missing[cutoff, customer])
        for name, (values, missing) in merged.aggregates.items()
    }
    return plan.finish.run(aggregates, days[cutoff], active_from[cutoff])
