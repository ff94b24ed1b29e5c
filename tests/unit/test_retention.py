"""The retention command removes days before the period, and nothing else."""

import json
from datetime import UTC, datetime, timedelta

from typer.testing import CliRunner

from rapport.cli.app import app


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
