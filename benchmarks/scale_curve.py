"""What each stage costs as customers grow: seconds, memory, bytes, and the exponent between two sizes.

Invented customers with ten orders each, nothing else; one model, trained at the smallest size, scores all. ``--sizes``
are numbers of customers at scale 1.

python benchmarks/scale_curve.py --scale full|small|0.1 [--sizes 10000 100000 1000000] [--train]
"""

import json
import math
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from parts.big_history import statements
from parts.measured import Taken, measured
from parts.processes import free_port, memory_of, server, workers_of
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import catalog, vocabulary_of
from rapport.features.feature_table.snapshot import snapshot_parts
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.scoring.models import model_store
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training import train

AS_OF = datetime(2026, 1, 1)  # noqa: DTZ001 - on the company's clock
HORIZON, YEAR = parse_duration("6mo"), parse_duration("12mo")
SETTINGS = Settings(threads=2)
PAGES = {"first page of the console": "/", "page of a customer": "/customers/C0000001"}


def read(folder: Path) -> dict[str, Any]:
    """Read and check a history."""
    with read_history(folder, SETTINGS) as history:
        return {"rows": sum(history.rows.values())}


def features(folder: Path) -> dict[str, Any]:
    """Compute all features of all customers at one cutoff."""
    with read_history(folder, SETTINGS) as history:
        started = time.perf_counter()
        names = catalog(vocabulary_of(history, AS_OF))
        count = sum(len(part) for part in snapshot_parts(history, AS_OF, names, active=YEAR))
        return {"wall": time.perf_counter() - started, "rows": count}


def training(folder: Path, data_dir: Path | None = None) -> dict[str, Any]:
    """Train churn, and publish the model as champion if a data folder is given."""
    with read_history(folder, SETTINGS) as history:
        trained = train(history, "churn", as_of=AS_OF, horizon=HORIZON, active=YEAR)
    if data_dir:
        bundle = data_dir.with_suffix(".bundle")
        replace(trained.bundle, version="1").save(bundle)
        model_store.publish(bundle, data_dir, "churn", "1")
        model_store.set_champion(data_dir, "churn", "1", AS_OF)
    return {}


def scoring(folder: Path, data_dir: Path) -> dict[str, Any]:
    """Score everyone and publish the run; ``publish`` is the time after the scores."""
    times: list[float] = []

    def progress(_message: str, _share: float) -> None:
        times.append(time.perf_counter())

    now = AS_OF + timedelta(days=1)
    with read_history(folder, SETTINGS) as history:
        snapshot = run_scoring(history, data_dir, "churn", as_of=AS_OF, now=now, progress=progress, force=True)
    run = snapshot.run.folder
    stored = {path.name: path.stat().st_size for path in run.iterdir()}
    rows = sum(size for name, size in stored.items() if name.startswith("rows_"))
    archived = sum(path.stat().st_size for path in (data_dir / "scores/churn/history").iterdir())
    return {"publish": times[-1] - times[-2], "bytes": sum(stored.values()) - rows + archived, "rows": rows}


def start(data_dir: Path) -> dict[str, Any]:
    """Load what a worker loads."""
    started = time.perf_counter()
    load_live_model(data_dir, "churn")
    return {"wall": time.perf_counter() - started}


def pages(data_dir: Path, log: Path) -> dict[str, float]:
    """Serve, and return milliseconds and kB of pages, and the megabytes of the parent and a worker."""
    port, found = free_port(), {}
    command = [sys.executable, "-m", "rapport", "serve", "--data-dir", str(data_dir), "--port", str(port)]
    with server(command, port, log, {"RAPPORT_KEYS": "off"}) as parent:
        for name, path in PAGES.items():
            taken, size = zip(*(_visit(f"http://127.0.0.1:{port}{path}") for _ in range(7)), strict=True)
            found[f"{name}, first, ms"], found[f"{name}, median, ms"] = taken[0], sorted(taken)[3]
            found[f"{name}, kB"] = size[0]
        found["parent of the server, MB"] = memory_of(parent)
        found["workers, MB"] = sum(memory_of(worker) for worker in _below(parent))
    return found


def _below(parent: int) -> list[int]:
    below = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [each for child in map(int, below) for each in (workers_of(child) or [child])]


def _visit(url: str) -> tuple[float, float]:
    started = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        size = len(answer.read())
    return (time.perf_counter() - started) * 1e3, size / 1e3


def at_size(folder: Path, customers: int, model: Path, *, trained: bool) -> dict[str, float]:
    """Return every figure at one size."""
    history, data_dir = folder / f"history-{customers}", folder / f"data-{customers}"
    history.mkdir()
    with duckdb.connect(config={"threads": 2}) as connection:
        sql = statements(customers, 10 * customers, 1)["orders"]
        connection.execute(f"COPY ({sql}) TO '{history / 'orders.parquet'}' (FORMAT parquet)").fetchall()
    found: dict[str, float] = {}

    def stage(name: str, work: Callable[..., Any], *arguments: Any) -> Taken:
        taken = measured(work, *arguments)
        found.update({f"{name}, s": taken.wall, f"{name}, cpu s": taken.cpu})
        found.update({f"{name}, peak GB": taken.peak, f"{name}, anonymous GB": taken.anonymous})
        print(f"{customers:>9,} {name:24s}{taken.wall:8.1f} s{taken.cpu:8.1f} s cpu{taken.peak:7.2f} GB", flush=True)
        return taken

    stage("read", read, history)
    stage("features", features, history)
    if not (model / "models").is_dir():
        stage("training", training, history, model)
    elif trained:
        stage("training", training, history)
    shutil.copytree(model, data_dir)
    scored = stage("scoring run", scoring, history, data_dir).result
    found["publishing, s"] = scored["publish"]
    found["stored a customer and run, bytes"] = scored["bytes"] / customers
    found["rows a customer, shared by runs, bytes"] = scored["rows"] / customers
    stage("start of a worker", start, data_dir)
    return found | pages(data_dir, folder / "server.log")


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="customers at scale 1")
    parser.add_argument("--train", action="store_true", help="train at every size, not only at the smallest")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    sizes = [round(given.scale * size) for size in given.sizes]
    folder = Path(tempfile.mkdtemp(prefix="rapport-curve-"))
    try:
        found = {size: at_size(folder, size, folder / "model", trained=given.train) for size in sizes}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=1))
    print(f"{'':44s}" + "".join(f"{size:>12,}" for size in sizes) + "    exponent")
    for name in dict.fromkeys(name for each in found.values() for name in each):
        values = [found[size].get(name, math.nan) for size in sizes]
        known = [(size, value) for size, value in zip(sizes, values, strict=True) if value > 0]
        exponent = f"{'':12s}"
        if len(known) > 1:
            (low, first), (high, last) = known[0], known[-1]
            exponent = f"{math.log(last / first) / math.log(high / low):12.2f}"
        print(f"{name:44s}" + "".join(f"{value:12.2f}" for value in values) + exponent)


if __name__ == "__main__":
    main()
