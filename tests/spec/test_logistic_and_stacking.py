"""The terms of the logistic member and the stacking weights depend on customers, not on their rows."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.data_sufficiency import sufficiency_of
from rapport.training.data.dataset import Dataset
from rapport.training.members.logistic import LEAST_TERMS, MOST_TERMS, fit_logistic
from rapport.training.stacking.stacking_weights import fit_weights, prior_weights
from rapport.training.stacking.temporal_validation import ValidationFold

CUTOFF = datetime(2025, 1, 1)
STRONG, PEOPLE = 60, 600


def correlated_features(people=PEOPLE, *, strong=STRONG, seed=3):
    """Draw customers with many strong features of one family and two weak features of another."""
    generator = np.random.default_rng(seed)
    risk, weak_driver = generator.normal(size=(2, people))
    near = risk[:, None] + generator.normal(scale=0.6, size=(people, strong))
    weak = weak_driver[:, None] + generator.normal(size=(people, 2))
    label = (generator.random(people) < 1 / (1 + np.exp(-(1.5 * risk + 0.7 * weak_driver)))).astype(float)
    families = ["frequency"] * strong + ["sentiment"] * 2
    columns = tuple(
        FeatureColumn(f"{family}_{place}", family, "score", 0, False, "", "", ())
        for place, family in enumerate(families)
    )
    ids = np.array([f"c{each}" for each in range(people)], dtype=object)
    return Dataset(ids, np.zeros(people, dtype=np.intp), label, Matrix(columns, np.hstack([near, weak])), (CUTOFF,))


def fit(rows):
    return fit_logistic(rows, offset=np.zeros(len(rows)), weight=np.ones(len(rows)))


def test_a_weak_family_gets_terms_before_a_strong_one_gets_many():
    selected = [term.feature for term in fit(correlated_features()).terms]
    assert sum(name.startswith("sentiment") for name in selected) == 2
    assert len(selected) > LEAST_TERMS


def test_one_family_fills_the_terms_if_there_is_no_other():
    rows = correlated_features(4_000)
    alone = replace(rows, matrix=Matrix(rows.matrix.columns[:STRONG], rows.matrix.values[:, :STRONG]))
    assert len(fit(alone).terms) == MOST_TERMS


def test_few_customers_support_few_terms():
    assert len(fit(correlated_features(60)).terms) <= LEAST_TERMS


def test_repeated_rows_of_customers_do_not_change_the_coefficients():
    rows = correlated_features()
    again = rows.take(np.tile(np.arange(len(rows)), 5))
    once, often = ({term.feature: term.coefficient for term in fit(each).terms} for each in (rows, again))
    assert once == pytest.approx(often, abs=1e-3)


def test_the_same_customers_in_three_folds_move_the_weights_no_further_than_in_one():
    rows = correlated_features(80)
    logits = {name: rows.matrix.values[:, place] for name, place in (("many", 0), ("linear", STRONG))}
    fold = ValidationFold(CUTOFF, rows, logits, 0.5)
    prior = {"many": 0.5, "linear": 0.5}
    assert fit_weights([fold], prior) == pytest.approx(fit_weights([fold] * 3, prior), abs=1e-4)


def test_more_customers_move_the_weights_further_from_the_prior():
    shifts = []
    for people in (40, 400, 4_000):
        rows = correlated_features(people)
        logits = {name: rows.matrix.values[:, place] for name, place in (("many", 0), ("linear", STRONG))}
        shifts.append(
            fit_weights([ValidationFold(CUTOFF, rows, logits, 0.5)], {"many": 0.5, "linear": 0.5})["many"] - 0.5
        )
    assert 0 < shifts[0] < shifts[1] < shifts[2]


def test_the_card_has_its_prior_weight_on_top_of_the_other_members():
    counted = sufficiency_of(correlated_features(), correlated_features())
    without_card = prior_weights(("many", "linear"), counted)
    assert sum(without_card.values()) == pytest.approx(1.0)
    assert prior_weights(("many", "linear", "card"), counted) == without_card | {"card": 0.1}
    assert prior_weights(("card",), counted) == {"card": 1.0}
