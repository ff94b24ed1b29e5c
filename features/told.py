"""What is told of customers at every cutoff: the merged leaves finished into measures, some rows at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.features.arrays import ArrayPlan
from rapport.features.arrays.values import Column
from rapport.features.chunks import CELLS_AT_ONCE, ROWS_READ, Chunk, Reading, chunks
from rapport.features.late import DAY, KNOWN, part, together
from rapport.features.sources import source_of
from rapport.features.windows import Cutoff, Merged, Rows
from rapport.history import History
from rapport.history.contract import RECORDED_AT

ROWS_AT_ONCE = 1 << 14
"""So many rows are finished together: what the arithmetic makes on its way stays near the processor."""

WORKERS = 2
"""So many chunks are merged at a time, where the settings say nothing of threads."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Told:
    """The measures of a chunk of customers, one row for every customer known at a cutoff, cutoff by cutoff."""

    chunk: Chunk
    cutoff: Places
    customer: Places
    columns: Mapping[str, Column]

    def take(self, rows: npt.NDArray[np.bool_]) -> Told:
        """Keep some of the rows."""
        kept = {
            name: (values[rows], None if missing is None else missing[rows])
            for name, (values, missing) in self.columns.items()
        }
        return Told(self.chunk, self.cutoff[rows], self.customer[rows], kept)

    def table(self) -> pa.Table:
        """Return customer_id and the measures."""
        ids = {"customer_id": self.chunk.names.take(pa.array(self.customer))}
        return pa.table(ids | {name: pa.array(values, mask=gone) for name, (values, gone) in self.columns.items()})


def told(history: History, plan: ArrayPlan, cutoffs: Sequence[Cutoff]) -> Iterator[Told]:
    """Yield what is told of all customers, as many at a time as memory allows."""
    run = _Run(history, plan, cutoffs)
    workers = history.settings.threads or WORKERS
    waiting: deque[Future[Told]] = deque()
    # The database reads the next customers while these are merged.
    with ThreadPoolExecutor(workers) as pool:
        for chunk in chunks(history, run.reading, run.step):
            waiting.append(pool.submit(run.finished, chunk))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Run:
    """What is the same for all chunks: which streams can have rows, and how their tables are read."""

    def __init__(self, history: History, plan: ArrayPlan, cutoffs: Sequence[Cutoff]) -> None:
        self.plan, self.cutoffs = plan, cutoffs
        filled = [name for name, rows in history.rows.items() if rows]
        self.live = [place for place, stream in enumerate(plan.streams) if stream.can_have_rows(filled)]
        self.tables = together(plan.streams[place].tables for place in self.live)
        self.reading = self._reading(history)
        self.step = self._step(history)

    def finished(self, chunk: Chunk) -> Told:
        """Tell the measures of a chunk of customers."""
        merged = self._merged(chunk)
        cutoff, customer = np.nonzero(merged.known)
        parts = [
            _measures(self.plan, merged, cutoff[first : first + ROWS_AT_ONCE], customer[first : first + ROWS_AT_ONCE])
            for first in range(0, max(1, len(cutoff)), ROWS_AT_ONCE)
        ]
        return Told(chunk, cutoff, customer, {name: _joined([part[name] for part in parts]) for name in parts[0]})

    def _reading(self, history: History) -> Reading:
        columns = {}
        for table in sorted(set().union(*self.tables)):
            columns[source_of(table)] = [*self.plan.door.wanted[source_of(table)], "customer_id", DAY]
            # At a single cutoff nothing that it does not see is read at all.
            if len(self.cutoffs) > 1 and RECORDED_AT.name in history.present.get(table, ()):
                columns[source_of(table)].append(KNOWN)
        return Reading(columns, frozenset(self.plan.rows.ranked), max(cutoff.day for cutoff in self.cutoffs))

    def _step(self, history: History) -> int:
        """Return how many customers are told at a time."""
        customers: int = max(1, history.connection.execute("SELECT count(*) FROM numbered").fetchall()[0][0])
        cells = len(self.cutoffs) * sum(len(stream.leaves) for stream in self.plan.streams)
        return max(1, min(CELLS_AT_ONCE // cells, ROWS_READ * customers // max(1, *history.rows.values())))

    def _merged(self, chunk: Chunk) -> Merged:
        """Make the rows of every stream, and merge them before each cutoff."""
        days = np.array([cutoff.day for cutoff in self.cutoffs])
        columns = chunk.columns(self.reading.ranked)
        tables = [[source_of(table) for table in group] for group in self.tables]
        slots = self.plan.rows.run(self.plan.order(self.live), part(columns, tables, days, len(chunk.names)))
        found = Merged(len(chunk.names), self.cutoffs)
        for place, stream in enumerate(self.plan.streams):
            if place not in self.live:
                found.add_nothing(stream)
                continue
            customer, day, *partials = [slots[slot] for slot in self.plan.reads[place]]
            named = dict(zip(self.plan.merges[place].partials, partials, strict=True))
            found.add(stream, Rows(customer[0], day, named))
        return found


def _measures(plan: ArrayPlan, merged: Merged, cutoff: Places, customer: Places) -> dict[str, Column]:
    days = np.array([each.day for each in merged.cutoffs], np.int32)
    begins = np.array([each.active_from for each in merged.cutoffs], np.int32)
    leaves = {
        name: (values[cutoff, customer], None if missing is None else missing[cutoff, customer])
        for name, (values, missing) in merged.leaves.items()
    }
    return plan.finish.run(leaves, days[cutoff], begins[cutoff])


def _joined(parts: Sequence[Column]) -> Column:
    values = np.concatenate([values for values, _ in parts])
    if all(missing is None for _, missing in parts):
        return values, None
    gone = [np.zeros(len(values), bool) if missing is None else missing for values, missing in parts]
    return values, np.concatenate(gone)
