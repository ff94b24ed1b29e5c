"""How long features of a big history take, beside the time DuckDB takes to scan and group the same files once.

Scale 1 is 200,000 customers, 20 M orders and 20 M interactions of 36 months.

python benchmarks/engine_scale.py --scale full|small|0.1 [--folder FOLDER] [--all]
"""

import argparse
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from parts.big_history import big_history
from parts.measured import HEAD, measured
from parts.scale import options as options_of
from parts.training_file import write_training_rows

from rapport.durations import parse_duration
from rapport.features import Catalog, catalog
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.history import read_history
from rapport.history.settings import Settings

THREADS = 2
YEAR = parse_duration("12mo")
HORIZON = parse_duration("6mo")
KNOWN_BY = datetime(2026, 1, 1)  # noqa: DTZ001 - the invented company's own clock

# 42 features of orders and interactions: windows, gaps, slopes, shares, ratios, distinct contacts.
CHOSEN = (
    "days_since_last_order", "order_gap_mean", "order_gap_sd", "order_gap_last", "order_gap_last_to_usual",
    "order_regularity", "overdue_ratio", "orders_count_30d", "orders_count_90d", "orders_count_180d",
    "orders_count_365d", "orders_count_ever", "orders_per_month_life", "spend_sum_30d", "spend_sum_90d",
    "spend_sum_180d", "spend_sum_365d", "spend_sum_ever", "order_value_mean_365d", "order_value_max_365d",
    "orders_slope_360d", "spend_slope_share_360d", "orders_ratio_90d_to_previous", "spend_ratio_90d_to_previous",
    "days_since_last_interaction", "days_since_last_meeting", "interactions_count_30d", "interactions_count_90d",
    "interactions_count_365d", "inbound_count_90d", "inbound_share_180d", "meetings_count_90d", "meetings_count_365d",
    "deep_share_180d", "interactions_ratio_90d_to_previous", "response_hours_mean_180d", "interaction_gap_mean",
    "silence_to_usual", "contacts_active_count_180d", "sentiment_mean_180d", "first_order_days_ago",
    "quantity_sum_365d",
)  # fmt: skip


def months_back(count: int) -> list[datetime]:
    """Return ``count`` monthly cutoffs, the last as late as its outcome allows."""
    last = 12 * 2025 + 6  # July 2025: its outcome is known by the end of the year
    return [datetime((last - back) // 12, (last - back) % 12 + 1, 1) for back in reversed(range(count))]  # noqa: DTZ001


def scan_and_group(folder: Path) -> dict[str, Any]:
    """Read every column of both files once, with one aggregate each, by customer: the floor for any plan."""
    connection = duckdb.connect(config={"threads": THREADS})
    connection.execute("SET enable_progress_bar = false")
    started = time.perf_counter()
    for table in ("orders", "interactions"):
        file = f"'{folder / table}.parquet'"
        columns = [row[0] for row in connection.execute(f"DESCRIBE FROM {file}").fetchall() if row[0] != "customer_id"]
        # Every aggregate is used, or the optimiser leaves its column unread.
        aggregates = ", ".join(f"max({column}) AS {column}" for column in columns)
        used = ", ".join(f"max({column})" for column in columns)
        connection.execute(
            f"SELECT sum(rows), {used} FROM "
            f"(SELECT customer_id, count(*) AS rows, {aggregates} FROM {file} GROUP BY customer_id)"
        ).fetchall()
    return {"wall": time.perf_counter() - started}


def build_rows(folder: Path, cutoffs: int, names: tuple[str, ...] | None, memory: str) -> dict[str, Any]:
    """Make the training rows and write them to Parquet."""
    question = DatasetSpec("churn", tuple(months_back(cutoffs)), YEAR, HORIZON, KNOWN_BY)
    features = _some(names)
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        settings = Settings(threads=THREADS, memory_limit=memory, temp_dir=scratch)
        began = time.perf_counter()
        with read_history(folder, settings) as history:
            read = time.perf_counter() - began
            rows = write_training_rows(history, question, Path(scratch) / "rows.parquet", features)
        wall = time.perf_counter() - began
    return {"rows": rows, "columns": len(features.names), "read": read, "wall": wall}


def _some(names: tuple[str, ...] | None) -> Catalog:
    whole = catalog()
    return whole if names is None else Catalog(tuple(whole.by_name[name] for name in names), whole.vocabulary)


def main() -> None:
    """Measure and print."""
    options = _options()
    folder = big_history(options.folder, options.scale)
    floor = measured(scan_and_group, folder)
    print(HEAD)
    print(floor.line("DuckDB: scan and group both files once", floor.wall))
    chosen: tuple[str, ...] | None = CHOSEN
    runs = [(f"{count} cutoffs, {len(CHOSEN)} features", count, chosen, "") for count in options.cutoffs]
    runs += [(f"12 cutoffs, {len(CHOSEN)} features, memory limit {each}", 12, chosen, each) for each in options.limits]
    if options.all:
        runs.append(("12 cutoffs, the whole catalog", 12, None, ""))
    for name, count, names, memory in runs:
        taken = measured(build_rows, folder, count, names, memory)
        print(taken.line(name, floor.wall))
        print(f"    {taken.result['rows']:,} rows × {taken.result['columns']} features; "
              f"reading and checking took {taken.result['read']:.2f} s of it")  # fmt: skip


def _options() -> argparse.Namespace:
    parser = options_of(__doc__, folder=True)
    parser.add_argument("--cutoffs", type=int, nargs="*", default=[12, 6, 24])
    parser.add_argument("--limits", nargs="*", default=["512MB"], help="memory limits to try")
    parser.add_argument("--all", action="store_true", help="also the whole catalog")
    return parser.parse_args()


if __name__ == "__main__":
    main()
