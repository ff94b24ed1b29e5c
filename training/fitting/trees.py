"""Fit small boosted trees with the declared directions as monotone constraints."""

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from rapport.features import Catalog
from rapport.history import History
from rapport.scoring.columns import Column
from rapport.scoring.experts.trees import Trees
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.rows import Part, Places, Question, Rows, beyond
from rapport.training.whole import binned


@dataclass(frozen=True)
class Shape:
    """How large the trees are: reasons cost leaves x trees x depth, so both experts together stay below 400 trees."""

    leaves: int = 7
    rounds: int = 80
    rate: float = 0.05
    seeds: int = 2
    ridge: float = 10.0
    columns: float = 0.5
    rows: float = 0.7
    leaf_share: float = 0.01

    def leaf_rows(self, rows: int) -> int:
        """Return the least rows of a leaf: a hundred where there are plenty, fewer on small data."""
        return int(min(max(rows * self.leaf_share, 20), 300))


# Below this, threads cost more than they give; LightGBM is told to find the same trees whatever their number.
PLENTY = 100_000
# The same trees, a third sooner and without a second copy of the bins, where few of many columns are asked at a time.
BY_COLUMNS = {"force_row_wise": False, "force_col_wise": True}
# A tree of so few leaves has no use for more rows; the next tree looks at others, so that all are heard.
A_TREE = 2_000_000
NEWEST = Shape()
MANY = Shape(leaves=15, rounds=90)


def fit_trees(
    name: str, rows: Rows, shape: Shape, *, offset: Floats, weight: Floats, directed: bool = True
) -> Trees | None:
    """Fit ``shape.seeds`` boosters; ``offset`` is what is known of each row's level. Nothing if no column varies."""
    columns = rows.whole.columns if rows.whole else varying(rows.matrix)
    if not len(columns):
        return None
    if rows.whole:
        data = rows.whole.dataset(_by_cutoff(rows, offset), _by_cutoff(rows, weight))
    else:
        data = _dataset(rows, columns, offset, weight)
    count = len(rows.whole or rows)
    signs = [_sign(rows.matrix.columns[place]) if directed else 0 for place in columns]
    way = BY_COLUMNS | {"bagging_fraction": min(shape.rows, A_TREE / count)} if rows.whole else {}
    texts = (
        lgb.train(_parameters(shape, count, signs, seed) | way, data, shape.rounds).model_to_string()
        for seed in range(shape.seeds)
    )
    return Trees(name, tuple(texts))


def with_whole(history: History, question: Question, part: Part, rows: Rows, catalog: Catalog) -> Rows:
    """Return the rows with the bins of all customers whom the trees are to learn from; as given where they hold all."""
    chosen = varying(rows.matrix)
    if part.shares == 1 or not len(chosen):
        return rows
    few = Catalog(tuple(catalog.by_name[rows.matrix.columns[place].name] for place in chosen))
    # LightGBM wants to know how many rows will come; to tell who is eligible costs a tenth of measuring them.
    count = sum(len(some) for some in beyond(history, question, part, rows.cutoffs, Catalog(())))
    parts = beyond(history, question, part, rows.cutoffs, few)
    like = _dataset(rows, chosen, None, None)
    whole = binned(parts, count, like, chosen=chosen, columns=rows.matrix.columns, cutoffs=rows.cutoffs)
    return replace(rows, whole=whole)


def threads(rows: int) -> int:
    """Return how many threads may work on so many rows; 0 for as many as the machine offers."""
    return 0 if rows > PLENTY else 1


def varying(matrix: Matrix) -> Places:
    """Return the places of the columns that are known somewhere and not always the same."""
    if not len(matrix):
        return np.zeros(0, dtype=np.intp)
    # fmin passes over nan and maximum does not: three passes without a copy of the matrix.
    low, high = np.fmin.reduce(matrix.values), np.fmax.reduce(matrix.values)
    some, all_rows = ~np.isnan(low), ~np.isnan(np.maximum.reduce(matrix.values))
    return np.flatnonzero(some & ((low < high) | ~all_rows))


def _dataset(rows: Rows, columns: Places, offset: Floats | None, weight: Floats | None) -> lgb.Dataset:
    described = [rows.matrix.columns[place] for place in columns]
    return lgb.Dataset(
        _Cells(rows.matrix.values, columns),
        rows.label,
        weight=weight,
        init_score=offset,
        feature_name=[column.name for column in described],
        categorical_feature=[at for at, column in enumerate(described) if column.is_category],
        params={"max_bin": 127, "verbose": -1, "num_threads": threads(len(rows)), "feature_pre_filter": False},
        free_raw_data=True,
    )


def _by_cutoff(rows: Rows, values: Floats) -> Floats:
    """Return what stands for all rows of a cutoff: offsets and weights tell seasons and ages apart, not customers."""
    found = np.zeros(len(rows.cutoffs))
    found[rows.moment] = values
    return found


def _sign(column: Column) -> int:
    return 0 if column.is_category else column.direction


class _Cells(lgb.Sequence):  # type: ignore[misc]  # LightGBM publishes no types
    """Some columns of a matrix, handed over in batches, so that no copy of it is made."""

    batch_size = 4096

    def __init__(self, values: Floats, columns: Places) -> None:
        self._values, self._columns = values, columns

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int | slice | list[int]) -> npt.NDArray[np.float64]:
        return self._values[index][..., self._columns]


def _parameters(shape: Shape, rows: int, signs: list[int], seed: int) -> dict[str, object]:
    return {
        "objective": "binary",
        "num_leaves": shape.leaves,
        "learning_rate": shape.rate,
        "min_data_in_leaf": shape.leaf_rows(rows),
        "lambda_l2": shape.ridge,
        "feature_fraction": shape.columns,
        "bagging_fraction": shape.rows,
        "bagging_freq": 1,
        "monotone_constraints": signs if any(signs) else None,
        "boost_from_average": False,
        "cat_smooth": 50,
        "seed": seed,
        "num_threads": threads(rows),
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
