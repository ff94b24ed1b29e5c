"""The retention command removes days before the period, and nothing else."""

import json
from datetime import UTC, datetime, timedelta

from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.serving.work.database import work_database
from rapport.serving.work.feedback import FeedbackEntry, FeedbackStore
from rapport.serving.work.tasks import NewTask, TaskStore


def test_days_before_the_period_are_removed_and_all_else_stays(tmp_path):
    today = datetime.now(UTC).date()
    old, new = (today - timedelta(days=age) for age in (402, 398))
    days = [f"scores/churn/{kind}/{{}}.parquet" for kind in ("history", "facts", "tiers")] + ["audit/{}.jsonl"]
    gone = [name.format(old) for name in days]
    kept = [name.format(new) for name in days] + ["scores/churn/runs/2020-01-01-1/scores.arrow", "feedback.db"]
    for name in gone + kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    words = ["retention", "--days", "400", "--data-dir", str(tmp_path), "--json"]
    counted = CliRunner().invoke(app, [*words, "--dry-run"])
    assert counted.exit_code == 0, counted.output
    assert all((tmp_path / name).exists() for name in gone)
    removed = json.loads(CliRunner().invoke(app, words).stdout)["removed"]
    assert removed == json.loads(counted.stdout)["removed"]
    assert sum(removed.values()) == len(gone)
    assert not any((tmp_path / name).exists() for name in gone)
    assert all((tmp_path / name).exists() for name in kept)


def test_rows_before_the_period_are_removed_with_what_hangs_on_them_and_open_tasks_stay(tmp_path):
    now = datetime.now(UTC)
    old, new = ((now - timedelta(days=age)).isoformat() for age in (402, 398))
    feedback, tasks = FeedbackStore(tmp_path), TaskStore(tmp_path)
    for at in (old, new):
        feedback.save(FeedbackEntry(f"C-{at == old}", "churn", "right"), by="me", at=at)
    finished = [tasks.open(NewTask(f"C{at}", "churn", "Call"), by="me", at=old)["id"] for at in (old, new)]
    for number, at in zip(finished, (old, new), strict=True):
        tasks.finish(number, outcome="retained", by="me", at=at)
    still_open = tasks.open(NewTask("C-open", "churn", "Call"), by="me", at=old)["id"]
    words = ["retention", "--days", "400", "--data-dir", str(tmp_path), "--json"]
    removed = json.loads(CliRunner().invoke(app, words).stdout)["removed"]
    assert removed == {"feedback.db": 1, "work.db": 1}
    assert [len(feedback.of_customer(f"C-{is_old}")) for is_old in (True, False)] == [0, 1]
    with work_database(tmp_path) as store:
        assert [row["id"] for row in store.execute("SELECT id FROM tasks ORDER BY id")] == [finished[1], still_open]
        assert {row["task_id"] for row in store.execute("SELECT task_id FROM task_log")} == {finished[1], still_open}
    assert old[:10].encode() + b"T" not in (tmp_path / "feedback.db").read_bytes()
