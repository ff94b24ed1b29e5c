"""The labelled dataset: one row a customer and cutoff, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import TrainingError
from rapport.features import Catalog
from rapport.features.feature_table.training_rows import iter_training_rows
from rapport.history import History
from rapport.scoring.models.columns import FeatureColumn, feature_columns
from rapport.scoring.models.matrix import Floats, Matrix, MatrixReader
from rapport.training.data.binned_dataset import BinnedDataset
from rapport.training.data.category_levels import category_levels, with_level_rates
from rapport.training.data.task_spec import TaskSpec, dataset_spec

BATCH_ROWS = 50_000
# Many rows are kept in order of cutoffs, so that the numbers of one cutoff or of neighbours are a view, not a copy.
SORTED_ROWS = 100_000
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Dataset:
    """Customers at cutoffs: ``label`` is 1 if the outcome occurred; ``cutoff_index`` points into ``cutoffs``.

    ``binned`` has the bins of all customers' rows at the same cutoffs if these rows are a subsample, ``own_bins`` those
    of these rows if they are many: all fits share them.
    """

    customer_ids: npt.NDArray[np.object_]
    cutoff_index: IndexArray
    label: Floats
    matrix: Matrix
    cutoffs: tuple[datetime, ...]
    binned: BinnedDataset | None = None
    own_bins: BinnedDataset | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def in_memory(self) -> "Dataset":
        """Return the rows that are kept as numbers, without the bins of others."""
        return replace(self, binned=self.own_bins)

    def at_cutoffs(self, cutoffs: Sequence[datetime]) -> "Dataset":
        """Keep the rows of some cutoffs."""
        places = [index for index, cutoff in enumerate(self.cutoffs) if cutoff in set(cutoffs)]
        kept = self.take(np.flatnonzero(np.isin(self.cutoff_index, places)))
        present = np.unique(kept.cutoff_index).tolist()
        binned, own_bins = (each and each.at_cutoffs(present) for each in (self.binned, self.own_bins))
        return replace(kept, binned=binned, own_bins=own_bins)

    def take(self, chosen: IndexArray) -> "Dataset":
        """Keep some of the rows in memory; the numbers of neighbours are a view."""
        is_range = len(chosen) > 0 and bool((np.diff(chosen) == 1).all())
        rows = slice(chosen[0], chosen[-1] + 1) if is_range else chosen
        matrix = Matrix(self.matrix.columns, self.matrix.values[rows])
        return replace(
            self,
            binned=None,
            own_bins=None,
            customer_ids=self.customer_ids[chosen],
            cutoff_index=self.cutoff_index[chosen],
            label=self.label[chosen],
            matrix=matrix,
        )

    def at_most(self, count: int) -> "Dataset":
        """Keep about ``count`` rows at most, evenly over cutoffs and customers."""
        step = len(self) // count
        return self.in_memory if step <= 1 else self.take(np.arange(0, len(self), step))

    def per_row(self, values: dict[datetime, float]) -> Floats:
        """Return each row's value from one value a cutoff; 0 for a cutoff without a value."""
        return np.array([values.get(cutoff, 0.0) for cutoff in self.cutoffs])[self.cutoff_index]

    @cached_property
    def outcome_rates(self) -> dict[datetime, float]:
        """Return the outcome rate at each cutoff that has rows."""
        present = np.unique(self.cutoff_index)
        return {self.cutoffs[index]: float(self.label[self.cutoff_index == index].mean()) for index in present}

    @cached_property
    def minority_count(self) -> int:
        """Return the number of distinct customers with the less frequent outcome."""
        return min(len(set(self.customer_ids[self.label == value])) for value in (0.0, 1.0))


def labelled_dataset(history: History, task: TaskSpec, cutoffs: Sequence[datetime], catalog: Catalog) -> Dataset:
    """Read the labelled rows of all cutoffs, from what was known at ``task.as_of``."""
    parts = list(iter_training_rows(history, dataset_spec(task, cutoffs), catalog))
    columns = feature_columns(catalog.features, task.target, levels=category_levels(parts, catalog))
    cutoff_index = np.concatenate([_cutoff_index(part, cutoffs) for part in parts])
    many = len(cutoff_index) > SORTED_ROWS
    order = np.argsort(cutoff_index, kind="stable") if many else np.arange(len(cutoff_index))
    customer_ids = np.array([name for part in parts for name in part["customer_id"].to_pylist()], dtype=object)[order]
    label = np.concatenate([part["label"].to_numpy() for part in parts]).astype(np.float64)[order]
    dataset = Dataset(
        customer_ids=customer_ids,
        cutoff_index=cutoff_index[order],
        label=label,
        matrix=with_level_rates(_matrix(parts, columns, order), label, customer_ids),
        cutoffs=tuple(cutoffs),
    )
    _refuse_untrainable(dataset, task)
    return dataset


def _cutoff_index(part: pa.Table, cutoffs: Sequence[datetime]) -> IndexArray:
    found = part["cutoff"].combine_chunks().dictionary_encode()
    positions = np.array([cutoffs.index(cutoff) for cutoff in found.dictionary.to_pylist()], dtype=np.intp)
    return np.asarray(positions[found.indices.to_numpy()])


def _matrix(parts: list[pa.Table], columns: tuple[FeatureColumn, ...], order: IndexArray) -> Matrix:
    """Copy the parts into one matrix in this order, and empty the list on the way: both would double the memory."""
    values, reader = np.empty((len(order), len(columns))), MatrixReader(columns)
    places, at = np.empty_like(order), 0
    places[order] = np.arange(len(order))
    while parts:
        part = parts.pop(0)
        for first in range(0, len(part), BATCH_ROWS):
            some = part.slice(first, BATCH_ROWS)
            values[places[at : at + len(some)]] = reader.read(some).values
            at += len(some)
    return Matrix(columns, values)


def _refuse_untrainable(dataset: Dataset, task: TaskSpec) -> None:
    customers = len(set(dataset.customer_ids))
    outcome = {"churn": "left", "conversion": "bought"}[task.target]
    if customers < 2:
        raise TrainingError(
            f"There {'is only one customer' if customers else 'are no customers'} to learn {task.target} from "
            f"(as of {task.as_of:%Y-%m-%d}, horizon {task.horizon}). A model needs at least two customers, "
            "and dozens to be useful."
        )
    if dataset.label.min() == dataset.label.max():
        who = "every" if dataset.label[0] else "no"
        raise TrainingError(
            f"At {len(dataset.outcome_rates)} past cutoffs {who} customer {outcome} within {task.horizon}: there is "
            "only one outcome, so no model can be fitted. Choose another horizon or active window, or an older history."
        )
