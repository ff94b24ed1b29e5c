"""Answers: numbers and sentences in both languages, score changes, and what-if."""

import json
from contextlib import nullcontext as does_not_raise
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from scoring_world import AS_OF, churn_bundle, columns, invented, table_of

from rapport.errors import BundleError, PromotionError, ServingError
from rapport.features import catalog
from rapport.scoring import Bundle, ScoreBatch, Scorer, build_answers
from rapport.scoring.models.blend import Blend
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.what_if import changeable, dependents, what_if
from rapport.scoring.reasons.change import explain_change
from rapport.scoring.reasons.cost import check_shap_cost
from rapport.scoring.reasons.numbers import format_value

# Shown as they are, never read to make a score.
PLAIN = {
    "target",
    "version",
    "horizon",
    "active",
    "fingerprint",
    "vocabulary",
    "currency",
    "grade",
    "tables",
    "evaluation",
    "record",
}


@cache
def scorer() -> Scorer:
    return Scorer(churn_bundle())


def customer(seed: int = 1, at: datetime = AS_OF, **facts: float) -> ScoreBatch:
    """Score one invented customer in whose row some facts are set."""
    made = invented(1, seed)
    values = made.values.copy()
    for name, value in facts.items():
        values[0, made.positions[name]] = value
    return scorer().score(table_of(Matrix(made.columns, values)), at)


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (97.0, "days", "97 days", "97 天"),
        (1.0, "days", "1 day", "1 天"),
        (41.3, "days", "41 days", "41 天"),
        (2.46, "days", "2.5 days", "2.5 天"),
        (182000.0, "money", "¥182,000", "18.2 万元"),
        (-5200.0, "money", "−¥5,200", "−5,200 元"),
        (230000000.0, "money", "¥230,000,000", "2.3 亿元"),
        (0.354, "share", "35%", "35%"),
        (0.004, "share", "0.4%", "0.4%"),
        (2.0, "ratio", "2 times", "2 倍"),
        (0.5, "ratio", "0.5 times", "0.5 倍"),
        (5.5, "hours", "5.5 hours", "5.5 小时"),
        (1634.0, "hours", "68 days", "68 天"),
        (1234.0, "count", "1,234", "1,234"),
        (1.5, "per_month", "1.5 a month", "每月 1.5"),
        (1.0, "flag", "yes", "是"),
        ("south", "category", "south", "south"),
        (None, "days", "not known", "未知"),
    ],
)
def test_numbers_are_formatted_with_their_unit(value, unit, english, chinese):
    assert format_value(value, unit, "en", "CNY") == english
    assert format_value(value, unit, "zh", "CNY") == chinese


def test_an_overdue_reason_states_the_customers_own_cadence():
    late = customer(days_since_last_order=97, order_gap_mean=41, overdue_ratio=97 / 41, overdue_to_longest=0.9)
    rhythm = {
        language: next(
            reason
            for reason in build_answers(late, reasons=17, language=language)[0].reasons
            if reason.family == "rhythm"
        )
        for language in ("en", "zh")
    }
    assert rhythm["en"].evidence > 0
    assert rhythm["en"].code == "RHY-01"
    assert rhythm["en"].text == "No order for 97 days; this customer usually orders every 41 days."
    assert rhythm["zh"].text == "已 97 天未下单；该客户通常每 41 天下单一次。"
    assert rhythm["en"].facts == {"days_since_order": 97, "usual_gap_days": 41}
    assert rhythm["en"].advice == "Call this week and ask what is planned next."


def test_an_answer_has_exactly_the_documented_fields():
    answer = build_answers(customer(), reasons=2)[0].as_dict()
    promised = [
        "customer_id", "as_of", "target", "state", "probability", "percentile", "interval", "model_probability",
        "rule_probability", "rule_score", "tier", "value_at_risk", "base_rate", "reasons", "other_evidence",
    ]  # fmt: skip
    assert list(answer)[: len(promised)] == promised
    assert answer["model"]["card"] == "relationship/3"
    assert set(answer["reasons"][0]) == {
        "code", "family", "text", "evidence", "points", "facts", "peers", "actionable", "advice", "sign", "unit",
        "window", "contrary", "topic", "families",
    }  # fmt: skip
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


