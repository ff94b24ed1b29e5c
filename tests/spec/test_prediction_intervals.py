"""Prediction intervals: the less is known about a customer, the wider they are."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from training_world import trained

from rapport.scoring.models.blend import logit_of, sigmoid
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.bg_nbd import SINCE_FIRST, SINCE_LAST, BgNbdMember
from rapport.training.data.dataset import Dataset
from rapport.training.evaluation.posterior_draws import draw_deviations
from rapport.training.evaluation.rate_coverage import group_error
from rapport.training.evaluation.score_volatility import score_steps, subsample_customers
from rapport.training.evaluation.training_run import final_weights
from rapport.training.evaluation.uncertainty import (
    KNOTS,
    _disagreement,
    _edges,
    _groups,
    _offsets,
    _weighted,
    shift_of_scores,
)
from rapport.training.stacking.stacking_weights import folds_of
from rapport.training.stacking.temporal_validation import in_first_half

COLUMNS = tuple(
    FeatureColumn(name, "recency", unit, 0, False, "", "", ())
    for name, unit in (("order_days_count_ever", "count"), (SINCE_LAST, "days"), (SINCE_FIRST, "days"))
)
UNLIKE = BgNbdMember("rhythm", r=0.7, alpha=60.0, a=0.2, b=3.0, horizon_days=180.0)


def own_probabilities(bg_nbd, *customers):
    """Draw the own probabilities of customers (order days, since last, since first)."""
    matrix = Matrix(COLUMNS, np.array(customers, dtype=float))
    logits = bg_nbd.logit(*np.nan_to_num(matrix.values, nan=1.0).T)
    return logits, 1 / (1 + np.exp(-(logits + draw_deviations(bg_nbd, matrix))))


def widths(bg_nbd, *customers):
    """Return the width with nine tenths of the own probabilities."""
    return np.subtract(*np.quantile(own_probabilities(bg_nbd, *customers)[1], [0.95, 0.05], axis=0))


def test_one_order_leaves_more_uncertainty_than_thirty():
    once, often = widths(UNLIKE, (1, 20, 300), (30, 10, 600))
    assert once > 2 * often


def test_similar_customers_have_almost_no_deviation():
    alike = BgNbdMember("rhythm", r=5e4, alpha=5e6, a=1e-9, b=1e4, horizon_days=180.0)
    assert widths(alike, (3, 20, 300), (12, 5, 900)).max() < 0.05


def test_a_customer_without_orders_has_no_deviation():
    assert widths(UNLIKE, (np.nan, np.nan, np.nan)) == [0.0]


def test_draws_are_centred_on_the_probability_of_bg_nbd():
    logits, drawn = own_probabilities(UNLIKE, (1, 20, 300), (6, 150, 500), (30, 10, 600))
    assert drawn.mean(axis=0) == pytest.approx(1 / (1 + np.exp(-logits)), abs=0.1)


def at_two_cutoffs(days, people=400):
    """Return the same customers at two cutoffs some days apart."""
    cutoffs = (datetime(2025, 3, 1), datetime(2025, 3, 1) - timedelta(days=days))
    ids = np.array([f"c{place % people}" for place in range(2 * people)], dtype=object)
    cutoff_index = np.repeat([0, 1], people)
    return Dataset(ids, cutoff_index, np.zeros(2 * people), Matrix(COLUMNS, np.zeros((2 * people, 3))), cutoffs)


@pytest.mark.parametrize("days", [30, 60, 90])
def test_score_steps_are_scaled_to_a_sixth_of_the_horizon_without_the_common_shift(days):
    matrix, change = at_two_cutoffs(days), np.random.default_rng(1).normal(size=400)
    logits = np.r_[2.0 + change, np.zeros(400)]
    earlier, steps = score_steps(matrix, logits, horizon_days=360)
    assert set(matrix.cutoff_index[earlier]) == {1}
    assert steps == pytest.approx((change - change.mean())[earlier - 400] * np.sqrt(60 / days))


def test_cutoffs_too_far_apart_give_no_steps():
    earlier, steps = score_steps(at_two_cutoffs(200), np.zeros(800), horizon_days=360)
    assert len(earlier) == len(steps) == 0


def test_a_subsample_keeps_customers_with_all_their_rows():
    kept = subsample_customers(at_two_cutoffs(60), 300)
    assert 200 < len(kept) <= 300
    assert set(kept.customer_ids[kept.cutoff_index == 0]) == set(kept.customer_ids[kept.cutoff_index == 1])


def test_an_interval_is_the_narrowest_with_nine_tenths_of_the_draws():
    deviations = np.random.default_rng(2).normal(size=(60, 300)) * 2
    blended = np.full(300, -3.5)
    low, high = (np.array(each)[KNOTS.index(-3.5)] for each in _offsets(blended, deviations, np.arange(300)))
    assert ((deviations >= -low) & (deviations <= high)).mean() == pytest.approx(0.9, abs=0.01)
    equal = np.quantile(deviations, [0.05, 0.95])
    width = [np.subtract(*(1 / (1 + np.exp(3.5 - np.array([up, down]))))) for down, up in ((-low, high), equal)]
    assert width[0] < 0.95 * width[1]


def of_reference(blended, deviations, knot):
    """Return the narrowest nine tenths of the deviations near a knot: of whole customers, by a normal kernel."""
    closeness = -(((blended - knot) / 0.5) ** 2) / 2
    share = np.tile(np.exp(closeness - closeness.max()), len(deviations))
    order = np.argsort(deviations.ravel())
    ranked, share = deviations.ravel()[order], np.cumsum(share[order]) / share.sum()
    ends = [(np.searchsorted(share, tail), np.searchsorted(share, tail + 0.9)) for tail in np.linspace(0.02, 0.08, 13)]
    pairs = [(ranked[low], ranked[min(high, len(ranked) - 1)]) for low, high in ends]
    low, high = min(pairs, key=lambda pair: sigmoid(np.array(knot + pair[1])) - sigmoid(np.array(knot + pair[0])))
    return max(-low, 0.0), max(high, 0.0)


def test_offsets_at_each_knot_are_those_of_the_customers_near_it():
    generator = np.random.default_rng(3)
    blended = generator.uniform(-7, 6, 400)
    deviations = generator.normal(size=(30, 400)) * (1 + np.abs(blended) / 3)
    chosen = np.flatnonzero(generator.uniform(size=400) < 0.7)
    found = zip(*_offsets(blended, deviations, chosen), strict=True)
    knots = (-6.0, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 3.0, 5.0)
    expected = [of_reference(blended[chosen], deviations[:, chosen], knot) for knot in knots]
    assert [pytest.approx(pair) for pair in expected] == list(found)
    assert knots == KNOTS


@pytest.mark.parametrize(
    ("known", "edges"),
    [
        (range(1000), [199.8, 399.6, 599.4, 799.2]),
        # Sixty customers a group at least: fewer groups, and none of fewer than two.
        (range(240), [59.75, 119.5, 179.25]),
        (range(120), [59.5]),
        (range(119), []),
        # The lowest value is no edge.
        ([1] * 500 + [2] * 300 + [9] * 200, [2.0, 3.4]),
    ],
)
def test_customers_are_split_into_fifths_of_what_is_known(known, edges):
    column = FeatureColumn("orders", "frequency", "count", -1, False, "", "", ())
    rows = Matrix((column,), np.array([[np.nan] * 3 + list(known)], dtype=float).T)
    found = _edges(rows, "orders")
    assert found == pytest.approx(edges)
    groups = _groups(rows, "orders", found)
    assert set(groups.tolist()) == set(range(len(edges) + 1))
    assert set(groups[:3].tolist()) == {0}
    assert _edges(rows, "another") == ()


def test_members_disagree_about_their_mean_and_the_card_does_not_count():
    logits = {"many": np.array([1.0, 3.0]), "logistic": np.array([5.0, 3.0]), "card": np.array([0.0, 90.0])}
    # Centred, they are −1, 1 and 1, −1.
    assert _disagreement(logits).tolist() == [1.0, 1.0]
    assert _disagreement({"card": np.zeros(2)}).tolist() == [0.0, 0.0]
    assert _weighted(logits, {"many": 0.5, "logistic": 2.0, "absent": 7.0}).tolist() == [10.5, 7.5]


@pytest.mark.parametrize(("spread", "at_least"), [(0.0, 0.3), (1.0, 0.34), (3.0, 0.6)])
def test_an_error_of_the_rate_is_a_larger_shift_of_scores_that_differ_more(spread, at_least):
    scores = np.random.default_rng(5).normal(size=4000) * spread - 1.0
    shift = shift_of_scores(0.3, scores)
    rates = [1 / (1 + np.exp(-(scores + step))) for step in (-shift, shift)]
    low, high = (np.log(rate.mean() / (1 - rate.mean())) for rate in rates)
    assert (high - low) / 2 == pytest.approx(0.3, abs=0.02)
    assert shift >= at_least - 1e-6


def test_an_interval_has_the_offsets_of_the_score_and_of_the_group():
    """Unknown values belong to the first group; a value on an edge belongs to the group above it."""
    column = FeatureColumn("orders_count_ever", "frequency", "count", -1, False, "", "", ())
    rows, scores = Matrix((column,), np.array([[np.nan], [1.0], [2.0], [5.0]])), np.array([0.0, 1.0, 0.0, -9.0])
    shape = {"level": 0.9, "knots": (-1.0, 1.0), "below": ((1.0, 3.0), (0.0, 0.5)), "above": ((2.0, 4.0), (0.5, 1.0))}
    split = PredictionInterval(**shape, feature=column.name, edges=(2.0,))
    low, high = (logit_of(side) for side in split.around(scores, rows))
    assert (low.tolist(), high.tolist()) == (
        pytest.approx([-2.0, -2.0, -0.25, -9.0]),
        pytest.approx([3, 5, 0.75, -8.5]),
    )
    whole = PredictionInterval(**shape | {"below": shape["below"][:1], "above": shape["above"][:1]})
    assert logit_of(whole.around(scores, rows)[0])[2:] == pytest.approx([-2.0, -10.0])
    assert PredictionInterval.from_dict(json.loads(json.dumps(split.to_dict()))) == split


def test_misjudged_groups_count_less_where_the_final_model_learned_from_more():
    run = trained().run
    extreme = sigmoid(3 * logit_of(run.evaluation.probabilities["blend"]))
    evaluation = replace(run.evaluation, probabilities=run.evaluation.probabilities | {"blend": extreme})
    learned = run.validation.training_set

    def error(training_set):
        validation = replace(run.validation, training_set=training_set)
        return group_error(replace(run, evaluation=evaluation, validation=validation))

    as_many, fewer = error(run.dataset), error(learned)
    assert as_many > 0.3
    assert fewer / as_many == pytest.approx((learned.minority_count / run.dataset.minority_count) ** 0.5)
    assert learned.minority_count < run.dataset.minority_count


def test_half_of_the_validation_rows_give_weights_of_their_own():
    run = trained().run
    names = tuple(member.name for member in run.ensemble.members)
    kept = [in_first_half(fold.dataset.customer_ids) for fold in run.validation.folds]
    half = folds_of(run.validation, kept)
    assert [len(fold.dataset) for fold in half] == [int(rows.sum()) for rows in kept]
    assert final_weights(run, names, half) != final_weights(run, names)
    assert final_weights(run, names, run.validation.folds) == final_weights(run, names)
