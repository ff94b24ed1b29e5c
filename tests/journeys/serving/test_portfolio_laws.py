"""Laws of the portfolio over every customer of an invented company and of a thin history."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving_world import publish, served

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training import train

AS_OF, NOW, YEAR = datetime(2026, 11, 1), datetime(2026, 11, 2, 2, tzinfo=UTC), parse_duration("12mo")


@pytest.fixture(scope="module", params=["whole", "orders alone"])
def run(request, tmp_path_factory):
    """A trained company and its portfolio: one with every table, one with orders alone."""
    root = tmp_path_factory.mktemp(request.param.replace(" ", "_"))
    simulate(root / "history", customers=400, years=4, seed=11)
    if request.param == "orders alone":
        for path in Path(root / "history").iterdir():
            if path.stem != "orders":
                path.unlink()
    with read_history(root / "history", Settings()) as history:
        bundle = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).bundle
        publish(root / "home", bundle, root)
        done = run_scoring(history, root / "home", "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    return root / "home", done.run, done.run.table("portfolio").to_pandas(), bundle


def test_every_customer_has_a_row_and_every_customer_of_ours_a_grade(run):
    _, stored, rows, _ = run
    assert len(rows) == stored.manifest.rows
    ours = rows.state.isin(["active", "lapsed"])
    assert rows.health_grade[ours].notna().all()
    assert (rows.health_grade[rows.state == "lapsed"] == "lost").all()
    assert rows.health_grade[~ours].isna().all()


def test_contributions_add_up(run):
    rows = run[2][run[2].health_grade.notna()]
    dimensions = rows.health_dimensions.map(lambda parts: sum(part["points"] for part in parts))
    caps = rows.health_caps.map(lambda parts: sum(part["points"] for part in parts))
    assert np.abs(rows.health_model_part + dimensions + caps - rows.health_score).max() < 1e-9
    assert np.abs(rows.health_card_part - dimensions).max() < 1e-9


def test_nobody_at_or_above_the_threshold_is_graded_better_than_at_risk(run):
    threshold = json.loads((run[1].folder / "portfolio.json").read_text())["threshold"]
    high = run[2].probability >= threshold
    assert high.any()
    assert set(run[2].health_grade[high]) == {"at_risk"}
    assert set(run[2].risk_band[high]) == {"high"}


def test_money_is_on_one_basis(run):
    rows = run[2][run[2].probability.notna()]
    assert (rows.spend_if_retained >= 0).all()
    assert (rows.revenue_at_risk <= rows.spend_if_retained).all()
    assert np.allclose(rows.revenue_at_risk + rows.expected_revenue, rows.spend_if_retained, rtol=1e-12)
    assert (rows.revenue_at_risk_low <= rows.revenue_at_risk_high).all()
    assert (rows.value_at_risk == rows.revenue_at_risk).all()


def test_days_and_revenue_are_those_of_the_raw_orders(run):
    home, stored, rows, _ = run
    orders = pq.read_table(home.parent / "history" / "orders.parquet").to_pandas()
    orders = orders[orders.ordered_at < AS_OF]
    rows = rows.set_index("customer_id")
    last = orders[orders.amount > 0].groupby("customer_id").ordered_at.max()
    assert rows.recency_days.dropna().to_dict() == (np.ceil((AS_OF - last) / timedelta(days=1)) - 1).to_dict()
    year = orders[orders.ordered_at >= AS_OF - timedelta(days=365)].groupby("customer_id").amount.sum().clip(lower=0)
    shares = stored.table("view_segment_shares").to_pandas().set_index("segment").revenue
    expected = year.reindex(rows.index, fill_value=0).groupby(rows.segment).sum()
    assert np.allclose(shares, expected.reindex(shares.index))
    owners = stored.table("view_key_figures").to_pandas()
    assert owners.customers.sum() == len(rows)
    assert np.isclose(owners.revenue.sum(), orders[orders.ordered_at >= AS_OF - timedelta(days=365)].amount.sum())
    keys = stored.table("view_key_accounts").to_pandas().set_index("customer_id").revenue
    assert np.allclose(keys, year.reindex(keys.index))


def test_grades_and_bands_tell_customers_apart(run):
    rows = run[2][run[2].state == "active"]
    assert rows.health_grade.value_counts(normalize=True).max() < 0.8
    assert rows.card_relationship_score.nunique() > 10


def test_lists_hold_who_can_still_be_helped(run):
    rows = run[2]
    assert (rows.savable[rows.list == "at_risk"] > 0).all()
    assert (rows.state[rows.list == "win_back"] == "lapsed").all()
    assert (rows.state[rows.list == "probably_lost"] == "active").all()


def test_every_door_shows_the_same_figures(run):
    home, _, rows, _ = run
    names = ["health_score", "health_grade", "revenue_at_risk", "savable", "list"]
    by_id = rows.set_index("customer_id")
    with served(home, keys=False) as client:
        page = client.post("/v1/customers", json={"limit": 1000}).json()["customers"]
        ids = [row["customer_id"] for row in page]
        answers = client.post("/v1/score", json={"customer_ids": ids, "reasons": 0}).json()["answers"]
        profile = client.post("/v1/customer", json={"customer_id": ids[0]}).json()
    assert len(page) == rows.probability.notna().sum()
    for row, answer in zip(page, answers, strict=True):
        stored = by_id.loc[row["customer_id"]]
        assert [row[name] for name in names] == [stored[name] for name in names]
        assert [answer[name] for name in names[2:]] == [stored[name] for name in names[2:]]
        assert (answer["health"]["score"], answer["health"]["grade"]) == (row["health_score"], row["health_grade"])
        assert abs(sum(part["points"] for part in answer["health"]["parts"]) - row["health_score"]) < 1e-9
    assert profile["answers"][0]["health"]["score"] == page[0]["health_score"]
    archived = pq.read_table(home / "scores/churn/history/2026-11-01.parquet", columns=["health_score"])
    assert archived["health_score"].equals(pa.chunked_array([pa.array(rows.health_score, from_pandas=True)]))


# A sentence that was filled in badly, or that only names a feature and its value.
_GENERIC = re.compile(r"[{}]|\bnan\b|\bNone\b(?! of)|not known|未知|(?<![.\d])-?[01] times|: [\d.]+ \(|（通常")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_and_advice_of_every_customer_is_a_sentence(run, language):
    home, _, rows, _ = run
    ids = rows.customer_id[rows.probability.notna()].tolist()
    with served(home, keys=False) as client:
        sent = {"customer_ids": ids, "reasons": 30, "language": language}
        answers = client.post("/v1/score", json=sent).json()["answers"]
    reasons = [reason for answer in answers for reason in answer["reasons"]]
    assert len(reasons) > 3 * len(ids)
    for text in [text for reason in reasons for text in (reason["text"], reason["advice"]) if text is not None]:
        assert text[-1] in ".。", text
        assert not _GENERIC.search(text), text
        assert bool(re.search("[\u4e00-\u9fff]", text)) or language == "en", text


def test_the_outlook_of_a_grade_is_judged_on_a_later_horizon(run):
    found = run[3].evaluation["outlook"]
    assert np.allclose(np.array(found["moves"]).sum(axis=1), 1)
    assert found["largest_gap"] < 0.15


def test_the_spend_that_is_served_has_the_least_error_of_all_with_the_naive_rule_among_them(run):
    spend = run[3].evaluation["spend"]
    assert spend["errors"][spend["shape"]] == min(spend["errors"].values()) <= spend["errors"]["as_last_year"]
