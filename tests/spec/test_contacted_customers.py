"""Training reports its metrics with and without the customers who were contacted within the horizon."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from rapport.durations import parse_duration
from rapport.history import history_of
from rapport.training import train
from rapport.training.reports.plots import ReportPlots
from rapport.training.reports.training_report import render_report

AS_OF = datetime(2025, 1, 1)
SPLIT = datetime(2024, 6, 25)


def _history(*, contacts):
    """300 customers who order monthly until each stops; every fifth is contacted in the last half year."""
    draw, orders, rows = np.random.default_rng(3), [], []
    for number in range(300):
        last = draw.integers(4, 36)
        for month in range(36):
            if month < last and draw.random() < 0.7:
                at = datetime(2022, 1, 5) + timedelta(days=30.4 * month)
                orders.append({"customer_id": f"C{number}", "order_id": f"{number}-{month}", "ordered_at": at,
                               "amount": 100.0})  # fmt: skip
        if number % 5 == 0:
            at = SPLIT + timedelta(days=int(draw.integers(1, 150)))
            rows.append({"customer_id": f"C{number}", "at": at, "action": "call", "recorded_at": at})
    # One that was held out, one that was recorded too late: neither was contacted as far as training knows.
    rows.append({"customer_id": "C1", "at": SPLIT + timedelta(days=9), "action": "call", "held_out": True})
    rows.append({"customer_id": "C2", "at": SPLIT + timedelta(days=9), "action": "call", "recorded_at": AS_OF})
    return history_of({"orders": orders, "interventions": rows} if contacts else {"orders": orders})


def _trained(history):
    return train(history, "churn", as_of=AS_OF, horizon=parse_duration("6mo"), active=parse_duration("6mo"))


def test_metrics_are_reported_with_and_without_the_contacted():
    with _history(contacts=True) as history:
        trained = _trained(history)
        english, chinese = (render_report(trained, ReportPlots(language)) for language in ("en", "zh"))
    found, fold = trained.bundle.evaluation["contacted"], trained.run.validation.folds[0]
    assert fold.cutoff >= SPLIT - timedelta(days=10)
    ids = [one for each in trained.run.validation.folds for one in each.dataset.customer_ids]
    newest = {one for one in fold.dataset.customer_ids if int(one[1:]) % 5 == 0}
    assert 0 < found["contacted"]["rows"] <= sum(int(one[1:]) % 5 == 0 for one in ids)
    assert found["contacted"]["rows"] >= len(newest) * 0.8
    assert found["contacted"]["rows"] + found["not_contacted"]["rows"] == found["all"]["rows"] == len(ids)
    assert found["all"]["auc"] == pytest.approx(trained.bundle.evaluation["served"]["auc"])
    assert found["not_contacted"]["auc"] != found["all"]["auc"]
    assert found["sentence"] in trained.as_text()
    assert found["sentence"] in english
    assert found["sentence_zh"] in chinese


def test_without_interventions_nothing_is_said_of_contacts():
    with _history(contacts=False) as history:
        trained = _trained(history)
    assert trained.bundle.evaluation["contacted"] is None
    assert "Contacted before the outcome" not in trained.as_text()
