"""Outcomes of stored scoring runs: what was published is judged, and nothing else."""

import json
from datetime import datetime

import pyarrow.parquet as pq
from serving_world import AS_OF, NOW, publish

from rapport.features import catalog
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training.monitoring.matured_runs import matured_runs, stored_runs

YEAR_BEFORE = datetime(2025, 10, 1)


def test_only_published_scores_are_judged_and_only_when_their_horizon_has_passed(company, tmp_path):
    publish(tmp_path / "home", company.bundle, tmp_path)
    assert stored_runs(tmp_path / "home", "churn") == []
    for as_of in (YEAR_BEFORE, datetime(2026, 6, 1)):
        run_scoring(company.history, tmp_path / "home", "churn", as_of=as_of, now=NOW, progress=lambda *_: None)
    runs = stored_runs(tmp_path / "home", "churn")
    assert [run.as_of for run in runs] == [datetime(2026, 6, 1), YEAR_BEFORE]
    (found,) = matured_runs(company.history, runs, company.bundle, catalog(), AS_OF)
    # Someone else's numbers in the archive: they are what was published, so they are what is judged.
    path = tmp_path / "home/scores/churn/history/2025-10-01.parquet"
    table = pq.read_table(path)
    halves = [value / 2 for value in table["probability"].to_pylist()]
    at = table.column_names.index("probability")
    manifest = json.loads(table.schema.metadata[b"manifest"]) | {"version": "other"}
    changed = table.set_column(at, "probability", [halves])
    pq.write_table(changed.replace_schema_metadata({b"manifest": json.dumps(manifest).encode()}), path)
    (again,) = matured_runs(company.history, stored_runs(tmp_path / "home", "churn"), company.bundle, catalog(), AS_OF)
    assert again.run.version == "other"
    assert abs(again.measures["predicted"] - found.measures["predicted"] / 2) < 1e-12
    assert again.measures["observed"] == found.measures["observed"]
    assert {band["version"] for band in again.bands} == {"other"}
    assert sum(band["count"] for band in found.bands) == len(found.label)
