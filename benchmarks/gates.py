"""Planted faults and clean nights: what the gates refuse, flag and miss.

``python benchmarks/gates.py faults FOLDER`` plants each kind of fault at three sizes in copies of a history that has a
champion in ``FOLDER/data`` (made if absent), and prints whether the run is refused, flagged or missed and how far the
mean score moved. ``python benchmarks/gates.py nights [HISTORY …]`` counts refusals and flags on clean nights of
invented companies and of the named histories.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import History, Settings, read_history
from rapport.history.checks.gates import Baseline, run_gates
from rapport.history.checks.gates.feeds import rows_before
from rapport.history.simulate import simulate
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.models.scorer import Scorer
from rapport.serving.snapshots.live_model import catalog_of
from rapport.serving.snapshots.publication_gates import baseline_of, score_findings, score_summary
from rapport.serving.snapshots.store import Manifest, ScoringRun
from rapport.training import default_cutoff, register, train

AS_OF_SQL = "(SELECT max(ordered_at) FROM orders)"
Fault = tuple[str, str, str, str]
"""Its kind, its size, the table, and the SQL of the table with the fault; an empty text removes the table."""


def faults() -> Iterator[Fault]:
    """Yield each kind of fault at three sizes."""
    yield from _lost_rows()
    yield from _changed_amounts()
    yield from _changed_rows()


def _lost_rows() -> Iterator[Fault]:
    for table in ("tickets", "interactions", "orders"):
        yield "table gone", table, table, ""
    for table in ("customers", "touches", "orders"):
        yield "table empty", table, table, f"FROM {table} LIMIT 0"
    for share in (20, 50, 95):
        yield "rows lost", f"{share} %", "orders", f"FROM orders WHERE hash(order_id) % 100 >= {share}"
    for days in (30, 60, 90):
        sql = f"FROM orders WHERE ordered_at < {AS_OF_SQL} - INTERVAL {days} DAY"
        yield "feed stopped", f"{days} days", "orders", sql


def _changed_rows() -> Iterator[Fault]:
    for days in (30, 90, 2000):
        copied = f"FROM orders UNION ALL FROM orders WHERE ordered_at > {AS_OF_SQL} - INTERVAL {days} DAY"
        yield "lines doubled", f"{days} days", "orders", copied
    for share in (1, 5, 20):
        other = f"CASE WHEN hash(order_id) % 100 < {share} THEN lower(customer_id) || '' ELSE customer_id END"
        yield "ids in lower case", f"{share} %", "orders", f"SELECT * REPLACE ({other} AS customer_id) FROM orders"
    for share in (1, 5, 20):
        negative = f"CASE WHEN hash(order_id) % 100 < {share} THEN -quantity ELSE quantity END"
        yield "negative quantity", f"{share} %", "orders", f"SELECT * REPLACE ({negative} AS quantity) FROM orders"
    for months in (2, 14, 60):
        alone = (
            "FROM orders UNION ALL SELECT * REPLACE ('typo' AS order_id, "
            f"{AS_OF_SQL} + INTERVAL {months} MONTH AS ordered_at) FROM (FROM orders LIMIT 1)"
        )
        yield "lone future row", f"{months} months", "orders", alone


def _changed_amounts() -> Iterator[Fault]:
    for days, share in ((14, 100), (150, 100), (60, 30)):
        changed = f"ordered_at > {AS_OF_SQL} - INTERVAL {days} DAY AND hash(order_id) % 100 < {share}"
        sql = f"SELECT * REPLACE (CASE WHEN {changed} THEN amount * 100 ELSE amount END AS amount) FROM orders"
        yield "amounts × 100", f"{share} % of {days} days", "orders", sql
    for times in (0.2, 1, 10):
        giant = (
            f"FROM orders UNION ALL SELECT * REPLACE ('giant' AS order_id, {times} * (SELECT sum(amount) / 3 FROM "
            f"orders) AS amount, {AS_OF_SQL} - INTERVAL 3 DAY AS ordered_at) FROM (FROM orders LIMIT 1)"
        )
        yield "giant order", f"{times} × a year", "orders", giant


def plant(source: Path, out: Path, fault: Fault) -> None:
    """Write a copy of the history with the fault."""
    _, _, name, sql = fault
    connection = duckdb.connect()
    for path in source.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        body = f"FROM {path.stem}" if path.stem != name else sql
        if body:
            connection.execute(f"COPY ({body}) TO '{out / path.name}' (FORMAT parquet)")
    connection.close()


def score(history: History, bundle: Bundle, as_of: datetime) -> Any:
    """Score the history without publishing."""
    table = snapshot(history, as_of, catalog_of(bundle), active=parse_duration(bundle.active_window), rule=bundle.rule)
    return Scorer(bundle).score(table.sort_by("customer_id"), as_of)


def measure_faults(folder: Path) -> None:
    """Print one line for each planted fault."""
    company, data = folder / "company", folder / "data"
    bundle = _champion(company, data)
    with read_history(company) as clean:
        as_of = default_cutoff(clean)
        scored = score(clean, bundle, as_of)
        before = score_summary(scored)
        facts = {"summary": before, "rows": rows_before(clean, as_of)}
    last = ScoringRun(Path(), Manifest("churn", as_of.isoformat(), "", bundle.version, "", 0, (), facts))
    now = as_of + timedelta(days=1)
    print(f"clean: mean {before['mean']:.4f}, {before['customers']} customers")
    for days in (7, 180, 700):
        with read_history(company) as history:
            _print(("cutoff in the future", f"{days} days"), history, bundle, as_of + timedelta(days=days), last, now)
    for fault in faults():
        with TemporaryDirectory() as place:
            plant(company, Path(place), fault)
            try:
                with read_history(Path(place)) as history:
                    moment = as_of if fault[0] == "feed stopped" else default_cutoff(history)
                    _print(fault[:2], history, bundle, moment, last, now)
            except ValueError as error:
                print(f"{fault[0]:<22}{fault[1]:<20}refused  {str(error)[:70]}")


def _print(
    what: tuple[str, str], history: History, bundle: Bundle, as_of: datetime, last: ScoringRun, now: datetime
) -> None:
    found = run_gates(history, as_of, baseline_of(bundle, last, now))
    scored = score(history, bundle, as_of)
    mean = score_summary(scored)["mean"]
    found += score_findings(scored, last)
    verdict = "refused" if any(each.level == "stop" for each in found) else "flagged" if found else "missed"
    change = mean / float(last.manifest.facts["summary"]["mean"]) - 1
    codes = ", ".join(sorted({each.code for each in found}))
    print(f"{what[0]:<22}{what[1]:<20}{verdict:<9}mean {change:+8.1%}  as of {as_of:%Y-%m-%d}  {codes}", flush=True)


def _champion(company: Path, data: Path) -> Bundle:
    if not company.exists():
        simulate(company, 500, 3, 7)
    if not (data / "models").exists():
        with read_history(company) as history:
            as_of = default_cutoff(history)
            half = parse_duration("6mo")
            trained = train(history, "churn", as_of=as_of, horizon=half, active=parse_duration("12mo"))
            register(trained, data_dir=data, environ={}, now=datetime.now().astimezone())
    return Bundle.load(model_store.champion(data, "churn"))


def measure_nights(histories: list[Path], companies: int = 20, nights: int = 25) -> None:
    """Count refusals on clean nights; each invented company has another size and seed."""
    with TemporaryDirectory() as place:
        for seed in range(companies):
            simulate(Path(place) / f"company-{seed}", 40 + 35 * seed, 3, seed)
        total = refused = 0
        for source in [*sorted(Path(place).iterdir()), *histories]:
            if source.name.endswith(".truth"):
                continue
            count, bad, flags = _nights_of(source, nights)
            total, refused = total + count, refused + len(bad)
            print(f"{source.name:<22}{count} nights, {len(bad)} refused {sorted(set(bad))}, {flags}", flush=True)
        print(f"{refused} of {total} clean nights refused")


def _nights_of(source: Path, nights: int) -> tuple[int, list[str], dict[str, int]]:
    """Return the number of nights, the codes of refusals, and on how many nights each flag came."""
    draw, bad, flags = random.Random(source.name), [], dict[str, int]()
    settings = Settings.read(source / "rapport.toml") if (source / "rapport.toml").exists() else Settings()
    with read_history(source, settings) as history:
        end = default_cutoff(history)
        first = history.time_range()[0] or end
        latest = end if (end - first).days > 400 else first + timedelta(days=400)
        for _ in range(nights):
            as_of = end - timedelta(days=int(draw.random() * max((latest - first).days - 300, 30)))
            trained = as_of - timedelta(days=int(draw.random() * 90))
            tables = tuple(name for name, rows in history.rows.items() if rows)
            found = run_gates(history, as_of, Baseline(tables, trained, now=as_of))
            bad += [each.code for each in found if each.level == "stop"][:1]
            for code in {each.code for each in found if each.level != "stop"}:
                flags[code] = flags.get(code, 0) + 1
    return nights, bad, flags


if __name__ == "__main__":
    np.seterr(all="ignore")
    if sys.argv[1] == "faults":
        measure_faults(Path(sys.argv[2]))
    else:
        measure_nights([Path(each) for each in sys.argv[2:]])
