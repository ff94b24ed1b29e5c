"""The hazard of a contract's end: contracts and tenure alone say how likely this step is the last."""

from datetime import datetime

import numpy as np
import pytest
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Matrix
from rapport.training.committee import Making, fit_committee
from rapport.training.fitting.linear import fit_hazard
from rapport.training.rows import Rows
from rapport.training.slices import Slices

CUTOFF = datetime(2025, 1, 1)
COLUMNS = tuple(
    Column(name, family, unit, direction, False, "", "", ())
    for name, family, unit, direction in (
        ("contracts_renewed_count_ever", "contract", "count", -1),
        ("contract_days_to_end", "contract", "days", -1),
        ("orders_count_90d", "frequency", "count", -1),
    )
)


@pytest.fixture(scope="module")
def rows():
    """Draw customers of whom every second lets the first contract end, and one in ten a later one."""
    draw = np.random.default_rng(3)
    renewed = draw.integers(0, 4, 600).astype(float)
    label = (draw.random(600) < np.where(renewed == 0, 0.5, 0.1)).astype(float)
    values = np.column_stack([renewed, draw.integers(1, 365, 600), draw.poisson(3, 600)]).astype(float)
    ids = np.array([f"c{each}" for each in range(600)], dtype=object)
    return Rows(ids, np.zeros(600, dtype=np.intp), label, Matrix(COLUMNS, values), (CUTOFF,))


def hazard_of(rows):
    return fit_hazard(rows, offset=np.zeros(len(rows)), weight=np.ones(len(rows)))


def test_who_renewed_before_lets_go_less_often(rows):
    hazard = hazard_of(rows)
    asked = Matrix(COLUMNS, np.array([[0.0, 90.0, 3.0], [3.0, 90.0, 3.0]]))
    first, fourth = 1 / (1 + np.exp(-hazard.read(asked).logit()))
    assert first == pytest.approx(0.45, abs=0.1)
    assert fourth == pytest.approx(0.1, abs=0.06)


def test_it_hears_of_contracts_and_tenure_alone(rows):
    assert {term.feature for term in hazard_of(rows).terms} <= {"contracts_renewed_count_ever", "contract_days_to_end"}


def test_its_evidence_adds_up_to_what_it_says(rows):
    hazard = hazard_of(rows).centred_on(rows.matrix)
    reading = hazard.read(rows.matrix)
    assert np.allclose(reading.mean + reading.by_feature.sum(axis=1), hazard.read(rows.matrix).logit(), atol=1e-12)
    assert reading.by_feature.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("by_contract", "parts"), [(True, ("hazard",)), (False, ("plain",))])
def test_it_sits_on_the_committee_where_contracts_decide(rows, by_contract, parts):
    making = Making(rhythms={}, card=None, learnt=False, by_contract=by_contract)
    plan = Slices((CUTOFF,), (CUTOFF,), datetime(2023, 1, 1))
    committee = fit_committee(rows, plan, making, moment=datetime(2026, 2, 1))
    assert tuple(expert.name for expert in committee.experts) == parts