@pytest.mark.parametrize(("offset", "level"), [(0.2, "high"), (0.8, "medium"), (3.0, "low")])
def test_how_much_a_customers_history_tells_is_said_in_words_apart_from_the_interval(offset, level):
    batch = customer()
    own = PredictionInterval(0.9, (0.0,), ((offset,),), ((offset,),))
    for language, note in (("en", "This customer's own history tells"), ("zh", "该客户自身的历史信息")):
        [answer] = build_answers(replace(batch, bundle=replace(batch.bundle, individual=own)), 0, language)
        assert answer.certainty == level
        assert answer.certainty_note.startswith(note)
        assert answer.interval == (batch.low[0], batch.high[0])


def test_a_bundle_with_one_interval_has_the_certainty_of_that_interval():
    batch = customer()
    own = PredictionInterval(0.9, (0.0,), ((3.0,),), ((3.0,),))
    [answer] = build_answers(replace(batch, bundle=replace(batch.bundle, interval=own)), 0, "en")
    assert answer.certainty == "low"
    [without] = build_answers(replace(batch, bundle=replace(batch.bundle, interval=None)), 0, "en")
    assert without.certainty is None


def test_a_state_without_probability_gets_an_answer_without_one():
    rows = invented(3, 4)
    lapsed = build_answers(scorer().score(table_of(rows, state="lapsed"), AS_OF))[0].as_dict()
    assert lapsed["state"] == "lapsed"
    assert [lapsed[name] for name in ("probability", "interval", "percentile", "base_rate", "other_evidence")] == [
        None
    ] * 5
    assert lapsed["reasons"] == []


def test_values_outside_the_training_range_are_named():
    assert "tickets_open" in build_answers(customer(tickets_open=5000))[0].out_of_range
    assert "tickets_open" not in build_answers(customer(tickets_open=1))[0].out_of_range


def test_a_change_with_one_bundle_is_only_facts():
    before, after = customer(tickets_open=0), customer(at=datetime(2026, 12, 1, tzinfo=UTC), tickets_open=9)
    told = explain_change(before, after)
    assert {step.kind for step in told.steps} == {"facts"}
    assert sum(step.evidence for step in told.steps) == pytest.approx(after.logit[0] - before.logit[0], abs=1e-9)
    assert sum(step.points for step in told.steps) == pytest.approx(
        after.probability[0] - before.probability[0], abs=1e-9
    )


def test_a_change_of_model_card_and_calibration_is_separate_from_facts():
    before = customer(tickets_open=0)
    bundle = before.bundle
    trees, line, rhythm, card = bundle.members
    newer = replace(
        bundle,
        version="8",
        columns=tuple(reversed(bundle.columns)),
        members=(trees, line, replace(rhythm, alpha=90.0), replace(card, slope=-1.4)),
        blend=Blend(bundle.blend.weights, 1.3, 0.2),
    ).centred_on(Matrix(tuple(reversed(bundle.columns)), invented(800, 5).values[:, ::-1]))
    rows = invented(1, 1)
    after = Scorer(newer).score(table_of(rows), datetime(2026, 12, 1, tzinfo=UTC))
    told = explain_change(before, after)
    assert [step.kind for step in told.steps if step.kind != "facts"] == ["model", "card", "calibration"]
    assert sum(step.evidence for step in told.steps) == pytest.approx(after.logit[0] - before.logit[0], abs=1e-9)
    assert sum(step.points for step in told.steps) == pytest.approx(
        after.probability[0] - before.probability[0], abs=1e-9
    )


def test_what_if_adjusts_dependent_features():
    asked = customer(tickets_open=4, complaints_open=3, tickets_overdue=1)
    told = what_if(scorer(), asked, {"tickets_open": 2})
    assert told.moved == {"tickets_open": (4.0, 2.0), "complaints_open": (3.0, 2.0)}
    before, after = told.scores.probability
    assert after <= before == asked.probability[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"orders_count_365d": 9}, "cannot be changed in a what-if"),
        ({"outbound_count_90d": 9}, "cannot be changed in a what-if"),
        ({"tickets_open": -1}, "must be at least 0; its unit is count"),
        ({"tickets_open": float("nan")}, "must be a number"),
        ({"tickets_open": "two"}, "must be a number"),
    ],
)
def test_what_if_refuses_impossible_changes(changes, sentence):
    with pytest.raises(ServingError, match=sentence):
        what_if(scorer(), customer(), changes)


