"""Fit small gradient-boosted trees with the declared directions as monotone constraints."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from rapport.features import Catalog
from rapport.history import History
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.trees import TreesMember
from rapport.training.data.binned_dataset import bin_rows, bins_in_memory
from rapport.training.data.dataset import Dataset, IndexArray
from rapport.training.data.subsample import SubsamplePlan, stream_labelled_rows
from rapport.training.data.task_spec import TaskSpec


@dataclass(frozen=True)
class GbmParams:
    """Size of the trees: reasons cost leaves × trees × depth, so both tree members together stay below 400 trees."""

    num_leaves: int = 7
    n_estimators: int = 80
    learning_rate: float = 0.05
    seeds: int = 2
    reg_lambda: float = 10.0
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    min_leaf_share: float = 0.01

    def min_leaf_rows(self, rows: int) -> int:
        """Return the minimum rows in a leaf: 1 % of the rows, between 20 and 300."""
        return int(min(max(rows * self.min_leaf_share, 20), 300))


# Below this number of rows threads cost more time than they save; LightGBM is set to be deterministic either way.
MULTI_THREAD_ROWS = 100_000
# Up to this number of rows a copy of the columns is cheap; reading in batches takes three times as long.
COPIED_ROWS = 100_000
# Bins are so few that a sample of the rows gives their edges.
EDGE_ROWS = 50_000
# A tree with few leaves gains nothing from more rows; the next tree samples others.
MAX_ROWS_PER_TREE = 2_000_000
# Of many rows in memory each booster learns from another part, at least so many and less than twice as many.
ROWS_PER_BOOSTER = 150_000
RECENT_PARAMS = GbmParams()
HISTORICAL_PARAMS = GbmParams(num_leaves=15, n_estimators=90)


def fit_gbm(
    name: str, dataset: Dataset, params: GbmParams, *, offset: Floats, weight: Floats, directed: bool = True
) -> TreesMember | None:
    """Fit ``params.seeds`` boosters from the log-odds ``offset``; None if no column varies."""
    columns = dataset.binned.columns if dataset.binned else varying_columns(dataset.matrix)
    if not len(columns):
        return None
    count = len(dataset.binned or dataset)
    params = replace(params, bagging_fraction=min(params.bagging_fraction, MAX_ROWS_PER_TREE / count))
    signs = [_constraint(dataset.matrix.columns[index]) if directed else 0 for index in columns]
    # Boosters are fitted side by side, each on its share of the cores: threads of one booster wait for each other.
    threads = 1 if thread_count(count) == 1 else max(1, (os.cpu_count() or 1) // params.seeds)
    data = _booster_data(dataset, columns, offset, weight, params.seeds)

    def fit(seed: int) -> str:
        some = data[seed % len(data)]
        parameters = _parameters(params, some.num_data(), signs, seed) | {"num_threads": threads}
        text: str = lgb.train(parameters, some, params.n_estimators).model_to_string()
        # The trees do not depend on the machine, nor does their text.
        return text.replace(f"[num_threads: {threads}]", "[num_threads: 1]")

    with ThreadPoolExecutor(params.seeds) as pool:
        return TreesMember(name, tuple(pool.map(fit, range(params.seeds))))


def with_binned_rows(
    history: History, task: TaskSpec, plan: SubsamplePlan, dataset: Dataset, catalog: Catalog
) -> Dataset:
    """Return the dataset with the bins of all customers that the trees learn from; all fits share them.

    A small history is left as it is: each fit makes its own bins.
    """
    chosen = varying_columns(dataset.matrix)
    if (plan.one_of == 1 and len(dataset) <= COPIED_ROWS) or not len(chosen):
        return dataset
    reference = _lightgbm_dataset(dataset, chosen, None, None)
    own_bins = bins_in_memory(reference, dataset.cutoff_index, chosen, dataset.cutoffs)
    if plan.shares == 1:
        return replace(dataset, binned=own_bins, own_bins=own_bins)
    measured = Catalog(tuple(catalog.by_name[dataset.matrix.columns[index].name] for index in chosen))
    # LightGBM needs the number of rows first; eligibility alone costs a tenth of the features.
    count = sum(len(some) for some in stream_labelled_rows(history, task, plan, dataset.cutoffs, Catalog(())))
    parts = stream_labelled_rows(history, task, plan, dataset.cutoffs, measured)
    binned = bin_rows(parts, count, reference, chosen=chosen, columns=dataset.matrix.columns, cutoffs=dataset.cutoffs)
    return replace(dataset, binned=binned, own_bins=own_bins)


def _booster_data(
    dataset: Dataset, columns: IndexArray, offset: Floats, weight: Floats, seeds: int
) -> list[lgb.Dataset]:
    """Return what the boosters learn from: all rows, or each another part of many rows in memory."""
    binned = dataset.binned
    if binned is None:
        return [_lightgbm_dataset(dataset, columns, offset, weight).construct()]
    if not binned.aligned:
        return [binned.lightgbm_dataset(_per_cutoff(dataset, offset), _per_cutoff(dataset, weight))]
    step = max(1, len(dataset) // ROWS_PER_BOOSTER)
    parts = [slice(seed, None, step) for seed in range(min(step, seeds))]
    return [binned.lightgbm_dataset_of_rows(offset, weight, part) for part in parts]


def thread_count(rows: int) -> int:
    """Return how many threads to use for so many rows; 0 means all cores."""
    return 0 if rows > MULTI_THREAD_ROWS else 1


def varying_columns(matrix: Matrix) -> IndexArray:
    """Return the indices of the columns with more than one value, unknown included."""
    if not len(matrix):
        return np.zeros(0, dtype=np.intp)
    # fmin ignores NaN and maximum does not: three passes without a copy of the matrix.
    low, high = np.fmin.reduce(matrix.values), np.fmax.reduce(matrix.values)
    some, all_rows = ~np.isnan(low), ~np.isnan(np.maximum.reduce(matrix.values))
    return np.flatnonzero(some & ((low < high) | ~all_rows))


def _lightgbm_dataset(
    dataset: Dataset, columns: IndexArray, offset: Floats | None, weight: Floats | None
) -> lgb.Dataset:
    described = [dataset.matrix.columns[index] for index in columns]
    few = len(dataset) <= COPIED_ROWS
    return lgb.Dataset(
        dataset.matrix.values[:, columns] if few else _ColumnBatches(dataset.matrix.values, columns),
        dataset.label,
        # LightGBM reads a sample for the edges of the bins row by row, which takes as long as the bins themselves.
        reference=None if few else _lightgbm_dataset(dataset.at_most(EDGE_ROWS), columns, None, None),
        weight=weight,
        init_score=offset,
        feature_name=[column.name for column in described],
        categorical_feature=[at for at, column in enumerate(described) if column.is_category],
        params={"max_bin": 127, "verbose": -1, "num_threads": thread_count(len(dataset)), "feature_pre_filter": False},
        free_raw_data=True,
    )


def _per_cutoff(dataset: Dataset, values: Floats) -> Floats:
    """Return one value a cutoff: offsets and weights differ by cutoff, not by customer."""
    found = np.zeros(len(dataset.cutoffs))
    found[dataset.cutoff_index] = values
    return found


def _constraint(column: FeatureColumn) -> int:
    return 0 if column.is_category else column.direction


class _ColumnBatches(lgb.Sequence):
    """Some columns of a matrix, read in batches, so that no copy of the matrix is made."""

    batch_size = 4096

    def __init__(self, values: Floats, columns: IndexArray) -> None:
        self._values, self._columns = values, columns

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int | slice | list[int]) -> npt.NDArray[np.float64]:
        return self._values[index][..., self._columns]


def _parameters(params: GbmParams, row_count: int, signs: list[int], seed: int) -> dict[str, object]:
    return {
        "objective": "binary",
        "num_leaves": params.num_leaves,
        "learning_rate": params.learning_rate,
        "min_data_in_leaf": params.min_leaf_rows(row_count),
        "lambda_l2": params.reg_lambda,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging_fraction,
        "bagging_freq": 1,
        "monotone_constraints": signs if any(signs) else None,
        "boost_from_average": False,
        "cat_smooth": 50,
        "seed": seed,
        "deterministic": True,
        # The same trees as row by row in two thirds of the time and without a second copy of the bins.
        "force_col_wise": True,
        "verbose": -1,
    }
