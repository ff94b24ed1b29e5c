"""The same features by Rapport, by pandas group-by and by Featuretools with cutoff times: equal values, and the time.

    python benchmarks/engine_peers.py --scale small [--featuretools PYTHON]

Featuretools is not a part of the product: PYTHON is an interpreter that has it
(pip install featuretools "pandas<2.3" "numpy<2" "pyarrow<21" "setuptools<81").
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from parts.big_history import big_history
from parts.measured import HEAD, Taken, measured
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import Catalog, catalog, training_rows
from rapport.history import read_history
from rapport.history.settings import Settings

CUTOFFS = [datetime(2024, month, 1) for month in range(4, 13, 2)]  # noqa: DTZ001 - the invented company's own clock
KNOWN_BY = datetime(2026, 1, 1)  # noqa: DTZ001 - the same
FEATURES = (
    "orders_count_90d", "orders_count_365d", "spend_sum_90d", "spend_sum_365d", "order_value_max_365d",
    "interactions_count_90d", "interactions_count_365d", "days_since_last_order",
)  # fmt: skip
FEATURETOOLS = Path(__file__).parent / "peers" / "by_featuretools.py"


def by_rapport(folder: Path) -> dict[str, Any]:
    """Return the cells of Rapport's engine."""
    whole = catalog()
    chosen = Catalog(tuple(whole.by_name[name] for name in FEATURES), whole.vocabulary)
    year = parse_duration("12mo")
    with read_history(folder, Settings(threads=2)) as history:
        began = time.perf_counter()
        rows = training_rows(
            history,
            "churn",
            CUTOFFS,
            active=year,
            horizon=year,
            known_by=KNOWN_BY,
            features=chosen,
        )
        wall = time.perf_counter() - began
    return {"cells": rows.to_pandas().drop(columns="label"), "wall": wall}


def by_pandas(folder: Path) -> dict[str, Any]:
    """Return the same by one filter and group-by a cutoff and window."""
    orders = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "ordered_at", "amount"])
    orders = orders[orders.amount > 0]
    contacts = pd.read_parquet(folder / "interactions.parquet", columns=["customer_id", "occurred_at"])
    began = time.perf_counter()
    parts = [_pandas_at(orders, contacts, pd.Timestamp(cutoff)) for cutoff in CUTOFFS]
    return {"cells": pd.concat(parts), "wall": time.perf_counter() - began}


def _pandas_at(orders: pd.DataFrame, contacts: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    past = orders[orders.ordered_at < cutoff]
    last = past.groupby("customer_id").ordered_at.max()
    # An order n days ago to the instant is within the last n days: n - 1 whole days lie between.
    cells = pd.DataFrame({"days_since_last_order": np.ceil((cutoff - last) / pd.Timedelta(days=1)) - 1})
    for days in (90, 365):
        since = cutoff - pd.Timedelta(days=days)
        window = past[past.ordered_at >= since].groupby("customer_id").amount
        cells[f"orders_count_{days}d"], cells[f"spend_sum_{days}d"] = window.size(), window.sum()
        if days == 365:
            cells["order_value_max_365d"] = window.max()
        met = contacts[(contacts.occurred_at < cutoff) & (contacts.occurred_at >= since)]
        cells[f"interactions_count_{days}d"] = met.groupby("customer_id").size()
    zero = [name for name in cells if "count" in name or "sum" in name]
    cells[zero] = cells[zero].fillna(0)
    return cells.rename_axis("customer_id").reset_index().assign(cutoff=cutoff)


def by_featuretools(python: str, folder: Path) -> Taken:
    """Run the other interpreter's script, which writes its cells and prints what they took."""
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        out = Path(scratch) / "cells.parquet"
        written = [f"{cutoff:%Y-%m-%d}" for cutoff in CUTOFFS]
        ran = subprocess.run([python, FEATURETOOLS, folder, out, *written], capture_output=True, text=True, check=True)
        took = json.loads(ran.stdout.strip().splitlines()[-1])
        return Taken({"cells": pd.read_parquet(out)}, took["wall"], took["cpu"], took["peak"])


def difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Return the largest difference of any cell of the customers and cutoffs that ours has."""
    pair = ours.merge(theirs, on=["customer_id", "cutoff"], suffixes=("", "_theirs"), how="left")
    names = [name for name in FEATURES if f"{name}_theirs" in pair]
    gaps = [(pair[name] - pair[f"{name}_theirs"]).abs().max() for name in names]
    unknown = sum(int((pair[name].isna() != pair[f"{name}_theirs"].isna()).sum()) for name in names)
    assert unknown == 0, f"{unknown} cells are known to one and not to the other"
    return float(np.max(gaps))


def main() -> None:
    """Measure and print."""
    chosen = _options()
    folder = big_history(chosen.folder, chosen.scale * 0.1)
    taken = {"Rapport": measured(by_rapport, folder), "pandas, a group-by a window": measured(by_pandas, folder)}
    if chosen.featuretools:
        taken["Featuretools with cutoff times"] = by_featuretools(chosen.featuretools, folder)
    ours = taken["Rapport"]
    cells = ours.result["cells"]
    print(f"{cells.customer_id.nunique():,} customers, {len(CUTOFFS)} cutoffs, {len(FEATURES)} features")
    print(HEAD)
    for name, each in taken.items():
        print(each.line(name, ours.wall) + f"   largest difference {difference(cells, each.result['cells']):.2g}")
    if not chosen.featuretools:
        print("Featuretools: skipped, name an interpreter that has it with --featuretools")


def _options() -> argparse.Namespace:
    parser = options(__doc__, folder=True)
    parser.add_argument("--featuretools", help="a Python interpreter that has Featuretools", default="")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