def test_every_changeable_feature_declares_its_dependents():
    names = {column.name for column in columns()}
    assert {column.name for column in changeable(columns())} == set(dependents())
    assert {name for rules in dependents().values() for others in rules.values() for name in others} <= names


def test_bg_nbd_predicts_no_order_within_the_horizon():
    # Literature values for CDNOW's fit (r .243, alpha 4.414, a .793, b 2.426, weeks), worked out by hand with the
    # formulas of P(alive) and of a Poisson-gamma silence of 39 weeks.
    rhythm = BgNbdMember("rhythm", 0.243, 4.414, 0.793, 2.426, 39.0)
    one = [np.array([value]) for value in (3.0, 8.0, 38.0)]
    alive = 1 / (1 + 0.793 / (2.426 + 1) * ((4.414 + 38) / (4.414 + 30)) ** 2.243)
    silent = ((4.414 + 38) / (4.414 + 38 + 39)) ** 2.243
    chance = 1 - alive * (1 - silent)
    assert 1 / (1 + np.exp(-rhythm.logit(*one))) == pytest.approx(chance, abs=1e-12)
    extreme = rhythm.logit(np.array([1.0, 5000.0]), np.array([0.0, 0.0]), np.array([0.0, 3000.0]))
    assert np.isfinite(extreme).all()


def test_a_bundle_of_another_catalog_is_refused_with_the_difference():
    bundle = scorer().bundle
    lost = replace(
        bundle, fingerprint="other", columns=(*bundle.columns, replace(bundle.columns[0], name="gone_count_90d"))
    )
    with pytest.raises(BundleError, match="it reads attribute_region, gone_count_90d, which no longer exist"):
        lost.check_catalog(catalog())
    bundle.check_catalog(catalog())


def test_rows_that_lack_a_feature_are_refused_by_its_name():
    with pytest.raises(BundleError, match=r"lack 1 of the \d+ features.*tickets_open"):
        scorer().score(table_of(invented(2, 1)).drop_columns(["tickets_open"]), AS_OF)


def test_a_damaged_bundle_is_refused_by_the_file(tmp_path):
    folder = scorer().bundle.save(tmp_path / "bundle")
    trees = folder / "recent-0.lgb.txt"
    trees.write_text(trees.read_text("utf-8").replace("leaf_value=0.", "leaf_value=1.", 1), "utf-8")
    with pytest.raises(BundleError, match=r"recent-0.lgb.txt was changed or cut short"):
        Bundle.load(folder)
    (folder / "bundle.json").write_text("{", "utf-8")
    with pytest.raises(BundleError, match=r"bundle.json is incomplete"):
        Bundle.load(folder)


def test_reasons_that_cost_too_much_are_refused():
    with pytest.raises(PromotionError, match="Train with fewer or shallower trees"):
        check_shap_cost(scorer().bundle, budget=0.001)
    assert check_shap_cost(scorer().bundle, budget=50.0) > 0


def test_rows_with_a_feature_twice_or_as_text_are_refused():
    table = table_of(invented(2, 1))
    with pytest.raises(BundleError, match="two columns 'tickets_open'"):
        scorer().score(table.append_column("tickets_open", table["tickets_open"]), AS_OF)
    place = table.column_names.index("tickets_open")
    with pytest.raises(BundleError, match="is not a number"):
        scorer().score(table.set_column(place, "tickets_open", [["many", "few"]]), AS_OF)


def test_a_bundle_that_lacks_any_part_is_refused_with_a_sentence(tmp_path):
    folder = scorer().bundle.save(tmp_path / "bundle")
    main = folder / "bundle.json"
    whole = json.loads(main.read_text("utf-8"))
    for lost in whole:
        main.write_text(json.dumps({name: part for name, part in whole.items() if name != lost}), "utf-8")
        with pytest.raises(BundleError):
            Bundle.load(folder)
        main.write_text(json.dumps(whole | {lost: 7}), "utf-8")
        with pytest.raises(BundleError) if lost not in PLAIN else does_not_raise():
            Bundle.load(folder)


def test_an_empty_table_has_no_scores():
    nobody = scorer().score(table_of(invented(2, 1)).slice(0, 0), AS_OF)
    assert len(nobody) == 0
    assert build_answers(nobody) == []
