"""The stacking weights are held to their definition, written out and minimised without our gradient."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize

from rapport.scoring.models.matrix import Matrix
from rapport.training.data.dataset import Dataset
from rapport.training.stacking.stacking_weights import (
    fit_weights,
    folds_of,
    make_blend,
    out_of_fold_logits,
    prior_weights,
)
from rapport.training.stacking.temporal_validation import TemporalValidation, ValidationFold, in_first_half

CUTOFF = datetime(2025, 1, 1)
TRUE_WEIGHTS = {"many": 0.9, "linear": 0.4, "card": 0.0}
PRIOR = {"many": 0.4, "linear": 0.6, "card": 0.1}


def _fold(seed, customers=300, *, of_customers=600, level=-0.5, rate=0.35):
    """Draw members' log-odds of customers, with outcomes that follow ``TRUE_WEIGHTS``."""
    generator = np.random.default_rng(seed)
    logits = {name: generator.normal(level, 1.0, customers) for name in TRUE_WEIGHTS}
    blended = sum(TRUE_WEIGHTS[name] * values for name, values in logits.items())
    label = (generator.random(customers) < 1 / (1 + np.exp(-blended))).astype(float)
    ids = np.array([f"c{each}" for each in generator.permutation(of_customers)[:customers]], dtype=object)
    cutoffs = (CUTOFF + timedelta(days=seed),)
    dataset = Dataset(ids, np.zeros(customers, dtype=np.intp), label, Matrix((), np.empty((customers, 0))), cutoffs)
    return ValidationFold(cutoffs[0], dataset, logits, rate)


def _minority(folds):
    label = np.concatenate([fold.dataset.label for fold in folds])
    ids = np.concatenate([fold.dataset.customer_ids for fold in folds])
    return min(len({*ids[label == value]}) for value in (0.0, 1.0))


def _penalised_loss(parameters, folds, prior):
    """Return the log loss of all rows, an intercept for each fold, plus both ridges."""
    weights = dict(zip(prior, parameters, strict=False))
    losses = []
    for fold, intercept in zip(folds, parameters[len(prior) :], strict=True):
        blended = intercept + sum(weights[name] * (fold.logits[name] - fold.logits[name].mean()) for name in prior)
        probability = 1 / (1 + np.exp(-blended))
        losses.append(-np.log(np.where(fold.dataset.label == 1, probability, 1 - probability)))
    change = np.array([weights[name] - prior[name] for name in prior])
    ridge = 0.01 + 3 / _minority(folds)
    return np.concatenate(losses).mean() + ridge * (change**2).sum() + 0.05 * change.sum() ** 2


@pytest.mark.parametrize("folds", [[_fold(1)], [_fold(1), _fold(2, 150)], [_fold(3, 40), _fold(4, 60, level=1.0)]])
def test_the_weights_minimise_the_penalised_loss(folds):
    start = np.r_[list(PRIOR.values()), [0.0] * len(folds)]
    bounds = [(0, 2)] * len(PRIOR) + [(None, None)] * len(folds)
    best = minimize(_penalised_loss, start, args=(folds, PRIOR), bounds=bounds, tol=1e-10).x
    expected = {name: one if one >= 0.01 else 0.0 for name, one in zip(PRIOR, best, strict=False)}
    assert fit_weights(folds, PRIOR) == pytest.approx(expected, abs=2e-3)


def test_without_folds_the_weights_are_the_prior():
    assert fit_weights([], PRIOR) == PRIOR


def test_a_member_that_contradicts_the_outcomes_gets_no_weight_and_a_hundredth_is_none():
    fold = _fold(5, 600)
    against = ValidationFold(fold.cutoff, fold.dataset, fold.logits | {"card": -fold.logits["many"]}, 0.35)
    assert fit_weights([against], PRIOR)["card"] == 0.0
    # Pulled by the ridge alone, each weight stays where its prior is: just above and just below what counts.
    flat = {name: np.zeros(600) for name in PRIOR}
    kept = fit_weights([ValidationFold(fold.cutoff, fold.dataset, flat, 0.35)], {"many": 0.012, "linear": 0.008})
    assert kept == {"many": pytest.approx(0.012, abs=1e-3), "linear": 0.0}


