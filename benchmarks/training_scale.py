"""Measure training on very many customers: time and peak memory, beside bare LightGBM on the same matrix.

Scale 1 is 1,000,000 customers with 10 M orders, 5 M interactions and 4 M touches, tickets and invoices of 36 months;
``--rows`` is the setting ``training_rows``: the trees learn from no more rows (customers times cutoffs).

``--whole-matrix N`` also fits bare LightGBM, at its default settings, to the rows of all customers at every N-th of the
cutoffs that the training reads.

python benchmarks/training_scale.py --scale full|small|0.1 [--rows 600000] [--whole-matrix 1]
"""

import os
import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
from parts.big_history import more_statements, statements
from parts.measured import HEAD, Taken, measured
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import Catalog, catalog, vocabulary_of
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.training import train
from rapport.training.data.dataset import BATCH_ROWS
from rapport.training.data.subsample import SubsamplePlan, stream_labelled_rows
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.gbm import HISTORICAL_PARAMS, varying_columns

AS_OF = datetime.fromisoformat("2026-01-01")
HORIZON, YEAR = parse_duration("6mo"), parse_duration("12mo")


def whole(folder: Path, most: int) -> dict[str, Any]:
    """Train from the files to the bundle."""
    started = time.perf_counter()
    with read_history(folder, Settings(threads=2, max_training_rows=most)) as history:
        trained = train(history, "churn", as_of=AS_OF, horizon=HORIZON, active=YEAR)
    taken = time.perf_counter() - started
    part, rows = trained.run.subsample, trained.run.dataset
    columns = rows.binned.columns if rows.binned else varying_columns(rows.matrix)
    names = [rows.matrix.columns[place].name for place in columns]
    shape = {"held": len(rows), "rows": len(rows.binned or rows), "cutoffs": rows.cutoffs, "names": names, "part": part}
    return shape | {"wall": taken, "grade": trained.bundle.grade}


def matrix(folder: Path, learnt: dict[str, Any]) -> None:
    """Write rows as numbers: those that the trees were trained on, or those of another part at other cutoffs."""
    question = TaskSpec("churn", AS_OF, HORIZON, YEAR)
    with read_history(folder, Settings(threads=2)) as history:
        rows = learnt["rows"] or sum(
            map(len, stream_labelled_rows(history, question, learnt["part"], learnt["cutoffs"], Catalog(())))
        )
        kept = np.lib.format.open_memmap(
            folder / "values.npy", "w+", dtype=np.float32, shape=(rows, len(learnt["names"]))
        )
        label, at = np.empty(rows, np.float32), 0
        features = catalog(vocabulary_of(history, AS_OF))
        few = Catalog(tuple(features.by_name[name] for name in learnt["names"]))
        columns = feature_columns(few.features, "churn")
        for part in stream_labelled_rows(history, question, learnt["part"], learnt["cutoffs"], few):
            for first in range(0, len(part), BATCH_ROWS):
                some = part.slice(first, BATCH_ROWS)
                kept[at : at + len(some)] = Matrix.of(some, columns).values
                label[at : at + len(some)] = some["label"].to_numpy()
                at += len(some)
    kept.flush()
    np.save(folder / "label.npy", label)


def bare(folder: Path, times: int) -> dict[str, Any]:
    """Fit the trees of many slices to the same matrix, once or several times."""
    values, label = np.load(folder / "values.npy"), np.load(folder / "label.npy")
    started = time.perf_counter()
    for seed in range(HISTORICAL_PARAMS.seeds * times):
        told = {
            "objective": "binary",
            "num_leaves": HISTORICAL_PARAMS.num_leaves,
            "num_threads": 2,
            "seed": seed,
            "verbose": -1,
        }
        lgb.train(told, lgb.Dataset(values, label), HISTORICAL_PARAMS.n_estimators)
    return {"wall": time.perf_counter() - started}


class Batches(lgb.Sequence):
    """Rows of a file, so that a matrix larger than memory can be binned."""

    batch_size = BATCH_ROWS

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        return np.asarray(self._values[index], dtype=np.float64)


def bare_whole(folder: Path, trees: int) -> dict[str, Any]:
    """Fit one booster at the default settings to the whole matrix, which is read from its file."""
    values, label = np.load(folder / "values.npy", mmap_mode="r"), np.load(folder / "label.npy")
    started = time.perf_counter()
    told = {"objective": "binary", "num_threads": 2, "verbose": -1}
    lgb.train(told, lgb.Dataset(Batches(values), label), trees)
    return {"wall": time.perf_counter() - started, "rows": len(label)}


def beside_whole(folder: Path, learnt: dict[str, Any], every: int, ours: Taken) -> None:
    """Print what default boosters of the rows of all customers take, at every n-th cutoff."""
    whole_matrix = learnt | {"rows": 0, "part": SubsamplePlan(), "cutoffs": learnt["cutoffs"][::every]}
    measured(matrix, folder, whole_matrix)
    for trees in (180, 720):
        theirs = measured(bare_whole, folder, trees)
        print(theirs.line(f"default LightGBM, {trees} trees, all customers", ours.wall))
        print(f"  {theirs.result['rows']:,} rows of {len(whole_matrix['cutoffs'])} cutoffs; ", end="")
        print(f"training takes {ours.cpu / theirs.cpu:.2f} times its processor seconds", flush=True)


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=Settings().max_training_rows, help="the setting training_rows")
    parser.add_argument("--once", action="store_true", help="leave out the longer of the two bare runs")
    parser.add_argument(
        "--whole-matrix", type=int, default=0, metavar="N", help="fit all customers at every N-th cutoff, too"
    )
    given = parser.parse_args()
    # Threads that wait actively would count as work, the more the busier the machine is.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    folder = Path(tempfile.mkdtemp(prefix="rapport-scale-"))
    try:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        sizes = (round(1_000_000 * given.scale), round(10_000_000 * given.scale), round(5_000_000 * given.scale))
        for name, sql in (statements(*sizes) | more_statements(sizes[0])).items():
            connection.execute(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)").fetchall()
        connection.close()
        print(HEAD)
        ours = measured(whole, folder, given.rows)
        print(ours.line(f"training, {sizes[0]:,} customers"), flush=True)
        learnt = ours.result
        print(f"  {learnt['rows']:,} rows of {len(learnt['names'])} features; {learnt['held']:,} held as numbers")
        measured(matrix, folder, learnt)
        # A run fits both tree experts twice (on the past of the later slices, and on all): 680 trees.
        for name, times in (("bare LightGBM, 180 trees", 1), ("bare LightGBM, 720 trees", 4))[: 2 - given.once]:
            theirs = measured(bare, folder, times)
            print(theirs.line(f"{name}, same matrix", ours.wall))
            print(f"  training takes {ours.cpu / theirs.cpu:.2f} times its processor seconds", flush=True)
        if given.whole_matrix:
            beside_whole(folder, learnt, given.whole_matrix, ours)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
