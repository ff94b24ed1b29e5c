"""Features of a big history by Spark on this machine, beside the embedded engine: equal cells, and the time of each.

Scale 1 is 100,000 customers with 10 M orders and 10 M interactions; a tenth of it is measured too.

python benchmarks/engine_spark.py --scale full|small|0.1 [--folder FOLDER]
"""

import importlib.util
import shutil
import sys
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from parts.big_history import big_history
from parts.measured import HEAD, measured, of_descendants
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import catalog, snapshot, vocabulary_of
from rapport.features.spark import spark_features
from rapport.history import read_history
from rapport.history.settings import Settings

CORES = 2
AS_OF = datetime(2025, 7, 1)  # noqa: DTZ001 - the invented company's own clock
YEAR = parse_duration("12mo")


def by_embedded(source: Path, out: Path) -> dict[str, Any]:
    """Write the features as `rapport features` does."""
    with read_history(source, Settings(threads=CORES)) as history:
        rows = snapshot(history, AS_OF, catalog(vocabulary_of(history, AS_OF)), active=YEAR)
    pq.write_table(rows, out)
    return {"customers": len(rows)}


def by_spark(source: Path, out: Path) -> dict[str, Any]:
    """Write the features as `rapport features --engine spark` does, Java's start included."""
    stages: list[tuple[str, float]] = []
    customers = spark_features(
        source,
        out,
        as_of=AS_OF,
        active=YEAR,
        master=f"local[{CORES}]",
        progress=lambda message, _share: stages.append((message, time.perf_counter())),
    )
    spans = {name: end - begin for (name, begin), (_, end) in pairwise(stages)}
    return {"customers": customers, "stages": spans, "cpu": of_descendants()}


def different_cells(one: Path, other: Path) -> int:
    """Return how many cells of two tables of customers are not the same, to the last bit."""
    names = [name for name in pq.read_schema(one).names if name != "customer_id"]
    unlike = " + ".join(f'(one."{name}" IS DISTINCT FROM other."{name}")::INT' for name in names)
    sql = (
        f"SELECT COALESCE(sum({unlike}), 0), count(*) FILTER (one.customer_id IS NULL OR other.customer_id IS NULL) "
        f"FROM '{one}' AS one FULL JOIN '{other}/part-*.parquet' AS other USING (customer_id)"
    )
    with duckdb.connect() as connection:
        cells, customers = connection.execute(sql).fetchall()[0]
    return int(cells) + int(customers) * len(names)


def main() -> None:
    """Measure and print."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        sys.exit("Skipped: it needs PySpark (the extra spark) and Java.")
    chosen = options(__doc__, folder=True).parse_args()
    for scale in (chosen.scale / 20, chosen.scale / 2):
        source = big_history(chosen.folder, scale)
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
            one, other = Path(scratch) / "embedded.parquet", Path(scratch) / "spark"
            embedded, spark = measured(by_embedded, source, one), measured(by_spark, source, other)
            unlike = different_cells(one, other)
        print(f"{round(40_200_000 * scale):,} rows, {spark.result['customers']:,} customers; {unlike} cells differ")
        print(HEAD)
        print(embedded.line("embedded engine", embedded.wall))
        print(spark.line(f"Spark local[{CORES}] (cpu and memory of the driver)", embedded.wall))
        print(
            f"    Java and its workers {spark.result['cpu']:.1f} cpu s; "
            + ", ".join(f"{name} {took:.1f} s" for name, took in spark.result["stages"].items())
        )


if __name__ == "__main__":
    main()
