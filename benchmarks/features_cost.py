"""What the whole catalog costs on all twelve tables: rows a second, where the time goes, and the five dearest features.

Scale 1 is the invented company with 20,000 customers; 12 monthly cutoffs. One run more, with a meter at every step,
tells what each feature costs alone (all steps that it needs and the states do not) and what it shares with no other;
reading the tables is told apart.

python benchmarks/features_cost.py --scale full|small|0.1 [--folder FOLDER]
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from parts.measured import HEAD, measured
from parts.metered import Meter, by_feature, by_stream
from parts.scale import options
from parts.training_file import write_training_rows

from rapport.durations import parse_duration
from rapport.features import Catalog, catalog
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate

THREADS = 2
YEAR = parse_duration("12mo")
CUTOFFS = tuple(datetime(2024 + month // 12, month % 12 + 1, 1) for month in range(6, 18))  # noqa: DTZ001 - its own clock
KNOWN_BY = datetime(2026, 6, 1)  # noqa: DTZ001 - the same
DEAREST = 5
SPENT_ON = {
    "rows": "rows of streams",
    "merged": "windows",
    "columns": "windows",
    "finish": "arithmetic",
    "read": "fetching",
}


def whole(folder: Path) -> dict[str, Any]:
    """Make the training rows of the whole catalog."""
    with read_history(folder, Settings(threads=THREADS)) as history:
        wall, rows = _timed(history, catalog())
        return {"wall": wall, "rows": rows, "events": sum(history.rows.values())}


def apart(folder: Path) -> dict[str, Any]:
    """Make the same rows with a meter at every step; return what was spent on what, and on each feature."""
    # A catalog of its own, for its steps are changed.
    chosen, meter = Catalog(catalog().features, catalog().vocabulary), Meter()
    plan = chosen.plan
    with read_history(folder, Settings(threads=THREADS)) as history, meter.of(plan):
        began = time.process_time()
        _timed(history, chosen)
        cpu = time.process_time() - began
    spent: defaultdict[str, float] = defaultdict(float)
    for key, seconds in meter.spent.items():
        spent[SPENT_ON[key[0]]] += seconds
    return {
        "features": by_feature(plan, meter.spent, chosen.features),
        "streams": by_stream(plan, meter.spent),
        "spent": dict(spent) | {"reading in the database, and the rest": cpu - sum(spent.values())},
    }


def without(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Make the training rows of the catalog without some features."""
    with read_history(folder, Settings(threads=THREADS)) as history:
        kept = tuple(feature for feature in catalog().features if feature.name not in names)
        return {"wall": _timed(history, Catalog(kept, catalog().vocabulary))[0]}


def _timed(history: History, chosen: Catalog) -> tuple[float, int]:
    """Return the seconds that the rows of some features take, and how many rows there are."""
    # Compiling is paid once in a process, not once a history.
    _ = chosen.plan
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        began = time.perf_counter()
        question = DatasetSpec("churn", CUTOFFS, YEAR, YEAR, KNOWN_BY)
        rows = write_training_rows(history, question, Path(scratch) / "rows.parquet", chosen)
        return time.perf_counter() - began, rows


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__, folder=True).parse_args()
    folder = _company(chosen.folder, round(20_000 * chosen.scale))
    count = sum(feature.measure is not None for feature in catalog().features)
    told = measured(whole, folder)
    events, wall = told.result["events"], told.wall
    print(HEAD)
    print(told.line(f"{count} features, {len(CUTOFFS)} cutoffs", wall))
    print(f"    {events:,} events → {told.result['rows']:,} rows: {events / wall:,.0f} events a second, "
          f"{told.result['rows'] / wall:,.0f} rows a second")  # fmt: skip
    found = measured(apart, folder).result
    print("processor seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in found["spent"].items()))
    streams = sorted(found["streams"].items(), key=lambda each: -each[1])[:DEAREST]
    print("the dearest streams, each alone: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in streams))
    costs = found["features"]
    dearest = sorted(costs, key=lambda name: -costs[name][0])[:DEAREST]
    print(f"the {DEAREST} dearest features: processor seconds alone, and of those shared with no other feature:")
    for name in dearest:
        print(f"    {name:44s}{costs[name][0]:8.2f}{costs[name][1]:8.2f}")
    print(measured(without, folder, dearest).line(f"all but these {DEAREST}", wall))


def _company(folder: Path, customers: int) -> Path:
    place = folder / f"company-{customers}"
    if not (place / "orders.parquet").exists():
        simulate(place, customers=customers)
    return place


if __name__ == "__main__":
    main()
