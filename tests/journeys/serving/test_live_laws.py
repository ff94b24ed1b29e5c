"""Law: a customer's stored rows and its events give the same cells as a run that read everything."""

import math
import random
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving_world import AS_OF, NOW

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.contract import FEATURE_TABLES
from rapport.scoring.actions.playbook import playbook_of
from rapport.serving.live.customer_features import features_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.portfolio_table import PortfolioTables
from rapport.serving.snapshots.scoring_run import run_scoring

LATER = datetime(2026, 11, 5, 9, 30)  # the company's own clock


def _plain(row):
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in row.items() if one is not None}


def _split(company, draw):
    """Return the tables of an older source, and the events that bring it up to date: new, changed and wrong rows."""
    older, events = {}, []
    for table in FEATURE_TABLES:
        rows = company.history.connection.sql(f"SELECT * FROM {table.name}").to_arrow_table()
        kept = []
        for row in rows.to_pylist():
            row.pop("text", None)
            kind = draw.random()
            event = SentEvent(row["customer_id"], table.name, _plain(row))
            later = [column.name for column in table.columns if column.later]
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
        schema = rows.drop(["text"]).schema if "text" in rows.column_names else rows.schema
        older[table.name] = pa.Table.from_pylist(kept, schema)
    draw.shuffle(events)
    return older, events


@pytest.fixture(scope="module")
def live(company, tmp_path_factory):
    draw, root = random.Random(5), tmp_path_factory.mktemp("laws")
    older, events = _split(company, draw)
    (root / "older").mkdir()
    for name, table in older.items():
        pq.write_table(table, root / "older" / f"{name}.parquet")
    (root / "home").mkdir()
    (root / "home/models").symlink_to(company.home / "models")
    with read_history(root / "older", company.history.settings) as history:
        run_scoring(history, root / "home", "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    model = load_live_model(root / "home", "churn")
    settings, pool = company.history.settings, DatabasePool(company.history.settings)
    store = EventStore(root / "home")
    overlay = LiveOverlay(store, settings, pool, PortfolioTables(settings, playbook_of(settings)))
    intake = EventIntake(store, overlay, settings, pool)
    # In small requests, as they come over the day; a wrong row may be corrected before others arrive.
    for first in range(0, len(events), 200):
        intake.accept(events[first : first + 200], model, by="erp", now=datetime(2026, 11, 5, 8, tzinfo=UTC))
    return model, overlay, pool


def test_stored_rows_and_events_are_the_cells_of_a_run_that_read_everything(company, live):
    model, overlay, pool = live
    full = snapshot(company.history, LATER, model.catalog, active=parse_duration("12mo"))
    expected = {row["customer_id"]: row for row in full.to_pylist()}
    customers = random.Random(1).sample(sorted(expected), 200)
    rows, _ = overlay.rows(model, customers)
    table = features_of(model, rows, LATER, pool, company.history.settings)
    got = {row["customer_id"]: row for row in table.to_pylist()}
    assert sorted(got) == sorted(customers)
    unequal = [
        (one, name) for one in customers for name, cell in expected[one].items() if not _same(cell, got[one][name])
    ]
    assert not unequal, unequal[:10]


def _same(left, right):
    both_nan = isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
    return left == right or both_nan


def test_the_source_takes_over_once_it_has_the_events(company, live, tmp_path):
    _, overlay, _ = live
    (tmp_path / "home").mkdir()
    (tmp_path / "home/models").symlink_to(company.home / "models")
    with read_history(company.folder, company.history.settings) as history:
        run_scoring(history, tmp_path / "home", "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    model = load_live_model(tmp_path / "home", "churn")
    customers = overlay.customers()
    rows, waiting = overlay.rows(model, customers)
    assert not any(waiting.values()), [one for one, each in waiting.items() if each][:5]
    assert {name: len(each) for name, each in rows.items()} == {
        name: len(each) for name, each in model.snapshot.contract_rows.of(customers).items()
    }
