"""Leads of which nothing is known but where they came from: trained, scored and explained through the commands."""

import json
import sys
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit

from rapport.cli.app import main
from rapport.features import catalog, snapshot
from rapport.history import Settings, history_of, parse_duration
from rapport.metrics import auc
from rapport.scoring import Scorer, build_answers
from rapport.scoring.models.columns import CATEGORY, OTHER, FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.training import train
from rapport.training.data.dataset import Dataset
from rapport.training.members.category_effects import informative_categories

START, AS_OF = datetime(2023, 1, 1), datetime(2024, 9, 1)
RATES = {"展会": 0.5, "web": 0.1, "referral": 0.25}


def lead(name, created, source, campaign):
    touch = {"customer_id": name, "occurred_at": created, "action": "form", "campaign": campaign}
    return {"customer_id": name, "created_at": created, "source": source}, touch


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(5)
    customers, touches, orders = [], [], []
    for number in range(1200):
        created = START + timedelta(days=float(rng.uniform(0, 600)))
        source, campaign = str(rng.choice(list(RATES))), f"campaign-{rng.integers(0, 40)}"
        customer, touch = lead(f"lead-{number}", created, source, campaign)
        customers, touches = [*customers, customer], [*touches, touch]
        ordered = created + timedelta(days=float(rng.uniform(1, 60)))
        if rng.random() < RATES[source] and ordered < AS_OF:
            orders.append(
                {"customer_id": f"lead-{number}", "order_id": f"o{number}", "ordered_at": ordered, "amount": 9.0}
            )
    return {"customers": customers, "touches": touches, "orders": orders}


@pytest.fixture(scope="module")
def model(tables):
    two_months = parse_duration("60d")
    with history_of(tables, Settings(threads=1)) as history:
        return train(history, "conversion", as_of=AS_OF, horizon=two_months, active=two_months).bundle


def answers_of(model, leads, language="en"):
    customers, touches = zip(*leads, strict=True)
    with history_of({"customers": list(customers), "touches": list(touches)}) as history:
        rows = snapshot(history, AS_OF, active=parse_duration("60d"))
    return {answer.customer_id: answer for answer in build_answers(Scorer(model).score(rows, AS_OF), language=language)}


def test_where_a_lead_came_from_sets_its_probability_with_a_reason_in_either_language(model):
    day = AS_OF - timedelta(days=3)
    leads = [lead(source, day, source, "campaign-1") for source in RATES]
    answers = answers_of(model, leads, "zh")
    ranked = sorted(answers, key=lambda name: -answers[name].probability)
    assert ranked == ["展会", "referral", "web"]
    assert answers["展会"].probability > 2 * answers["web"].probability
    column = model.by_name["attribute_source"]
    said = f"线索来源为展会：此类线索成交率 {column.rate('展会'):.0%}，整体 {column.overall_rate:.0%}。"
    assert [reason.text for reason in answers["展会"].reasons if reason.family == "fit"] == [said]
    assert abs(column.rate("web") - 0.1) < 0.06


def test_a_value_that_training_never_saw_is_one_of_the_others(model):
    assert all(column.levels[-1] == OTHER for column in model.columns if column.levels)
    day = AS_OF - timedelta(days=3)
    answers = answers_of(model, [lead("new", day, "Messe Köln", "never seen"), lead("web", day, "web", "campaign-1")])
    rates = [model.by_name["attribute_source"].rate(source) for source in ("web", "展会")]
    assert rates[0] < answers["new"].probability < rates[1]
    assert not [reason for reason in answers["new"].reasons if "Messe" in reason.text]


def test_campaigns_that_tell_nothing_do_not_cost_the_ranking(model):
    rng, day = np.random.default_rng(8), AS_OF - timedelta(days=3)
    sources = rng.choice(list(RATES), 600)
    leads = [lead(f"{at:03}", day, str(each), f"campaign-{rng.integers(0, 40)}") for at, each in enumerate(sources)]
    answers = answers_of(model, leads)
    bought = rng.random(600) < [RATES[source] for source in sources]
    ours = np.array([answers[f"{at:03}"].probability for at in range(600)])
    by_source = np.array([RATES[source] for source in sources])
    assert auc(bought.astype(float), ours) > auc(bought.astype(float), by_source) - 0.03


def test_a_history_without_these_columns_has_nothing_in_them():
    names = [feature.name for feature in catalog().features if feature.is_category]
    with history_of({"customers": [{"customer_id": "a", "created_at": START}]}) as history:
        rows = snapshot(history, AS_OF, active=parse_duration("10y"))
    assert rows.select(names).to_pylist() == [dict.fromkeys(names)]
    assert len(names) == 7


def test_the_levels_and_their_effects_are_kept_with_the_bundle(model):
    stored = json.dumps([member.to_dict() for member in model.members], ensure_ascii=False)
    assert '"feature": "attribute_source", "effects"' in stored
    assert '"feature": "last_touch_asset"' not in stored


@pytest.mark.slow
def test_the_commands_train_and_score_such_leads(tables, tmp_path, monkeypatch):
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    monkeypatch.chdir(tmp_path.parent)
    for words in ("train --horizon 60d --active 60d", "score --out scores.parquet --language zh"):
        command, *options = words.split()
        given = ["rapport", command, str(tmp_path), "--target", "conversion", "--as-of", f"{AS_OF:%Y-%m-%d}", *options]
        monkeypatch.setattr(sys, "argv", [*given, "--data-dir", str(tmp_path.parent / "data")])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
    scores = pq.read_table(tmp_path.parent / "scores.parquet").to_pylist()
    assert any("线索来源为展会：此类线索成交率" in str(row) for row in scores)


@pytest.mark.parametrize(
    ("customers", "spread", "expected"), [(300, 0.0, True), (60_000, 0.0, False), (300, 0.8, True)]
)
def test_levels_are_dropped_only_where_the_data_show_that_they_do_not_differ(customers, spread, expected):
    """Of few customers the variance by moments is often below 0; that does not show that there is none."""
    rng = np.random.default_rng(4)
    levels = tuple(f"level-{number:02}" for number in range(20))
    column = FeatureColumn("source", "fit", CATEGORY, 0, False, "source", "source", levels)
    codes = rng.integers(0, 20, customers)
    label = (rng.random(customers) < expit(rng.normal(0, spread, 20)[codes] - 1)).astype(float)
    ids = np.array([f"c{number}" for number in range(customers)], dtype=object)
    matrix = Matrix((column,), codes[:, None].astype(float))
    dataset = Dataset(ids, np.zeros(customers, dtype=np.intp), label, matrix, (AS_OF,))
    found = informative_categories(dataset, offset=np.zeros(customers), weight=np.ones(customers))
    assert bool(found) == expected
    # The ridge is one over the variance: shrunk more where nothing is known of a difference.
    assert not found or (found[0].ridge > 8) == (spread == 0)
