"""Laws of every score, over the whole catalog: it adds up, and it does not depend on batch or order."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_world import AS_OF, churn_bundle, columns, invented, table_of

from rapport.features import catalog
from rapport.features.catalog.vocabulary import Vocabulary
from rapport.scoring import Bundle, ScoreBatch, Scorer, build_answers
from rapport.scoring.models.blend import Blend, logit_of
from rapport.scoring.models.columns import OTHER, feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.reasons.answer import FamilyEvidence
from rapport.scoring.reasons.answers import MIN_POINTS
from rapport.scoring.reasons.renderer import ReasonRenderer
from rapport.scoring.reasons.sentences import sentence_catalog

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
# A category is read from words, so that it has no other number than that of one of its three levels.
CODES = st.sampled_from([np.nan, 0.0, 1.0, 2.0])


@cache
def scorer() -> Scorer:
    return Scorer(churn_bundle())


@st.composite
def rows(draw: st.DrawFn) -> Matrix:
    """Invented customers with some cells made extreme or unknown."""
    made = invented(draw(st.integers(1, 12)), draw(st.integers(0, 10_000)))
    values = made.values.copy()
    cells = st.tuples(st.integers(0, len(values) - 1), st.integers(0, values.shape[1] - 1), EXTREMES, CODES)
    for row, place, number, code in draw(st.lists(cells, max_size=40)):
        values[row, place] = code if made.columns[place].is_category else number
    return Matrix(made.columns, values)


def scored(some: Matrix) -> ScoreBatch:
    return scorer().score(table_of(some), AS_OF)


@settings(max_examples=60, deadline=None)
@given(some=rows())
def test_base_and_evidence_are_the_log_odds_of_the_probability(some):
    told = scored(some)
    assert np.abs(told.base + told.evidence.sum(axis=1) - logit_of(told.probability)).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(some=rows())
def test_evidence_is_the_weighted_sum_of_the_members(some):
    # Another way round: each expert's log-odds, LightGBM's own for the trees, blended.
    bundle = scorer().bundle
    said = {member.name: member.contributions(some).logit() for member in bundle.members}
    trees = bundle.members[0]
    said["recent"] = np.mean([booster.predict(some.values, raw_score=True) for booster in trees.loaded], axis=0)
    assert np.abs(scored(some).logit - bundle.blend.logit(said, len(some))).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(some=rows(), count=st.integers(0, 17))
def test_reasons_and_the_rest_add_up_to_the_answer(some, count):
    for answer in build_answers(scored(some), reasons=count):
        evidence = sum(reason.evidence for reason in answer.reasons) + answer.other_evidence
        points = sum(reason.points for reason in answer.reasons) + answer.other_points
        probability = np.array(answer.probability)
        assert abs(evidence - (logit_of(probability) - logit_of(np.array(answer.base_rate)))) < 1e-9
        assert abs(points - (answer.probability - answer.base_rate)) < 1e-9


@settings(max_examples=40, deadline=None)
@given(some=rows(), seed=st.integers(0, 99))
def test_scores_do_not_depend_on_batch_or_order(some, seed):
    together = scored(some)
    order = np.random.default_rng(seed).permutation(len(some))
    shuffled = scored(some.take(order))
    alone = [scored(some.take(np.array([row]))) for row in range(len(some))]
    for name in (*NUMBERS, "evidence", "leading", "percentile", "points"):
        whole = getattr(together, name)
        assert np.array_equal(whole[order], getattr(shuffled, name), equal_nan=True), name
        assert np.array_equal(whole, np.concatenate([getattr(one, name) for one in alone]), equal_nan=True), name


@pytest.mark.parametrize("word", ["never seen", "", "0", None])
def test_a_word_that_training_never_saw_scores_as_the_rest_or_as_unknown(word):
    some = invented(5, 7)
    table, values = table_of(some), some.values.copy()
    for place, column in enumerate(some.columns):
        if column.is_category:
            at = table.column_names.index(column.name)
            table = table.set_column(at, column.name, pa.array([word] * len(some), pa.string()))
            values[:, place] = np.nan if word is None or OTHER not in column.levels else column.levels.index(OTHER)
    found, same = scorer().score(table, AS_OF), scored(Matrix(some.columns, values))
    assert np.array_equal(found.probability, same.probability)
    assert np.array_equal(found.evidence, same.evidence)


def test_a_large_batch_equals_its_small_parts():
    some = invented(1500, 5)
    together = scored(some)
    parts = [scored(some.take(np.arange(start, min(start + 7, 1500)))) for start in range(0, 1500, 7)]
    for name in (*NUMBERS, "evidence", "leading", "points"):
        pieces = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(together, name), pieces, equal_nan=True), name


def test_the_base_is_the_mean_log_odds_of_the_reference_population():
    bundle = scorer().bundle
    reference = invented(3000, 3)
    assert abs(float(bundle.logit(reference).mean()) - bundle.base) < 1e-9


def test_tree_contributions_equal_lightgbm_and_shap():
    shap = pytest.importorskip("shap")
    trees, some = scorer().bundle.members[0], invented(200, 11)
    reading = trees.contributions(some)
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
    for place, answer in enumerate(build_answers(scored(some), reasons=17)):
        for reason in answer.reasons:
            for name in led_by(reason, by_code):
                column = bundle.by_name[name]
                value = some.values[place, some.positions[name]]
                median, mean = bundle.reference.median_and_mean(column)
                side = np.sign(value - (median if value != median else mean))
                assert np.isnan(side) or side * column.direction * reason.evidence >= 0, (reason, name)


def sentences_by_code():
    return {sentence.code: sentence for sentence in sentence_catalog().sentences}


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
def test_no_reason_claims_that_outreach_lowers_a_risk(some):
    outbound = {column.name for column in columns() if column.outbound}
    assert outbound
    reasons = [reason for answer in build_answers(scored(some), reasons=17) for reason in answer.reasons]
    assert not [reason for reason in reasons if reason.evidence < 0 and outbound & set(reason.facts)]


OWN_WORDS = Vocabulary(
    actions=("view", "试用申请"), channels=("wechat", "展会"), attributes=("industry", "employees", "类型", "parent_id")
)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("target", ["churn", "conversion"])
def test_every_feature_has_a_sentence_of_its_own_for_every_value(language, target):
    # A declared direction forbids some sentences; without one, every value needs its sentence.
    levels = dict.fromkeys(catalog(OWN_WORDS).names, ("Retail", "Web", OTHER))
    named = feature_columns(catalog(OWN_WORDS).features, target, levels=levels)
    read = tuple(replace(column, direction=0) for column in named)
    bundle = replace(scorer().bundle, target=target, columns=read)
    renderer = ReasonRenderer(bundle, language)
    never = {feature.name for feature in catalog(OWN_WORDS).features if feature.if_no_events is None}
    for position, column in enumerate(read):
        whole = [0.0, 1.0, 2.0] if column.is_category else [0.0, 1.0, 2.0, 0.5, 0.97, 1.5, 40.0, -3.0]
        for value in [*whole, *([np.nan] if column.name in never else [])]:
            values = [np.nan] * len(read)
            values[position] = value
            for evidence in (0.5, -0.5):
                part = FamilyEvidence(bundle.families.index(column.family), position, evidence, 0.1)
                reason = renderer.reason(part, values)
                assert reason is not None, (column.name, value, evidence)
                assert is_sentence(reason.text, language), reason.text


def is_sentence(text, language):
    native = re.search(r"[\u4e00-\u9fff]", text.replace("试用申请", "").replace("展会", "").replace("类型", ""))
    broken = re.search(r"\{|\bnan\b|not known|未知|\b-?0 times|\b1 (times|days|orders)\b|: \d+ times|-0\b", text)
    return bool(native) == (language == "zh") and not broken and text[-1] in ".。"


@pytest.mark.parametrize(
    ("language", "target", "text"),
    [
        ("en", "conversion", "Lead source 展会: 40% of such leads bought, 20% of all leads."),
        ("zh", "conversion", "线索来源为展会：此类线索成交率 40%，整体 20%。"),
        ("en", "churn", "Source 展会: 40% of such customers left, 20% of all."),
        ("zh", "churn", "客户来源为展会：此类客户流失率 40%，整体 20%。"),
    ],
)
def test_a_category_states_its_outcome_rate_only_on_the_side_of_the_evidence(language, target, text):
    bundle = replace(scorer().bundle, target=target)
    position = [column.name for column in bundle.columns].index("attribute_source")
    values = [np.nan] * len(bundle.columns)
    values[position] = 0.0
    up, down = (
        ReasonRenderer(bundle, language).reason(
            FamilyEvidence(bundle.families.index("fit"), position, evidence, 0.1), values
        )
        for evidence in (0.5, -0.5)
    )
    assert up.text == text
    assert down.text == {"en": "The source of the account: 展会.", "zh": "客户来源为展会。"}[language]


@settings(max_examples=40, deadline=None)
@given(some=rows(), count=st.integers(1, 6))
def test_reasons_state_each_fact_once_and_at_most_so_many_in_each_direction(some, count):
    for answer in build_answers(scored(some), reasons=count):
        texts = [reason.text for reason in answer.reasons]
        topics = [reason.topic for reason in answer.reasons]
        assert len(set(topics)) == len(topics)
        assert len(set(texts)) == len(texts)
        rises = answer.probability > answer.base_rate
        for sign in ("up", "down"):
            assert sum(reason.sign == sign for reason in answer.reasons) <= count
        assert all(reason.contrary == ((reason.sign == "up") != rises) for reason in answer.reasons)


def test_a_stored_bundle_scores_identically(tmp_path):
    some = invented(300, 21)
    again = Scorer(Bundle.load(scorer().bundle.save(tmp_path / "bundle")))
    first, second = scored(some), again.score(table_of(some), AS_OF)
    kept = ScoreBatch.of(first.to_table(), table_of(some), again.bundle, AS_OF)
    for name in (*NUMBERS, "evidence", "leading", "percentile"):
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True), name
        assert np.array_equal(getattr(first, name), getattr(kept, name), equal_nan=True), name
    answers = [answer.as_dict() for answer in build_answers(first.take([7, 3]), language="zh")]
    assert answers == [answer.as_dict() for answer in build_answers(kept.take([7, 3]), language="zh")]


@settings(max_examples=30, deadline=None)
@given(some=rows())
def test_lookup_treeshap_agrees_with_lightgbm(some):
    assert scorer().bundle.members[0].disagreement(some) < 1e-9


@pytest.mark.parametrize("seats", [("card",), ("rhythm",), ("card", "rhythm"), ("line",), ("recent",)])
def test_every_smaller_ensemble_adds_up_and_has_reasons(seats):
    whole = scorer().bundle
    members = tuple(member for member in whole.members if member.name in seats)
    model = {name: weight for name, weight in whole.model_blend.weights.items() if name in seats}
    weights = {name: weight for name, weight in whole.blend.weights.items() if name in seats}
    bundle = replace(whole, members=members, blend=Blend(weights, 1.1, -0.3), model_blend=Blend(model))
    told = Scorer(bundle.centred_on(invented(500, 8))).score(table_of(invented(40, 9)), AS_OF)
    assert np.abs(told.base + told.evidence.sum(axis=1) - logit_of(told.probability)).max() < 1e-9
    assert np.isnan(told.model_probability).all() == (seats == ("card",))
    assert np.isnan(told.rule_probability).all() == ("card" not in seats)
    reasons = [reason for answer in build_answers(told) for reason in answer.reasons]
    assert reasons
    assert all(reason.text for reason in reasons)


@settings(max_examples=40, deadline=None)
@given(some=rows())
def test_reasons_that_round_to_zero_points_are_left_out_and_the_rest_adds_up(some):
    scores = scored(some)
    for answer in build_answers(scores, reasons=17):
        assert all(abs(reason.points) >= MIN_POINTS for reason in answer.reasons)
        if answer.probability is not None:
            shown = sum(reason.points for reason in answer.reasons) + answer.other_points
            assert shown == pytest.approx(answer.probability - answer.base_rate, abs=1e-12)
