"""Laws of every score, over the whole catalog: it adds up, and it does not depend on batch or order."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from drawn_scores import rows, scored, scorer
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_world import AS_OF, invented, table_of

from rapport.scoring import Bundle, ScoreBatch, Scorer, build_answers
from rapport.scoring.models.blend import Blend, logit_of
from rapport.scoring.models.columns import CATEGORY, OTHER
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.corrected import CorrectedMember, trees_of

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


def corrected_bundle():
    """Return a bundle of BG/NBD, of trees that correct it, and of nothing else."""
    whole = scorer().bundle
    trees, bg_nbd = whole.members[0], next(member for member in whole.members if member.name == "rhythm")
    corrected = CorrectedMember("corrected", bg_nbd, replace(trees, name="corrected"))
    weights = {"rhythm": 0.4, "corrected": 0.6}
    bundle = replace(whole, members=(bg_nbd, corrected), blend=Blend(weights, 1.1, -0.3), model_blend=Blend(weights))
    return bundle.centred_on(invented(500, 8))


def test_a_corrected_member_is_bg_nbd_plus_the_trees_and_adds_up():
    bundle, some = corrected_bundle(), invented(60, 9)
    bg_nbd, corrected = bundle.members
    parts = [member.contributions(some).logit() for member in (bg_nbd, corrected.trees)]
    assert np.abs(corrected.contributions(some).logit() - sum(parts)).max() < 1e-9
    scored_rows = Scorer(bundle).score(table_of(some), AS_OF)
    assert np.abs(scored_rows.base + scored_rows.evidence.sum(axis=1) - logit_of(scored_rows.probability)).max() < 1e-9
    assert np.abs(scored_rows.logit - (1.1 * (parts[0] + 0.6 * parts[1]) - 0.3)).max() < 1e-9
    assert list(trees_of(bundle.members)) == [corrected.trees]


def test_a_stored_corrected_member_scores_identically(tmp_path):
    bundle, some = corrected_bundle(), table_of(invented(60, 9))
    again = Bundle.load(bundle.save(tmp_path / "bundle"))
    assert again.members == bundle.members
    first, second = (Scorer(each).score(some, AS_OF) for each in (bundle, again))
    assert np.array_equal(first.probability, second.probability, equal_nan=True)
    assert np.array_equal(first.evidence, second.evidence, equal_nan=True)


@pytest.mark.parametrize("levels", [(), ("a", "b"), ("b", OTHER)])
def test_many_rows_are_read_as_each_alone(levels):
    category = replace(scorer().bundle.columns[0], name="kind", unit=CATEGORY, levels=levels)
    columns = (category, scorer().bundle.columns[0])
    kinds = pa.chunked_array([["a", "b", None] * 30, ["c", "a", "b"] * 30])
    table = pa.table({"kind": kinds, columns[1].name: np.arange(180.0)})
    alone = np.concatenate([Matrix.of(table.slice(row, 1), columns).values for row in range(180)])
    np.testing.assert_array_equal(Matrix.of(table, columns).values, alone)
