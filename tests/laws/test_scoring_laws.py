"""What must be true of every score, over the whole catalog: it adds up, and neither batch nor order changes a bit."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapport.scoring import Bundle, Scored, Scorer
from rapport.scoring.blend import Blend, logit_of
from rapport.scoring.matrix import Matrix
from rapport.scoring.scored import LEAST_POINTS
from rapport.scoring.wording.speaker import Speaker
from rapport.scoring.wording.table import table
from scoring_world import AS_OF, churn_bundle, columns, invented, table_of

NUMBERS = (
    "probability",
    "model_probability",
    "rule_probability",
    "rule_score",
    "low",
    "high",
    "value_at_risk",
    "logit",
)
EXTREMES = st.sampled_from([np.nan, 0.0, 1.0, -1.0, 0.5, 1e-9, 40.0, 1e4, 1e9])


@cache
def scorer() -> Scorer:
    return Scorer(churn_bundle())


@st.composite
def rows(draw: st.DrawFn) -> Matrix:
    """Invented customers with some cells made extreme or unknown."""
    made = invented(draw(st.integers(1, 12)), draw(st.integers(0, 10_000)))
    values = made.values.copy()
    cells = st.tuples(st.integers(0, len(values) - 1), st.integers(0, values.shape[1] - 2), EXTREMES)
    for row, place, value in draw(st.lists(cells, max_size=40)):
        values[row, place] = value
    return Matrix(made.columns, values)


def scored(some: Matrix) -> Scored:
    return scorer().score(table_of(some), AS_OF)


@settings(max_examples=60, deadline=None)
@given(some=rows())
def test_base_and_evidence_are_the_log_odds_of_the_probability(some):
    told = scored(some)
    assert np.abs(told.base + told.evidence.sum(axis=1) - logit_of(told.probability)).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(some=rows())
def test_the_evidence_is_all_that_the_experts_say(some):
    # Another way round: each expert's log-odds, LightGBM's own for the trees, blended.
    bundle = scorer().bundle
    said = {expert.name: expert.read(some).logit() for expert in bundle.experts}
    trees = bundle.experts[0]
    said["recent"] = np.mean([booster.predict(some.values, raw_score=True) for booster in trees.loaded], axis=0)
    assert np.abs(scored(some).logit - bundle.blend.logit(said, len(some))).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(some=rows(), count=st.integers(0, 17))
def test_reasons_and_the_rest_add_up_to_the_answer(some, count):
    for answer in scored(some).answers(reasons=count):
        evidence = sum(reason.evidence for reason in answer.reasons) + answer.other_evidence
        points = sum(reason.points for reason in answer.reasons) + answer.other_points
        probability = np.array(answer.probability)
        assert abs(evidence - (logit_of(probability) - logit_of(np.array(answer.base_rate)))) < 1e-9
        assert abs(points - (answer.probability - answer.base_rate)) < 1e-9


@settings(max_examples=40, deadline=None)
@given(some=rows(), seed=st.integers(0, 99))
def test_neither_the_batch_nor_the_order_changes_a_bit(some, seed):
    together = scored(some)
    order = np.random.default_rng(seed).permutation(len(some))
    shuffled = scored(some.take(order))
    alone = [scored(some.take(np.array([row]))) for row in range(len(some))]
    for name in (*NUMBERS, "evidence", "leads", "percentile", "points"):
        whole = getattr(together, name)
        assert np.array_equal(whole[order], getattr(shuffled, name), equal_nan=True), name
        assert np.array_equal(whole, np.concatenate([getattr(one, name) for one in alone]), equal_nan=True), name


def test_a_large_batch_is_scored_as_its_rows_alone_are():
    some = invented(1500, 5)
    together = scored(some)
    parts = [scored(some.take(np.arange(start, min(start + 7, 1500)))) for start in range(0, 1500, 7)]
    for name in (*NUMBERS, "evidence", "leads", "points"):
        pieces = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(together, name), pieces, equal_nan=True), name


def test_the_base_is_the_mean_log_odds_of_the_reference_population():
    bundle = scorer().bundle
    reference = invented(3000, 3)
    assert abs(float(bundle.logit(reference).mean()) - bundle.base) < 1e-9


def test_the_trees_say_what_lightgbm_and_the_shap_library_say():
    shap = pytest.importorskip("shap")
    trees, some = scorer().bundle.experts[0], invented(200, 11)
    reading = trees.read(some)
    raw = np.mean([booster.predict(some.values, raw_score=True) for booster in trees.loaded], axis=0)
    assert np.abs(reading.logit() - raw).max() < 1e-9
    shares = [shap.TreeExplainer(booster).shap_values(some.values) for booster in trees.loaded]
    centre = np.array([trees.centre[column.name] for column in some.columns])
    assert np.abs(reading.by_feature + centre - np.mean(shares, axis=0)).max() < 1e-6


@settings(max_examples=60, deadline=None)
@given(some=rows())
def test_no_printed_reason_contradicts_a_declared_direction(some):
    bundle = scorer().bundle
    by_code = sentences_by_code()
    for place, answer in enumerate(scored(some).answers(reasons=17)):
        for reason in answer.reasons:
            for name in led_by(reason, by_code):
                column = bundle.by_name[name]
                value = some.values[place, some.place[name]]
                median, mean = bundle.reference.middle(column)
                side = np.sign(value - (median if value != median else mean))
                assert np.isnan(side) or side * column.direction * reason.evidence >= 0, (reason, name)


def sentences_by_code():
    return {sentence.code: sentence for sentence in table().sentences}


def led_by(reason, by_code):
    """Name the features whose value a reason prints as its own case."""
    if reason.code in by_code:
        sentence = by_code[reason.code]
        return set(sentence.lead) & set(sentence.facts.values())
    return set(reason.facts)


@settings(max_examples=40, deadline=None)
@given(some=rows())
def test_more_of_our_own_outreach_never_lowers_a_risk(some):
    more = some.values.copy()
    for place, column in enumerate(some.columns):
        if column.outbound:
            more[:, place] = np.nan_to_num(more[:, place]) + 7.0
    known = [~np.isnan(some.values[:, place]) for place, column in enumerate(some.columns) if column.outbound]
    moved = scored(Matrix(some.columns, more)).logit - scored(some).logit
    assert (moved[np.all(known, axis=0)] > -1e-9).all()


@settings(max_examples=40, deadline=None)
@given(some=rows())
def test_our_own_outreach_is_never_said_to_lower_a_risk(some):
    outbound = {column.name for column in columns() if column.outbound}
    assert outbound
    reasons = [reason for answer in scored(some).answers(reasons=17) for reason in answer.reasons]
    assert not [reason for reason in reasons if reason.evidence < 0 and outbound & set(reason.facts)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_feature_has_words_in_both_languages(language):
    bundle = scorer().bundle
    speaker = Speaker.of(bundle, language)
    values = invented(50, 2).values
    for place, column in enumerate(bundle.columns):
        value = values[np.flatnonzero(~np.isnan(values[:, place]))[0]].tolist()
        family = bundle.families.index(column.family)
        for evidence in (0.5, -0.5):
            text = speaker.reason(family, place, value, evidence=evidence, points=0.1).text
            assert re.search(r"[\u4e00-\u9fff]", text) if language == "zh" else not re.search(r"[\u4e00-\u9fff]", text)
            assert not re.search(r"\{|\bnan\b", text)
            assert text[-1] in ".。"


def test_a_bundle_read_back_scores_to_the_last_bit(tmp_path):
    some = invented(300, 21)
    again = Scorer(Bundle.load(scorer().bundle.save(tmp_path / "bundle")))
    first, second = scored(some), again.score(table_of(some), AS_OF)
    kept = Scored.of(first.to_table(), table_of(some), again.bundle, AS_OF)
    for name in (*NUMBERS, "evidence", "leads", "percentile"):
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True), name
        assert np.array_equal(getattr(first, name), getattr(kept, name), equal_nan=True), name
    answers = [answer.as_dict() for answer in first.take([7, 3]).answers(language="zh")]
    assert answers == [answer.as_dict() for answer in kept.take([7, 3]).answers(language="zh")]


@settings(max_examples=30, deadline=None)
@given(some=rows())
def test_the_tables_of_treeshap_agree_with_lightgbm(some):
    assert scorer().bundle.experts[0].disagreement(some) < 1e-9


@pytest.mark.parametrize("seats", [("card",), ("rhythm",), ("card", "rhythm"), ("line",), ("recent",)])
def test_every_smaller_committee_adds_up_and_has_words(seats):
    whole = scorer().bundle
    experts = tuple(expert for expert in whole.experts if expert.name in seats)
    model = {name: weight for name, weight in whole.model_blend.weights.items() if name in seats}
    weights = {name: weight for name, weight in whole.blend.weights.items() if name in seats}
    bundle = replace(whole, experts=experts, blend=Blend(weights, 1.1, -0.3), model_blend=Blend(model))
    told = Scorer(bundle.centred_on(invented(500, 8))).score(table_of(invented(40, 9)), AS_OF)
    assert np.abs(told.base + told.evidence.sum(axis=1) - logit_of(told.probability)).max() < 1e-9
    assert np.isnan(told.model_probability).all() == (seats == ("card",))
    assert np.isnan(told.rule_probability).all() == ("card" not in seats)
    reasons = [reason for answer in told.answers() for reason in answer.reasons]
    assert reasons
    assert all(reason.text for reason in reasons)


@settings(max_examples=40, deadline=None)
@given(some=rows())
def test_what_would_show_as_no_points_is_no_reason_and_the_rest_still_adds_up(some):
    scores = scored(some)
    for answer in scores.answers(reasons=17):
        assert all(abs(reason.points) >= LEAST_POINTS for reason in answer.reasons)
        if answer.probability is not None:
            shown = sum(reason.points for reason in answer.reasons) + answer.other_points
            assert shown == pytest.approx(answer.probability - answer.base_rate, abs=1e-12)
