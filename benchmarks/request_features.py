"""How long one customer's features take from its events, as a request brings them.

python benchmarks/request_features.py --scale small
"""

import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import catalog, snapshot
from rapport.history import history_of
from rapport.history.contract import FEATURE_TABLES
from rapport.history.reading.database import Database, open_database
from rapport.history.settings import Settings
from rapport.history.simulate import simulate

AS_OF = datetime(2026, 6, 1)  # noqa: DTZ001 - the invented company's own clock
ACTIVE = parse_duration("12mo")
REQUESTS = 200
ORDERS = 20


def events_of(tables: dict[str, pa.Table], customer: str) -> dict[str, list[dict[str, object]]]:
    """Return one customer's rows as a request gives them."""
    return {name: table.filter(pc.equal(table["customer_id"], customer)).to_pylist() for name, table in tables.items()}


def main() -> None:
    """Measure and print."""
    scale = options(__doc__).parse_args().scale
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        company = Path(folder) / "company"
        simulate(company, customers=200)
        paths = [company / f"{table.name}.parquet" for table in FEATURE_TABLES]
        tables = {path.stem: pq.read_table(path) for path in paths if path.exists()}
    known = tables["orders"].filter(pc.less(tables["orders"]["ordered_at"], AS_OF))
    busiest = [each["values"] for each in known["customer_id"].value_counts().to_pylist()]
    count = max(30, round(REQUESTS * scale))
    requests = [events_of(tables, busiest[turn % len(busiest)]) for turn in range(count)]
    few = [{"orders": request["orders"][:ORDERS]} for request in requests]
    settings = Settings(threads=1)
    engine = open_database(settings)
    # The first one compiles the plan, which a service does before it says that it is ready.
    print(f"first {_measured(requests[0], settings, engine)[0] * 1e3:8.1f} ms")
    for name, each in (("all tables", requests), (f"{ORDERS} orders alone", few)):
        _print(name, each, [_measured(request, settings, engine) for request in each])


def _measured(request: dict[str, list[dict[str, object]]], settings: Settings, engine: Database) -> tuple[float, float]:
    """Return the seconds, by the clock and of the processor, of one request's features."""
    began, worked = time.perf_counter(), time.process_time()
    history = history_of(request, settings, database=engine)
    rows = snapshot(history, AS_OF, active=ACTIVE)
    history.close()
    assert rows.num_rows == 1
    return time.perf_counter() - began, time.process_time() - worked


def _print(name: str, requests: list[dict[str, list[dict[str, object]]]], took: list[tuple[float, float]]) -> None:
    rows = statistics.median(sum(map(len, request.values())) for request in requests)
    seconds = sorted(wall for wall, _ in took)
    spread = ", ".join(
        f"{share:.0%} {seconds[int(share * (len(seconds) - 1))] * 1e3:.1f}" for share in (0.5, 0.95, 0.99)
    )
    busy = statistics.median(cpu for _, cpu in took) * 1e3
    print(
        f"{name}: {len(took)} requests of {rows:.0f} rows (median), {len(catalog().names)} features: {spread} ms; "
        f"processor {busy:.1f} ms (median)"
    )


if __name__ == "__main__":
    main()
