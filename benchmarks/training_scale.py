"""Measure training on very many customers: time and peak memory, beside bare LightGBM on the same matrix.

Scale 1 is 1,000,000 customers, 10 M orders and 5 M interactions of 36 months; ``--rows`` is the setting
``training_rows``: of more rows (customers times cutoffs) only some customers are learnt from.

python benchmarks/training_scale.py --scale full|small|0.1 [--rows 600000]
"""

import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
from parts.big_history import statements
from parts.measured import HEAD, measured
from parts.scale import options

from history import read_history
from history.settings import Settings
from history.spans import parse_span
from training import train
from training.fitting.trees import MANY

AS_OF = datetime.fromisoformat("2026-01-01")
HORIZON, YEAR = parse_span("6mo"), parse_span("12mo")


def whole(folder: Path, most: int) -> dict[str, Any]:
    """Train from the files to the bundle; keep the matrix for bare LightGBM."""
    started = time.perf_counter()
    with read_history(folder, Settings(threads=2, training_rows=most, memory_limit="4GB")) as history:
        trained = train(history, "churn", as_of=AS_OF, horizon=HORIZON, active=YEAR)
    taken = time.perf_counter() - started
    rows = trained.made.rows
    np.savez(folder / "matrix.npz", values=rows.matrix.values.astype(np.float32), label=rows.label)
    shape = {"rows": len(rows), "features": rows.matrix.values.shape[1], "one_of": trained.made.part.one_of}
    return shape | {"wall": taken, "grade": trained.bundle.grade}


def bare(folder: Path, times: int) -> dict[str, Any]:
    """Fit the trees of many slices to the same matrix, once or several times."""
    with np.load(folder / "matrix.npz") as kept:
        values, label = kept["values"], kept["label"]
    started = time.perf_counter()
    for seed in range(MANY.seeds * times):
        told = {"objective": "binary", "num_leaves": MANY.leaves, "num_threads": 2, "seed": seed, "verbose": -1}
        lgb.train(told, lgb.Dataset(values, label), MANY.rounds)
    return {"wall": time.perf_counter() - started}


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, default=Settings().training_rows, help="the setting training_rows")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rapport-scale-"))
    try:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        sizes = (round(1_000_000 * given.scale), round(10_000_000 * given.scale), round(5_000_000 * given.scale))
        for name, sql in statements(*sizes).items():
            connection.execute(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)").fetchall()
        connection.close()
        print(HEAD)
        ours = measured(whole, folder, given.rows)
        print(ours.line(f"training, {sizes[0]:,} customers"))
        # A run fits both tree experts twice (on the past of the later slices, and on all): 680 trees.
        for name, times in (("bare LightGBM, 180 trees", 1), ("bare LightGBM, 720 trees", 4)):
            print(measured(bare, folder, times).line(f"{name}, same matrix", ours.wall))
        print(ours.result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
