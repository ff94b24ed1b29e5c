"""What a reason costs: one thread, processor time, beside LightGBM's own `predict` and `pred_contrib`.

    python benchmarks/reasons.py [--scale small]

The first model has the shape that the service's budget is stated for: 300 trees of 15 leaves, every feature of the
catalog and a category, a tenth of the values unknown; then come deeper ones.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from rapport.features import catalog
from rapport.scoring.models.columns import FeatureColumn, feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.trees import TreesMember

HEADS = ("rows", "predict", "contrib", "tables", "ratio", "differs")
SHAPES = ((300, 15, 5), (400, 15, 4), (300, 15, -1), (300, 31, 6))
REGION = FeatureColumn("attribute_region", "fit", "category", 0, False, "Region.", "地区。", ("north", "south", "east"))
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time a row, and the largest difference from LightGBM's shares."""

    predict: float
    contrib: float
    tables: float
    differs: float


def main() -> None:
    """Measure each shape, for one row alone and for many, and print the table."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--scale", choices=["small", "full"], default="full")
    small = ask.parse_args().scale == "small"
    rows = invented(2_000 if small else 10_000)
    print("trees x leaves, depth".ljust(24), *(head.rjust(9) for head in HEADS))
    for shape in SHAPES[: 2 if small else None]:
        trees = TreesMember("trees", (fitted(rows, *shape),)).centred_on(rows.take(np.arange(500)))
        for count in (1, 100, 1000):
            told = cost(trees, rows.take(np.arange(count)))
            times = [f"{took:9.4f}" for took in (told.predict, told.contrib, told.tables)]
            name = "{} x {}, {}".format(*shape).ljust(24)
            print(name, f"{count:9d}", *times, f"{told.contrib / told.tables:9.1f}", f"{told.differs:9.1e}")


def cost(trees: TreesMember, rows: Matrix) -> Cost:
    """Measure one expert on some rows."""
    booster, count = trees.loaded[0], len(rows)
    return Cost(
        predict=_took(lambda: booster.predict(rows.values, num_threads=1), count),
        contrib=_took(lambda: booster.predict(rows.values, pred_contrib=True, num_threads=1), count),
        tables=_took(lambda: trees.contributions(rows), count),
        differs=trees.disagreement(rows),
    )


def invented(count: int) -> Matrix:
    """Draw rows without meaning, a tenth of them unknown."""
    draw = np.random.default_rng(7)
    columns = (*feature_columns(catalog().features, "churn"), REGION)
    values = np.floor(draw.gamma(1.0, 20.0, (count, len(columns))))
    values[:, -1] = draw.integers(0, 3, count)
    values[draw.random(values.shape) < 0.1] = np.nan
    return Matrix(columns, values)


def fitted(rows: Matrix, trees: int, leaves: int, depth: int) -> str:
    """Fit a booster of the given shape to invented outcomes."""
    known = np.nan_to_num(rows.values)
    score = known[:, 0] / 20 - known[:, 40] / 20 + known[:, 80] * known[:, 90] / 400 + (known[:, -1] == 1)
    labels = np.random.default_rng(8).random(len(rows)) < 1 / (1 + np.exp(-score))
    settings = {
        "objective": "binary", "num_leaves": leaves, "max_depth": depth, "learning_rate": 0.05, "num_threads": 1,
        "verbose": -1, "seed": 1, "feature_fraction": 0.5,
    }  # fmt: skip
    data = lgb.Dataset(
        rows.values, labels, feature_name=list(rows.positions), categorical_feature=[len(rows.columns) - 1]
    )
    return str(lgb.train(settings, data, trees).model_to_string())


def _took(work: Callable[[], object], count: int) -> float:
    work()
    rounds = 30 if count < 10 else 3
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1000.0 / count


if __name__ == "__main__":
    main()
