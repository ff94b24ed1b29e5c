"""All rows of a large history, as the trees see them: binned, a byte a cell in place of eight.

A sample of the customers is held as numbers. It sets the edges of the bins; then everyone's rows are measured once
more, some at a time, and only the bins are kept. Measured and binned are the same float64 numbers that a night scores,
so a row falls into the same leaf here and there: nothing is rounded on the way.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix

AT_ONCE = 50_000
Small = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Whole:
    """The bins of everyone's rows at some cutoffs: ``moment`` is the place of each row's cutoff, as in the sample."""

    bins: lgb.Dataset
    moment: Small
    columns: npt.NDArray[np.intp]
    digest: str
    places: tuple[int, ...]

    def __len__(self) -> int:
        return int(np.isin(self.moment, self.places).sum())

    def at(self, places: Sequence[int]) -> "Whole":
        """Keep the rows of some cutoffs; the bins are shared."""
        return replace(self, places=tuple(place for place in self.places if place in set(places)))

    def dataset(self, offset: Floats, weight: Floats) -> lgb.Dataset:
        """Return the rows for LightGBM; what each starts at and weighs is told by its cutoff."""
        chosen = np.flatnonzero(np.isin(self.moment, self.places)).astype(np.int32)
        data = lgb.Dataset(None, reference=self.bins, params=self.bins.params)
        # What ``subset`` does, without making a Python list of millions of numbers.
        data.used_indices = chosen
        data.construct()
        moment = self.moment[chosen]
        data.set_weight(weight[moment])
        data.set_init_score(offset[moment])
        return data


def binned(
    parts: Iterator[pa.Table],
    count: int,
    like: lgb.Dataset,
    *,
    chosen: npt.NDArray[np.intp],
    columns: tuple[Column, ...],
    cutoffs: Sequence[datetime],
) -> Whole:
    """Bin the ``count`` rows of ``parts`` at the edges of ``like``, which holds the ``chosen`` ones of ``columns``."""
    rows = _Stream(parts, count, tuple(columns[place] for place in chosen), cutoffs)
    bins = lgb.Dataset(rows, np.zeros(count), reference=like, params=like.params, free_raw_data=True).construct()
    bins.set_label(rows.label)
    return Whole(bins, rows.moment, chosen, rows.digest.hexdigest(), tuple(range(len(cutoffs))))


class _Stream(lgb.Sequence):  # type: ignore[misc]  # LightGBM publishes no types
    """Rows that LightGBM asks for in order, once; labels and cutoffs are noted as they pass."""

    batch_size = AT_ONCE

    def __init__(
        self, parts: Iterator[pa.Table], count: int, columns: tuple[Column, ...], cutoffs: Sequence[datetime]
    ) -> None:
        self._batches, self._count, self._columns = _batches(parts), count, columns
        self._place = {cutoff: at for at, cutoff in enumerate(cutoffs)}
        self._passed = 0
        self.label, self.moment = np.empty(count, np.float32), np.empty(count, np.int8)
        self.digest = hashlib.sha256()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int | slice | list[int]) -> Floats:
        assert isinstance(index, slice), "LightGBM asks for single rows only where it chooses edges"
        assert index.start == self._passed, "rows pass once, in order"
        batch = next(self._batches)
        assert len(batch) == index.stop - index.start, "the rows were counted before"
        self._passed = index.stop
        values = Matrix.of(batch, self._columns).values
        self.label[index] = batch["label"].to_numpy()
        cutoffs = batch["cutoff"].combine_chunks().dictionary_encode()
        known = np.array([self._place[cutoff] for cutoff in cutoffs.dictionary.to_pylist()], np.int8)
        self.moment[index] = known[cutoffs.indices.to_numpy()]
        for passed in (values, self.label[index], self.moment[index]):
            self.digest.update(passed.tobytes())
        return values


def _batches(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Cut the parts anew, all but the last to one length."""
    held: pa.Table | None = None
    for part in parts:
        held = part if held is None else pa.concat_tables([held, part])
        full = held.num_rows // AT_ONCE * AT_ONCE
        yield from (held.slice(first, AT_ONCE) for first in range(0, full, AT_ONCE))
        held = held.slice(full)
    if held is not None and held.num_rows:
        yield held
