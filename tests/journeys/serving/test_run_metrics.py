"""Metrics of scoring runs: the last success with its customers and duration, and the runs that the gates refused."""

import re
from datetime import timedelta

import pytest
from serving_world import AS_OF, NOW, copy_home, served

from rapport.errors import RefusedRunError
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring


def _metric(page, name):
    found = re.search(rf'^{name}{{target="churn"}} (\S+)$', page, re.MULTILINE)
    return float(found.group(1)) if found else None


def test_a_run_and_a_refused_run_are_in_the_metrics(company, tmp_path):
    home = copy_home(company, tmp_path / "home")
    with served(home, keys=False) as client:
        page = client.get("/metrics").text
        assert _metric(page, "rapport_run_last_success_seconds") == NOW.timestamp()
        assert _metric(page, "rapport_run_rows") == len(load_live_model(home, "churn").snapshot.scored)
        assert 0 < _metric(page, "rapport_run_duration_seconds") < 600
        assert _metric(page, "rapport_run_refused") == 0
        with pytest.raises(RefusedRunError):
            run_scoring(
                company.history, home, "churn", as_of=AS_OF + timedelta(days=90), now=NOW, progress=lambda *_: None
            )
        page = client.get("/metrics").text
        assert _metric(page, "rapport_run_refused") == 1
        assert _metric(page, "rapport_run_last_success_seconds") == NOW.timestamp()
