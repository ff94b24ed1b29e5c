"""Subscriptions with product use, and leads converted by opportunities: no table of orders is asked for."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapport.durations import Duration
from rapport.features import snapshot, training_rows
from rapport.history import Settings, parse_duration, read_history
from rapport.history.checks.gates.registry import run_gates
from rapport.history.checks.report import check_history
from rapport.scoring import Scorer, build_answers
from rapport.training import train
from rapport.training.data.cutoff_schedule import schedule_cutoffs

END = datetime(2024, 12, 1)
SUBSCRIPTIONS = Settings(churn="subscriptions", grace="1mo", horizon="90d", threads=1)


def written(folder, **tables):
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def subscribers(tmp_path_factory):
    """Who cancels has hardly used the product in the two months before."""
    rng, tables = np.random.default_rng(2), {"customers": [], "contracts": [], "usage": []}
    for number in range(260):
        name, start = f"C{number}", END - timedelta(days=float(rng.uniform(200, 1000)))
        cancelled = start + timedelta(days=float(rng.uniform(120, 900))) if rng.random() < 0.8 else None
        cancelled = cancelled if cancelled and cancelled < END else None
        tables["customers"].append({"customer_id": name, "created_at": start})
        contract = {"contract_id": f"K{number}", "customer_id": name, "started_at": start, "ends_at": None}
        tables["contracts"].append(contract | {"cancelled_at": cancelled, "amount": 50.0})
        life = ((cancelled or END) - start).days
        for day in sorted(rng.uniform(0, life, life // 6)):
            if cancelled is None or life - day > 60 or rng.random() < 0.1:
                use = {"customer_id": name, "occurred_at": start + timedelta(days=float(day)), "quantity": 2.0}
                tables["usage"].append(
                    use | {"feature": str(rng.choice(["报表", "export"])), "user_id": f"{name}-{day:.0f}"}
                )
    return written(tmp_path_factory.mktemp("subscribers"), **tables)


def test_subscriptions_without_an_end_are_checked_at_their_newest_use(subscribers):
    with read_history(subscribers, SUBSCRIPTIONS) as history:
        report = check_history(history)
        assert report.as_of >= END - timedelta(days=1)
        assert not [each for each in report.findings if each.table == "usage"]
        assert any(each.target == "churn" and each.verdict != "no" for each in report.trainable)
        assert not [each for each in run_gates(history, END) if each.level == "stop"]


def test_silence_in_the_product_raises_the_risk_with_a_reason(subscribers):
    horizon, active = parse_duration("90d"), parse_duration("12mo")
    with read_history(subscribers, SUBSCRIPTIONS) as history:
        model = train(history, "churn", as_of=END, horizon=horizon, active=active).bundle
        rows = snapshot(history, END, active=active, rule=model.rule)
    assert model.evaluation["measures"]["blend"]["auc"] > 0.75
    for language, said in (("en", "product"), ("zh", "使用")):
        answers = build_answers(Scorer(model).score(rows, END), language=language)
        riskiest = max((each for each in answers if each.probability is not None), key=lambda each: each.probability)
        assert any(said in reason.text for reason in riskiest.reasons if reason.evidence > 0)


def test_leads_that_opportunities_convert_need_no_orders(tmp_path):
    rows = [(f"L{number}", END - timedelta(days=10 + number), number % 3 == 0) for number in range(300)]
    customers = [{"customer_id": name, "created_at": created} for name, created, _ in rows]
    deals = [
        {"opportunity_id": f"O{name}", "customer_id": name, "opened_at": created + timedelta(days=2), "won": won}
        | {"closed_at": min(created + timedelta(days=40), END - timedelta(hours=1))}
        for name, created, won in rows
    ]
    with read_history(written(tmp_path, customers=customers, opportunities=deals)) as history:
        assert check_history(history).as_of > END - timedelta(days=10)
        assert not [each for each in run_gates(history, END) if each.level == "stop"]
        window = parse_duration("90d")
        found = training_rows(
            history, "conversion", [END - timedelta(days=100)], active=window, horizon=window, known_by=END
        )
    labels = dict(zip(found["customer_id"].to_pylist(), found["label"].to_pylist(), strict=True))
    # Of the leads that were open then, those created within 40 days before.
    assert labels == {name: int(won) for name, created, won in rows if 0 < (END - created).days - 100 <= 40}


def test_months_and_days_of_a_horizon_ask_for_no_outcome_after_the_moment():
    ahead = Duration(months=1, days=90)
    schedule = schedule_cutoffs(datetime(2022, 1, 1), END, ahead)
    assert max(ahead.after(cutoff) for cutoff in schedule.all_cutoffs) <= END < ahead.after(END - timedelta(days=119))
