"""Customers that were forgotten are in no store, do not come back, and change no answer about anyone else."""

import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from serving_world import AS_OF, NOW, copy_home, served, stored_answers
from test_live_events import wait_until
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.errors import DataDirError
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.serving.privacy.backup import backup, restore
from rapport.serving.privacy.export_person import person, write_person
from rapport.serving.privacy.forget import files_naming, forget, unfinished
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.work.feedback import FeedbackEntry, FeedbackStore

DRAWN = 100
ROW = {"order_id": "E1", "ordered_at": "2026-10-30T10:00:00", "amount": 5, "product": "service", "quantity": 1}


@pytest.fixture(scope="module")
def forgotten(company, tmp_path_factory):
    """A data folder in which 100 drawn customers were forgotten, their ids, and all answers before."""
    home = tmp_path_factory.mktemp("forgetting") / "home"
    copy_home(company, home)
    model = load_live_model(home, "churn")
    ids = [str(one) for one in model.snapshot.scored.customer_id]
    drawn = random.Random(17).sample(ids, DRAWN)
    before = dict(zip(ids, stored_answers(model, ids, 5), strict=True))
    about = f"Call with {drawn[1]}, not {drawn[0]}-other."
    FeedbackStore(home).save(FeedbackEntry(drawn[0], "churn", "right"), by="me", at="2026-11-02")
    kept = next(one for one in ids if one not in drawn)
    FeedbackStore(home).save(FeedbackEntry(kept, "churn", "right", about), by="me", at="2026-11-02")
    (home / "audit").mkdir(exist_ok=True)
    (home / "audit" / "2026-11-02.jsonl").write_text(json.dumps({"by": "me", "customer_ids": [drawn[0], kept]}) + "\n")
    assert len(files_naming(home, drawn)) > 10
    receipt = forget(home, drawn, datetime.now(UTC))
    return home, drawn, before, receipt, kept


def test_no_store_names_a_forgotten_customer(forgotten):
    home, drawn, _, receipt, kept = forgotten
    assert receipt["complete"]
    assert files_naming(home, drawn) == []
    comments = [entry["comment"] or "" for entry in FeedbackStore(home).of_customer(kept) if entry["by"] == "me"]
    assert [comment.startswith("Call with forgotten-") for comment in comments] == [True]
    audit = json.loads((home / "audit" / "2026-11-02.jsonl").read_text())
    assert audit["customer_ids"][1] == kept
    assert audit["customer_ids"][0].startswith("forgotten-")


def test_everyone_else_is_answered_as_before(forgotten):
    home, drawn, before, _, _ = forgotten
    model = load_live_model(home, "churn")
    others = [one for one in before if one not in drawn]
    assert not model.rescored
    assert stored_answers(model, others, 5) == [before[one] for one in others]
    assert stored_answers(model, drawn, 1) == [None] * DRAWN


def test_forgetting_twice_changes_nothing_more(forgotten):
    home, drawn, _, _, _ = forgotten
    runs = sorted(path.name for path in home.glob("scores/*/runs/*"))
    assert forget(home, drawn, datetime.now(UTC))["complete"]
    assert sorted(path.name for path in home.glob("scores/*/runs/*")) == runs


def test_a_running_service_forgets_the_events_and_answers_of_a_customer(company, active, tmp_path):
    home, customer = copy_home(company, tmp_path / "home"), active[2]
    with served(home, keys=False) as client:

        def answer():
            return client.post("/v1/score", json={"customer_ids": [customer, active[3]]}).json()["answers"]

        client.post("/v1/events", json={"customer_id": customer, "table": "orders", "rows": [ROW]}).raise_for_status()
        assert answer()[0]["live"]["not_in_source"] == 1
        wait_until(lambda: client.get("/readyz").json()["live"]["events_behind"] == 0)
        stores = [home / name for name in ("events.db", "changes.db")]
        assert [path.stat().st_mode & 0o777 for path in stores] == [0o600, 0o600]
        assert {path.name for path in stores} <= set(files_naming(home, [customer]))
        assert forget(home, [customer], datetime.now(UTC))["complete"]
        wait_until(lambda: "error" in answer()[0])
        assert "probability" in answer()[1]
    assert files_naming(home, [customer]) == []


