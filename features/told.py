"""What is told of customers at every cutoff: the merged leaves finished into measures, some rows at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrays import ArrayPlan
from features.arrays.values import Column
from features.chunks import Chunk, chunks, cut
from features.windows import Cutoff, Merged
from history import History

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


def told(history: History, plan: ArrayPlan, cutoffs: Sequence[Cutoff], *, whole: bool) -> Iterator[Told]:
    """Yield what is told of all customers, as many at a time as memory allows; with ``whole`` all of them."""
    workers = history.settings.threads or WORKERS
    waiting: deque[Future[Told]] = deque()
    # The database reads the next customers while these are merged.
    with cut(history, plan.streams, cutoffs) as streams, ThreadPoolExecutor(workers) as pool:
        for chunk in chunks(history.connection, streams, len(cutoffs), whole=whole):
            waiting.append(pool.submit(_finished, chunk, plan, cutoffs))
            if len(waiting) == workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _merged(chunk: Chunk, plan: ArrayPlan, cutoffs: Sequence[Cutoff]) -> Merged:
    """Merge the buckets of a chunk before each cutoff."""
    found = Merged(len(chunk.names), cutoffs)
    for stream in plan.streams:
        if stream.name in chunk.buckets:
            found.add(stream, chunk.buckets[stream.name])
        else:
            found.add_nothing(stream)
    return found


def _finished(chunk: Chunk, plan: ArrayPlan, cutoffs: Sequence[Cutoff]) -> Told:
    merged = _merged(chunk, plan, cutoffs)
    cutoff, customer = np.nonzero(merged.known)
    parts = [
        _measures(plan, merged, cutoff[first : first + ROWS_AT_ONCE], customer[first : first + ROWS_AT_ONCE])
        for first in range(0, max(1, len(cutoff)), ROWS_AT_ONCE)
    ]
    return Told(chunk, cutoff, customer, {name: _joined([part[name] for part in parts]) for name in parts[0]})


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
