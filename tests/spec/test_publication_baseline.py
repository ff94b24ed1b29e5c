"""With which scoring run the gates compare the next one."""

import json
from dataclasses import asdict
from datetime import datetime

from rapport.serving.snapshots.publication_gates import previous_run
from rapport.serving.snapshots.store import Manifest, publish


def stored(data_dir, day, *, forced=False):
    """Publish an empty run of a day of June."""
    facts = {"forced": forced, "rows": {"orders": 100 * day}}
    manifest = Manifest("churn", f"2026-06-{day:02}T00:00:00", "2026-06-30T00:00:00", "1", "f", 1, (), facts)
    folder = data_dir / "scores" / "churn" / "runs" / f"2026-06-{day:02}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest)))
    publish(data_dir, "churn", folder.name, at=manifest.scored_at, by="score")


def compared_with(data_dir):
    run = previous_run(data_dir, "churn", datetime(2026, 6, 30))
    return run and run.manifest.as_of[8:10]


def test_a_forced_run_is_not_what_the_next_one_is_compared_with(tmp_path):
    assert compared_with(tmp_path) is None
    stored(tmp_path, 1)
    stored(tmp_path, 2)
    assert compared_with(tmp_path) == "02"
    stored(tmp_path, 3, forced=True)
    stored(tmp_path, 4, forced=True)
    assert compared_with(tmp_path) == "02"
    stored(tmp_path, 5)
    assert compared_with(tmp_path) == "05"


def test_only_forced_runs_are_compared_with_training(tmp_path):
    stored(tmp_path, 3, forced=True)
    assert compared_with(tmp_path) is None
