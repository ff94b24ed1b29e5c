"""All rows of a large history as LightGBM bins: one byte a cell instead of eight.

A subsample of the customers is kept as numbers and sets the bin edges. The rows of all customers are then computed in
batches, and only their bins are kept. Bins are made from the same float64 values that scoring uses, so a row falls
into the same leaf in training and in scoring.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix

BATCH_ROWS = 50_000
ALL_ROWS = slice(None)
Int8Array = npt.NDArray[np.int8]


@dataclass(frozen=True)
class BinnedDataset:
    """The bins of all customers' rows at some cutoffs; ``cutoff_index`` is each row's position in ``cutoffs``.

    ``aligned`` bins are those of the rows kept in memory, in the same order.
    """

    bins: lgb.Dataset
    cutoff_index: Int8Array
    columns: npt.NDArray[np.intp]
    digest: str
    kept_cutoffs: tuple[int, ...]
    aligned: bool = False

    def __len__(self) -> int:
        return int(np.isin(self.cutoff_index, self.kept_cutoffs).sum())

    def at_cutoffs(self, kept_cutoffs: Sequence[int]) -> "BinnedDataset":
        """Keep the rows of these cutoff indices; the bins are shared."""
        return replace(self, kept_cutoffs=tuple(index for index in self.kept_cutoffs if index in set(kept_cutoffs)))

    def lightgbm_dataset(self, offset: Floats, weight: Floats) -> lgb.Dataset:
        """Return a LightGBM dataset with the initial score and the weight of each cutoff."""
        cutoff_index = self.cutoff_index[self._chosen]
        return self.lightgbm_dataset_of_rows(offset[cutoff_index], weight[cutoff_index])

    def lightgbm_dataset_of_rows(self, offset: Floats, weight: Floats, part: slice = ALL_ROWS) -> lgb.Dataset:
        """Return the same with the initial score and the weight of each kept row; ``part`` selects some of them."""
        data = lgb.Dataset(None, reference=self.bins, params=self.bins.params)
        # The same as ``subset``, without a Python list of millions of numbers.
        data.used_indices = np.ascontiguousarray(self._chosen[part])  # type: ignore[assignment]  # an array serves as well as the list it names
        data.construct()
        data.set_weight(np.array(weight[part]))
        data.set_init_score(np.array(offset[part]))
        return data

    @property
    def _chosen(self) -> npt.NDArray[np.int32]:
        return np.flatnonzero(np.isin(self.cutoff_index, self.kept_cutoffs)).astype(np.int32)


def bin_rows(
    tables: Iterator[pa.Table],
    count: int,
    reference: lgb.Dataset,
    *,
    chosen: npt.NDArray[np.intp],
    columns: tuple[FeatureColumn, ...],
    cutoffs: Sequence[datetime],
) -> BinnedDataset:
    """Bin ``count`` rows of ``tables`` at the edges of ``reference``, which has the ``chosen`` columns."""
    sequence = _RowSequence(tables, count, tuple(columns[index] for index in chosen), cutoffs)
    bins = lgb.Dataset(
        sequence, np.zeros(count), reference=reference, params=reference.params, free_raw_data=True
    ).construct()
    bins.set_label(sequence.label)
    return BinnedDataset(bins, sequence.cutoff_index, chosen, sequence.digest.hexdigest(), tuple(range(len(cutoffs))))


def bins_in_memory(
    bins: lgb.Dataset, cutoff_index: npt.NDArray[np.intp], chosen: npt.NDArray[np.intp], cutoffs: Sequence[datetime]
) -> BinnedDataset:
    """Return the bins of rows that are also kept as numbers; these have the digest."""
    kept_cutoffs = tuple(range(len(cutoffs)))
    return BinnedDataset(bins.construct(), cutoff_index.astype(np.int8), chosen, "", kept_cutoffs, aligned=True)


class _RowSequence(lgb.Sequence):
    """Rows that LightGBM reads once, in order; labels and cutoffs are collected on the way."""

    batch_size = BATCH_ROWS

    def __init__(
        self, tables: Iterator[pa.Table], count: int, columns: tuple[FeatureColumn, ...], cutoffs: Sequence[datetime]
    ) -> None:
        self._batches, self._count, self._columns = _batches(tables), count, columns
        self._cutoff_indices = {cutoff: index for index, cutoff in enumerate(cutoffs)}
        self._rows_read = 0
        self.label, self.cutoff_index = np.empty(count, np.float32), np.empty(count, np.int8)
        self.digest = hashlib.sha256()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int | slice | list[int]) -> Floats:
        assert isinstance(index, slice), "LightGBM reads single rows only while it chooses bin edges"
        assert index.start == self._rows_read, "rows are read once, in order"
        batch = next(self._batches)
        assert len(batch) == index.stop - index.start, "the number of rows was counted before"
        self._rows_read = index.stop
        values = Matrix.of(batch, self._columns).values
        self.label[index] = batch["label"].to_numpy()
        cutoffs = batch["cutoff"].combine_chunks().dictionary_encode()
        known = np.array([self._cutoff_indices[cutoff] for cutoff in cutoffs.dictionary.to_pylist()], np.int8)
        self.cutoff_index[index] = known[cutoffs.indices.to_numpy()]
        for part in (values, self.label[index], self.cutoff_index[index]):
            self.digest.update(part.tobytes())
        return values


def _batches(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Cut the tables into batches of one length; the last may be shorter."""
    pending: pa.Table | None = None
    for part in tables:
        pending = part if pending is None else pa.concat_tables([pending, part])
        full = pending.num_rows // BATCH_ROWS * BATCH_ROWS
        yield from (pending.slice(first, BATCH_ROWS) for first in range(0, full, BATCH_ROWS))
        pending = pending.slice(full)
    if pending is not None and pending.num_rows:
        yield pending
