"""Customers due for review after a scoring run."""

from collections import Counter
from datetime import datetime, timedelta

import pyarrow.compute as pc

from rapport.serving.snapshots.store import published_run
from rapport.serving.work.due import due_customers


def test_nobody_is_due_the_day_after_and_everyone_after_a_quarter(company):
    run = published_run(company.home, "churn")
    scores = run.table("scores")
    tiers = Counter(scores.filter(pc.is_finite(scores["probability"]))["tier"].to_pylist())
    snapshot = datetime.fromisoformat(run.manifest.as_of)

    def due_after(days: int) -> Counter[str]:
        return Counter(due_customers(company.home, "churn", snapshot + timedelta(days=days))["what"].to_pylist())

    assert due_after(1) == {}
    assert due_after(7) == {"high_risk": tiers["at_risk"]}
    assert due_after(30)["rfm"] == due_after(91)["full"] >= due_after(7)["high_risk"] > 0
