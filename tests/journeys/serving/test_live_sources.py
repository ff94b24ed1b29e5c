"""Sources of live events besides the API: a drop folder and a PostgreSQL database, through ``rapport worker``."""

import json
import shutil
from datetime import UTC, datetime

import pytest
from postgres_server import programs, running
from serving_world import copy_home, served
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.serving.live.event_store import EventStore


@pytest.fixture
def home(company, tmp_path):
    return copy_home(company, tmp_path / "home")


def _worker(home, *options):
    """Run one round of the worker, and return what it printed."""
    done = CliRunner().invoke(app, ["worker", "--once", "--data-dir", str(home), *options])
    assert done.exit_code == 0, done.output
    return done.output


def _score(home, customer):
    with served(home, keys=False) as client:
        return client.post("/v1/score", json={"customer_ids": [customer]}).json()["answers"][0]


def test_files_of_the_drop_folder_are_in_the_next_answer_and_bad_rows_beside_their_reasons(home, active, tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    header = "customer_id,order_id,ordered_at,amount"
    good = f"{header}\n{active[0]},d-1,2026-11-02,5000\n{active[1]},d-2,2026-11-02,70\n"
    (drop / "orders-1102.csv").write_text(good)
    (drop / "orders-1103.csv").write_text(f"{header}\n{active[0]},d-3,2026-11-03,12\n{active[0]},d-4,yesterday,1\n")
    ticket = {"customer_id": active[2], "ticket_id": "d-5", "opened_at": "2026-11-02", "kind": "complaint"}
    (drop / "tickets.jsonl").write_text(json.dumps(ticket) + "\n")
    (drop / "invoice-copies.csv").write_text("a,b\n1,2\n")
    said = _worker(home, "--drop", str(drop))
    assert "orders-1102.csv: 2 rows stored" in said
    assert "orders-1103.csv: 1 rows stored, 1 rejected" in said
    assert sorted(path.name for path in (drop / "done").iterdir()) == ["orders-1102.csv", "tickets.jsonl"]
    assert "begins with no table" in (drop / "failed/invoice-copies.csv.reason.txt").read_text()
    (rejected,) = (drop / "failed/orders-1103.csv.rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["row"]["order_id"] == "d-4"
    assert "is not a time" in json.loads(rejected)["reason"]
    assert _score(home, active[0])["live"]["not_in_source"] == 2
    shutil.copy(drop / "done/orders-1102.csv", drop / "orders-again.csv")
    _worker(home, "--drop", str(drop))
    assert len(EventStore(home).of([active[0]])[active[0]]) == 2, "the same file twice is stored once"


@pytest.mark.slow
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server here (initdb)")
def test_rows_that_a_database_records_are_in_the_next_answer(home, active):
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")

    def execute(sql):
        with dbapi.connect(url) as server, server.cursor() as cursor:
            cursor.execute(sql)
            server.commit()

    now = datetime.now(UTC).isoformat()
    with running(programs()) as url:
        execute(
            "CREATE TABLE orders (customer_id text, order_id text, ordered_at timestamptz, amount numeric, "
            "recorded_at timestamptz)"
        )
        execute(f"INSERT INTO orders VALUES ('{active[0]}', 'p-1', '{now}', 5000, '{now}')")
        _worker(home, "--database", url)
        assert _score(home, active[0])["live"]["not_in_source"] == 1
        execute(f"INSERT INTO orders VALUES ('{active[1]}', 'p-x', NULL, 10, '{now}')")
        execute(f"INSERT INTO orders VALUES ('{active[0]}', 'p-2', '{now}', 10, '{now}')")
        said = _worker(home, "--database", url)
        assert f"orders: a row of {active[1]} refused" in said, "it keeps back no other row"
        _worker(home, "--database", url)
    answer = _score(home, active[0])
    assert answer["live"]["not_in_source"] == 2, "a row that is seen again is stored once"
    assert answer["probability"] is not None


def test_a_database_that_cannot_be_reached_is_a_failure_without_its_password(home):
    url = "postgresql://me:secret@127.0.0.1:1/crm"
    done = CliRunner().invoke(app, ["worker", "--once", "--data-dir", str(home), "--database", url])
    assert done.exit_code != 0
    assert "cannot be read" in done.output
    assert "secret" not in done.output