def test_a_weight_is_two_at_most():
    fold = _fold(6, 3_000, of_customers=3_000)
    label = (fold.logits["many"] > fold.logits["many"].mean()).astype(float)
    dataset = Dataset(fold.dataset.customer_ids, fold.dataset.cutoff_index, label, fold.dataset.matrix, (CUTOFF,))
    tight = {"many": fold.logits["many"] / 3}
    assert fit_weights([ValidationFold(CUTOFF, dataset, tight, 0.5)], {"many": 1.9})["many"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # 600 outcomes, 150 of them recent: trees need 300, the logistic member 60.
        (("newest", "many", "linear"), {"newest": 150 / 450, "many": 600 / 900, "linear": 600 / 660}),
        (("rhythm", "corrected", "card"), {"rhythm": 1.0, "corrected": 600 / 900}),
        (("hazard", "linear"), {"hazard": 1 - 600 / 660, "linear": 600 / 660}),
        (("hazard", "many"), {"hazard": 1.0, "many": 600 / 900}),
    ],
)
def test_prior_weights_are_equal_for_members_that_have_what_they_need(names, expected):
    found = prior_weights(names, SimpleNamespace(minority_count=600, recent_minority_count=150))
    total = sum(expected.values())
    wanted = {name: one / total for name, one in expected.items()} | ({"card": 0.1} if "card" in names else {})
    assert found == pytest.approx(wanted)


def test_without_any_outcome_no_member_divides_by_zero():
    assert prior_weights(("rhythm",), SimpleNamespace(minority_count=1, recent_minority_count=0)) == {"rhythm": 1.0}


def test_each_half_of_the_customers_is_blended_with_the_weights_of_the_other_half():
    folds = (_fold(7, 400, rate=0.2), _fold(8, 300, rate=0.6))
    validation = TemporalValidation(folds, folds[0].dataset, out_of_time=True)
    found = np.split(out_of_fold_logits(validation, PRIOR), [400])
    halves = [in_first_half(fold.dataset.customer_ids) for fold in folds]
    for fold, blended in zip(folds, found, strict=True):
        assert (1 / (1 + np.exp(-blended))).mean() == pytest.approx(fold.expected_rate, abs=1e-6)
        first = in_first_half(fold.dataset.customer_ids)
        for side in (True, False):
            weights = fit_weights(folds_of(validation, [half == (not side) for half in halves]), PRIOR)
            expected = sum(weights[name] * fold.logits[name] for name in PRIOR)[first == side]
            shift = blended[first == side] - expected
            # One shift brings the whole fold to its rate.
            assert np.ptp(shift) < 1e-9
    assert 0.3 < halves[0].mean() < 0.7


def test_folds_that_keep_one_outcome_or_one_row_are_dropped():
    fold = _fold(9, 50)
    validation = TemporalValidation((fold,), fold.dataset, out_of_time=True)
    label = fold.dataset.label
    assert folds_of(validation, [label == 1]) == []
    single = np.zeros(50, dtype=bool)
    single[0] = True
    assert folds_of(validation, [single]) == []
    pair = np.zeros(50, dtype=bool)
    pair[[int(np.argmax(label == 1)), int(np.argmax(label == 0))]] = True
    (kept,) = folds_of(validation, [pair])
    assert (kept.logits["many"] == fold.logits["many"][pair]).all()
    assert len(kept.dataset) == 2


def test_the_blend_scales_shares_to_one_and_keeps_the_slope_apart():
    logits = {"many": np.array([-1.0, 0.5, 2.0]), "linear": np.array([0.3, -0.2, 0.1])}
    blend = make_blend({"many": 0.6, "linear": 0.3}, logits, 0.4)
    assert (dict(blend.weights), blend.slope) == (pytest.approx({"many": 2 / 3, "linear": 1 / 3}), pytest.approx(0.9))
    assert (1 / (1 + np.exp(-blend.logit(logits, 3)))).mean() == pytest.approx(0.4)


def test_without_weights_every_share_is_nothing():
    blend = make_blend({"many": 0.0, "linear": 0.0}, {}, 0.25)
    assert (dict(blend.weights), blend.slope, blend.intercept) == (
        {"many": 0.0, "linear": 0.0},
        0.0,
        pytest.approx(np.log(1 / 3)),
    )
