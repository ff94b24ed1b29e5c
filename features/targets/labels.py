"""Labels: which customers are eligible at each cutoff, and which of them had the outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.features.arrays.column import Flags
from rapport.features.engine.clock import local_time
from rapport.features.engine.measures_table import MeasuresTable
from rapport.features.engine.sorted_reader import SortedReader, sorted_readers
from rapport.features.engine.windows import Cutoff
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.features.targets.outcomes import TARGETS
from rapport.history import History


@contextmanager
def open_labels(history: History, spec: DatasetSpec, cutoffs: Sequence[Cutoff]) -> Iterator[Labels]:
    """Give the labels of a dataset whose outcomes were prepared."""
    tables = ["outcomes", "expiring"] if spec.contract_rule(history.settings) else ["outcomes"]
    queries = {table: f"SELECT customer_id, day FROM {table} ORDER BY customer_id" for table in tables}
    with sorted_readers(history, queries) as readers:
        yield Labels(readers, spec, cutoffs, history.settings.timezone)


class Labels:
    """Label the rows of one chunk after the other, in order of customers."""

    def __init__(
        self, readers: Mapping[str, SortedReader], spec: DatasetSpec, cutoffs: Sequence[Cutoff], timezone: str
    ) -> None:
        self._readers, self._target = readers, TARGETS[spec.target]
        self._days = np.array([cutoff.day for cutoff in cutoffs])
        self._cutoffs = pa.array([local_time(cutoff, timezone) for cutoff in spec.cutoffs], pa.timestamp("us"))

    def cutoffs_of(self, part: MeasuresTable) -> pa.Array:
        """Return the cutoff of each row."""
        return self._cutoffs.take(pa.array(part.cutoff))

    def eligible_rows(self, part: MeasuresTable) -> pa.Table:
        """Return customer_id, measures, cutoff and label of the eligible customers."""
        rows = (part.cutoff, part.customer)
        flags = {name: _flags(reader, part, self._days)[rows] for name, reader in self._readers.items()}
        eligible = flags.get("expiring", part.columns["state"][0] == self._target.eligible)
        label = flags["outcomes"] if self._target.name == "conversion" else ~flags["outcomes"]
        kept = part.take(eligible)
        table = kept.to_arrow().append_column("cutoff", self.cutoffs_of(kept))
        return table.append_column("label", pa.array(label[eligible], pa.int8()))


def _flags(reader: SortedReader, part: MeasuresTable, days: npt.NDArray[np.int64]) -> Flags:
    """Return by cutoff and customer whether the table has a row for them."""
    rows = reader.until(part.first + len(part.ids))
    order = np.argsort(days)
    cutoff = order[np.searchsorted(days[order], rows["day"].to_numpy())]
    flags: Flags = np.zeros((len(days), len(part.ids)), bool)
    flags[cutoff, rows["customer_id"].to_numpy() - part.first] = True
    return flags
