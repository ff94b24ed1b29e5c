"""Laws of every reason, over the whole catalog: a sentence of its own, of one fact, on the side of the evidence."""

import re
from dataclasses import replace

import numpy as np
import pytest
from drawn_scores import rows, scored, scorer
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_world import columns

from rapport.features import catalog
from rapport.features.catalog.vocabulary import Vocabulary
from rapport.scoring import build_answers
from rapport.scoring.models.columns import OTHER, feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.reasons.answer import FamilyEvidence
from rapport.scoring.reasons.answers import MIN_POINTS
from rapport.scoring.reasons.renderer import ReasonRenderer
from rapport.scoring.reasons.sentences import sentence_catalog


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
                sentence = renderer.sentence(part, values)
                assert sentence is not None, (column.name, value, evidence)
                # Words such as "has been falling" are said in one direction only.
                assert sentence.says in ("either", "up" if evidence > 0 else "down"), (column.name, value, evidence)
                assert is_sentence(renderer.reason(sentence, part, values).text, language), sentence


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
    renderer, family = ReasonRenderer(bundle, language), bundle.families.index("fit")
    parts = [FamilyEvidence(family, position, evidence, 0.1) for evidence in (0.5, -0.5)]
    up, down = (renderer.reason(renderer.sentence(part, values), part, values) for part in parts)
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


@settings(max_examples=40, deadline=None)
@given(some=rows())
def test_reasons_that_round_to_zero_points_are_left_out_and_the_rest_adds_up(some):
    scores = scored(some)
    for answer in build_answers(scores, reasons=17):
        assert all(abs(reason.points) >= MIN_POINTS for reason in answer.reasons)
        if answer.probability is not None:
            shown = sum(reason.points for reason in answer.reasons) + answer.other_points
            assert shown == pytest.approx(answer.probability - answer.base_rate, abs=1e-12)
