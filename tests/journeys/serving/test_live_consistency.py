"""The consistency meter: the next run recomputes live answers from the source, and a planted skew is found."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving_world import copy_home, served
from test_live_events import wait_until

from rapport.history import read_history
from rapport.serving.snapshots.scoring_run import run_scoring

NEXT = datetime.fromisoformat("2026-11-05")


@pytest.fixture
def home(company, tmp_path):
    return copy_home(company, tmp_path / "home")


def _order(customer, number):
    return {
        "customer_id": customer, "order_id": f"live-{number}", "ordered_at": "2026-11-03T10:00:00", "amount": 900.0,
    }  # fmt: skip


def _send(client, rows):
    """Store the rows as events, and read the answers that they change."""
    events = [{"customer_id": row["customer_id"], "table": "orders", "row": row} for row in rows]
    client.post("/v1/events", json={"events": events}).raise_for_status()
    ids = [row["customer_id"] for row in rows]
    answers = client.post("/v1/score", json={"customer_ids": ids}).json()["answers"]
    assert all(answer["live"]["not_in_source"] == 1 for answer in answers)
    wait_until(lambda: client.get("/readyz").json()["live"]["events_behind"] == 0)


def _next_run(company, home, rows, folder):
    """Publish a run of the company's source with some more orders."""
    folder.mkdir()
    for path in company.folder.glob("*.parquet"):
        (folder / path.name).symlink_to(path)
    orders = pq.read_table(company.folder / "orders.parquet")
    (folder / "orders.parquet").unlink()
    new = [
        dict.fromkeys(orders.column_names) | row | {"ordered_at": datetime.fromisoformat(row["ordered_at"])}
        for row in rows
    ]
    pq.write_table(pa.concat_tables([orders, pa.Table.from_pylist(new, orders.schema)]), folder / "orders.parquet")
    now = datetime(2026, 11, 6, tzinfo=UTC)
    with read_history(folder, company.history.settings) as history:
        run_scoring(history, home, "churn", as_of=NEXT, now=now, progress=lambda *_: None)


def _share(client):
    """Return the share of unequal cells on /metrics; None before the first measurement."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("rapport_live_inconsistent_share") and 'target="churn"' in line:
            return float(line.rpartition(" ")[2])
    return None


def test_live_answers_that_the_source_confirms_leave_the_meter_at_0(company, home, active, tmp_path):
    rows = [_order(customer, number) for number, customer in enumerate(active[:12])]
    with served(home, keys=False) as client:
        _send(client, rows)
        _next_run(company, home, rows, tmp_path / "source")
        wait_until(lambda: _share(client) is not None)
        assert _share(client) == 0.0
        assert (home / "scores/churn/consistency.json").is_file()


def test_a_planted_skew_is_found_at_the_next_run(company, home, active, tmp_path):
    """The sender of events gives amounts in cents, the source in whole units."""
    rows = [_order(customer, number) for number, customer in enumerate(active[:12])]
    with served(home, keys=False) as client:
        _send(client, [row | {"amount": row["amount"] * 100} for row in rows])
        _next_run(company, home, rows, tmp_path / "source")
        wait_until(lambda: _share(client) is not None)
        assert 0.01 < _share(client) < 0.5
    assert "spend" in (home / "scores/churn/consistency.json").read_text()