def test_forgotten_customers_do_not_come_back(forgotten, company):
    home, drawn, _, _, kept = forgotten
    with served(home, keys=False) as client:
        event = {"customer_id": drawn[0], "table": "orders", "row": ROW}
        refused = client.post("/v1/events", json={"events": [event]})
        assert refused.status_code == 422
        assert "deleted on request" in refused.text
        taken = client.post("/v1/events", json={"events": [{**event, "customer_id": kept}]})
        assert taken.status_code == 200, taken.text
    with read_history(company.folder, Settings()) as history:
        run_scoring(history, home, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    assert files_naming(home, drawn) == []


def test_an_export_has_all_of_one_customer_and_no_one_else(forgotten, tmp_path):
    home, _, _, _, kept = forgotten
    content = person(home, kept, NOW)
    assert {"feedback.db/feedback", "audit/2026-11-02.jsonl"} <= content["stores"].keys()
    assert content["stores"]["audit/2026-11-02.jsonl"] == [{"by": "me", "customer_ids": [kept]}]
    runs = [rows for name, rows in content["stores"].items() if name.endswith("/scores.arrow")]
    assert [[row["customer_id"] for row in rows] for rows in runs] == [[kept]] * len(runs)
    write_person(content, tmp_path / "export.json")
    assert "NaN" not in (tmp_path / "export.json").read_text()


def test_commands_that_read_a_history_leave_forgotten_customers_out(forgotten, company, tmp_path, monkeypatch):
    home, drawn, _, _, kept = forgotten
    monkeypatch.setenv("RAPPORT_DATA_DIR", str(home))
    words = ["features", str(company.folder), "--as-of", "2026-11-01", "--out", str(tmp_path / "features.parquet")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    found = set(pq.read_table(tmp_path / "features.parquet").column("customer_id").to_pylist())
    assert kept in found
    assert not found & set(drawn)


@pytest.mark.slow  # starts a process and kills it
def test_forgetting_reaches_uploads_and_reports_and_is_resumed_after_a_kill(company, active, tmp_path):
    home, customer = copy_home(company, tmp_path / "home"), active[5]
    for name in ("upload/files/customers.csv", "upload/run.log", "unregistered/churn-1/report/report.html"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"about {customer}, and more\n")
    FeedbackStore(home).save(FeedbackEntry(customer, "churn", "right"), by="me", at="2026-11-02")
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(home), customer], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(unfinished(home)) == 1
    result = CliRunner().invoke(app, ["forget", active[6], "--data-dir", str(home)])
    assert "NOT COMPLETE: receipt-" in result.output
    result = CliRunner().invoke(app, ["forget", customer, "--data-dir", str(home)])
    assert result.exit_code == 0, result.output
    assert "NOT COMPLETE" not in result.output
    assert (files_naming(home, [customer]), unfinished(home)) == ([], [])
    assert not list((home / "upload" / "files").iterdir())


_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from rapport.serving.privacy import forget
# In the middle: the runs are written again, the databases are not.
forget.scrub_database = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
forget.forget(Path(sys.argv[1]), [sys.argv[2]], datetime.now(UTC))
"""


def test_a_restored_backup_answers_the_same(forgotten, tmp_path):
    home, _, _, _, kept = forgotten
    backup(home, tmp_path / "backup.tar.gz", NOW)
    restore(tmp_path / "backup.tar.gz", tmp_path / "restored")
    before, after = (
        stored_answers(load_live_model(one, "churn"), [kept], 5, "zh") for one in (home, tmp_path / "restored")
    )
    assert after == before
    assert FeedbackStore(tmp_path / "restored").of_customer(kept) == FeedbackStore(home).of_customer(kept)
    with pytest.raises(DataDirError, match="not empty"):
        restore(tmp_path / "backup.tar.gz", tmp_path / "restored")
