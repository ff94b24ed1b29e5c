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

from features import catalog, snapshot
from history import history_of
from history.contract import TABLES
from history.engine import open_engine
from history.settings import Settings
from history.simulate import simulate
from history.spans import parse_span

AS_OF = datetime(2026, 6, 1)  # noqa: DTZ001 - the invented company's own clock
ACTIVE = parse_span("12mo")
REQUESTS = 200


def events_of(tables: dict[str, pa.Table], customer: str) -> dict[str, list[dict[str, object]]]:
    """Return one customer's rows as a request gives them."""
    return {name: table.filter(pc.equal(table["customer_id"], customer)).to_pylist() for name, table in tables.items()}


def main() -> None:
    """Measure and print."""
    scale = options(__doc__).parse_args().scale
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        company = Path(folder) / "company"
        simulate(company, customers=200)
        tables = {table.name: pq.read_table(company / f"{table.name}.parquet") for table in TABLES}
    busiest = [each["values"] for each in tables["orders"]["customer_id"].value_counts().to_pylist()]
    settings = Settings(threads=1)
    engine, seconds, busy, sizes = open_engine(settings), [], [], []
    for turn in range(max(30, round(REQUESTS * scale))):
        events = events_of(tables, busiest[turn % len(busiest)])
        began, worked = time.perf_counter(), time.process_time()
        history = history_of(events, settings, engine=engine)
        rows = snapshot(history, AS_OF, active=ACTIVE)
        history.close()
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
        sizes.append(sum(map(len, events.values())))
        assert rows.num_rows >= 1
    # The first one compiles the plan, which a service does before it says that it is ready.
    first, others = seconds[0], sorted(seconds[1:])
    print(
        f"{len(others)} requests of {statistics.median(sizes):.0f} rows (median), {len(catalog().names)} features each"
    )
    print(f"first {first * 1e3:8.1f} ms")
    print(f"median processor time {statistics.median(busy[1:]) * 1e3:.1f} ms")
    for name, share in (("median", 0.5), ("95 %", 0.95), ("99 %", 0.99)):
        print(f"{name:6s}{others[int(share * (len(others) - 1))] * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
