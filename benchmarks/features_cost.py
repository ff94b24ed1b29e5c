"""What the whole catalog costs on all twelve tables: rows a second, and the five dearest features.

Scale 1 is the invented company with 20,000 customers; 12 monthly cutoffs. Which features are the dearest is told at a
tenth of that size, each alone beside none at all; the five are then measured at the whole size.

python benchmarks/features_cost.py --scale full|small|0.1 [--folder FOLDER]
"""

import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from parts.measured import HEAD, measured
from parts.scale import options

from features import Catalog, Feature, catalog
from features.engine import write_training_rows
from features.question import Question
from history import History, read_history
from history.settings import Settings
from history.simulate import simulate
from history.spans import parse_span

THREADS = 2
YEAR = parse_span("12mo")
CUTOFFS = tuple(datetime(2024 + month // 12, month % 12 + 1, 1) for month in range(6, 18))  # noqa: DTZ001 - its own clock
KNOWN_BY = datetime(2026, 6, 1)  # noqa: DTZ001 - the same
DEAREST = 5


def whole(folder: Path) -> dict[str, Any]:
    """Make the training rows of the whole catalog."""
    with read_history(folder, Settings(threads=THREADS)) as history:
        wall, rows = _timed(history, catalog().features)
        return {"wall": wall, "rows": rows, "events": sum(history.rows.values())}


def alone(folder: Path, chosen: Sequence[str]) -> dict[str, Any]:
    """Return what each of these features costs alone, in seconds beyond no feature at all."""
    with read_history(folder, Settings(threads=THREADS)) as history:
        nothing = min(_timed(history, ())[0] for _ in range(3))
        return {name: _timed(history, (catalog().by_name[name],))[0] - nothing for name in chosen}


def without(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Make the training rows of the catalog without some features."""
    with read_history(folder, Settings(threads=THREADS)) as history:
        kept = [feature for feature in catalog().features if feature.name not in names]
        return {"wall": _timed(history, kept)[0]}


def _timed(history: History, features: Sequence[Feature]) -> tuple[float, int]:
    """Return the seconds that the rows of some features take, and how many rows there are."""
    chosen = Catalog(tuple(features), catalog().vocabulary)
    # Compiling is paid once in a process, not once a history.
    _ = chosen.plan
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        began = time.perf_counter()
        question = Question("churn", CUTOFFS, YEAR, YEAR, KNOWN_BY)
        rows = write_training_rows(history, question, Path(scratch) / "rows.parquet", chosen)
        return time.perf_counter() - began, rows


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__, folder=True).parse_args()
    big, small = (_company(chosen.folder, round(customers * chosen.scale)) for customers in (20_000, 2_000))
    names = [feature.name for feature in catalog().features if feature.measure is not None]
    told = measured(whole, big)
    events, wall = told.result["events"], told.wall
    print(HEAD)
    print(told.line(f"{len(names)} features, {len(CUTOFFS)} cutoffs", wall))
    print(f"    {events:,} events → {told.result['rows']:,} rows: {events / wall:,.0f} events a second, "
          f"{told.result['rows'] / wall:,.0f} rows a second")  # fmt: skip
    ranked = measured(alone, small, names).result
    dearest = sorted(names, key=lambda name: -ranked[name])[:DEAREST]
    seconds = measured(alone, big, dearest).result
    print(f"the {DEAREST} dearest features, each alone (seconds beyond no feature at all):")
    for name in sorted(dearest, key=lambda name: -seconds[name]):
        print(f"    {name:44s}{seconds[name]:8.2f}")
    print(measured(without, big, dearest).line(f"all but these {DEAREST}", wall))


def _company(folder: Path, customers: int) -> Path:
    place = folder / f"company-{customers}"
    if not (place / "orders.parquet").exists():
        simulate(place, customers=customers)
    return place


if __name__ == "__main__":
    main()
