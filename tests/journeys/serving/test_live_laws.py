"""Law: a customer's stored rows and its events give the same cells as a run that read everything."""

import math
import random
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from serving_world import AS_OF, NOW

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.contract import FEATURE_TABLES
from rapport.history.simulate import simulate
from rapport.scoring.actions.playbook import playbook_of
from rapport.serving.live.customer_features import features_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.snapshots.live_model import LiveModel, load_live_model
from rapport.serving.snapshots.portfolio_table import PortfolioTables
from rapport.serving.snapshots.scoring_run import run_scoring

LATER = datetime(2026, 11, 5, 9, 30)  # the company's own clock


class Behind(NamedTuple):
    """A run of an older source, and the events that came since."""

    model: LiveModel
    overlay: LiveOverlay
    databases: DatabasePool
    customers: list[str]
    events: int


def _plain(row):
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in row.items() if one is not None}


def _split(history, customers, draw):
    """Return the tables of an older source, and the events that bring some customers up to date.

    Of their rows some are new, some get a later fact, some correct a wrong row; all come after the row's own time.
    """
    older, events, chosen = {}, [], set(customers)
    for table in (one for one in FEATURE_TABLES if history.rows.get(one.name)):
        rows = history.connection.sql(f"SELECT * FROM {table.name}").to_arrow_table()
        later, kept = [column.name for column in table.columns if column.later], []
        for row in rows.to_pylist():
            kind = draw.random() if row["customer_id"] in chosen else 1.0
            event = SentEvent(row["customer_id"], table.name, _plain(row))
            if kind < 0.15:
                events.append(event)
            elif kind < 0.25 and table.key and later:
                kept.append({**row, **dict.fromkeys(later)})
                events.append(event)
            elif kind < 0.28 and table.name == "orders":
                wrong = {**row, "amount": row["amount"] + 17.0}
                kept.append(wrong)
                events.append(SentEvent(row["customer_id"], "orders", _plain(row), was=_plain(wrong)))
            else:
                kept.append(row)
        older[table.name] = pa.Table.from_pylist(kept, rows.schema)
    draw.shuffle(events)
    return older, events


def _behind(history, home, count, root):
    """Return a run of an older source, its overlay with the events that came since, and the customers they are of."""
    draw = random.Random(5)
    known = [one for (one,) in history.connection.execute("SELECT customer_id FROM customers ORDER BY 1").fetchall()]
    customers = draw.sample(known, count)
    older, events = _split(history, customers, draw)
    (root / "older").mkdir()
    for name, table in older.items():
        pq.write_table(table, root / "older" / f"{name}.parquet")
    (root / "home").mkdir()
    (root / "home/models").symlink_to(home / "models")
    settings, pool = history.settings, DatabasePool(history.settings)
    with read_history(root / "older", settings) as source:
        run_scoring(source, root / "home", "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    model, store = load_live_model(root / "home", "churn"), EventStore(root / "home")
    overlay = LiveOverlay(store, settings, pool, PortfolioTables(settings, playbook_of(settings)))
    intake = EventIntake(store, overlay, settings, pool)
    # In small requests, as they come over the day; a wrong row may be corrected before others arrive.
    for first in range(0, len(events), 200):
        intake.accept(events[first : first + 200], model, by="erp", now=datetime(2026, 11, 5, 8, tzinfo=UTC))
    return Behind(model, overlay, pool, customers, len(events))


@pytest.fixture(scope="module")
def behind(company, tmp_path_factory):
    return _behind(company.history, company.home, 60, tmp_path_factory.mktemp("laws"))


def _unequal(history, behind):
    """Return the cells of the events' customers that differ from those of a run that read everything."""
    full = snapshot(history, LATER, behind.model.catalog, active=parse_duration("12mo"))
    chosen = full.filter(pc.is_in(full["customer_id"], pa.array(behind.customers))).to_pylist()
    tables, _ = behind.overlay.tables(behind.model, behind.customers)
    table = features_of(behind.model, tables, LATER, behind.databases, history.settings)
    got = {row["customer_id"]: row for row in table.to_pylist()}
    assert sorted(got) == sorted(row["customer_id"] for row in chosen)
    return [
        (row["customer_id"], name)
        for row in chosen
        for name, cell in row.items()
        if not _same(cell, got[row["customer_id"]][name])
    ]


def test_stored_rows_and_events_are_the_cells_of_a_run_that_read_everything(company, behind):
    assert behind.events > 300
    unequal = _unequal(company.history, behind)
    assert not unequal, unequal[:10]


@pytest.mark.slow
def test_events_of_a_thousand_customers_are_the_cells_of_a_run_that_read_everything(company, tmp_path):
    simulate(tmp_path / "history", customers=900, years=2, seed=11)
    with read_history(tmp_path / "history", company.history.settings) as history:
        behind = _behind(history, company.home, 1_000, tmp_path)
        assert behind.events > 5_000
        unequal = _unequal(history, behind)
    assert not unequal, unequal[:10]


def _same(left, right):
    both_nan = isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
    return left == right or both_nan


def test_the_source_takes_over_once_it_has_the_events(company, behind):
    full = load_live_model(company.home, "churn")
    customers = behind.overlay.customers()
    tables, waiting = behind.overlay.tables(full, customers)
    assert not any(waiting.values()), [one for one, each in waiting.items() if each][:5]
    assert {name: len(each["customer_id"]) for name, each in tables.items()} == {
        name: len(each) for name, each in full.snapshot.contract_rows.of(customers).items()
    }
