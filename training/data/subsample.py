"""Which share of the customers a run learns from when a history has more rows than fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import Catalog, snapshot
from rapport.features.feature_table.training_rows import iter_training_rows
from rapport.history import History
from rapport.history.reading.sampling import sample_history
from rapport.training.data.task_spec import TaskSpec, dataset_spec

MAX_ROWS_IN_MEMORY = 600_000
"""Most rows that are kept as numbers: 1 GB with 200 features. Only the trees use more rows (docs/training.md)."""


COUNTED_ROWS = 300_000
"""About as many possible rows are counted one by one: counting a million takes a thirtieth of a training."""


@dataclass(frozen=True)
class SubsamplePlan:
    """One in ``one_of`` customers is kept in memory; the trees use ``shares`` times as many.

    ``total_rows`` counts the rows of all customers, ``scored_now`` all that can be scored; None if all are in memory.
    Of histories with many more than ``COUNTED_ROWS`` they are estimates, in three digits.
    """

    one_of: int = 1
    shares: int = 1
    total_rows: int | None = None
    scored_now: int | None = None

    @classmethod
    def of(cls, history: History, task: TaskSpec, cutoffs: Sequence[datetime]) -> "SubsamplePlan":
        """Choose shares so that rows stay below ``max_training_rows``, and those in memory below its limit."""
        table = "orders" if task.target == "churn" else "customers"
        found = history.connection.execute(f"SELECT count(DISTINCT customer_id) FROM {table}").fetchall()
        customers, most = int(found[0][0]), history.settings.max_training_rows
        limit = min(MAX_ROWS_IN_MEMORY, most)
        if customers * len(cutoffs) <= limit:
            return cls()
        counted = max(1, customers * len(cutoffs) // COUNTED_ROWS)
        with sample_history(history, counted) as some:
            total_rows, scored_now = (_three_digits(rows, counted) for rows in _row_counts(some, task, cutoffs))
        # With very many customers, few of them eligible, the customers themselves are subsampled too.
        one_of = max(-(-total_rows // limit), -(-customers // most))
        if one_of == 1:
            return cls()
        shares = max(1, min(one_of, one_of * most // max(total_rows, 1)))
        return cls(one_of, shares, total_rows, scored_now)


def _row_counts(history: History, task: TaskSpec, cutoffs: Sequence[datetime]) -> tuple[int, int]:
    """Return the labelled rows of a history, and how many of its customers can be scored now."""
    labelled = sum(len(some) for some in iter_training_rows(history, dataset_spec(task, cutoffs), Catalog(())))
    states = snapshot(history, task.as_of, Catalog(()), active=task.active, rule=task.rule)["state"]
    return labelled, pc.sum(pc.equal(states, task.eligible_state)).as_py() or 0


def _three_digits(count: int, one_of: int) -> int:
    """Return the count of all from that of a sample; more digits would be chance."""
    return count if one_of == 1 else int(float(f"{count * one_of:.3g}"))


def stream_labelled_rows(
    history: History, task: TaskSpec, subsample: SubsamplePlan, cutoffs: Sequence[datetime], catalog: Catalog
) -> Iterator[pa.Table]:
    """Yield the labelled rows of all customers that the trees learn from, always in the same order."""
    spec = dataset_spec(task, cutoffs)
    if not any(feature.relatives for feature in catalog.features):
        with sample_history(history, subsample.one_of, shares=subsample.shares) as some:
            yield from iter_training_rows(some, spec, catalog)
        return
    # Related customers are measured together, so one share of the customers is read at a time.
    for share in range(subsample.shares):
        with sample_history(history, subsample.one_of, first=share) as some:
            yield from iter_training_rows(some, spec, catalog)
