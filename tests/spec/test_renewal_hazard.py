"""The renewal hazard: contract and tenure features predict whether a contract is the last one."""

from datetime import datetime

import numpy as np
import pytest

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.cutoff_schedule import CutoffSchedule
from rapport.training.data.dataset import Dataset
from rapport.training.members.renewal_hazard import fit_renewal_hazard
from rapport.training.stacking.ensemble import FitConfig, fit_ensemble

CUTOFF = datetime(2025, 1, 1)
COLUMNS = tuple(
    FeatureColumn(name, family, unit, direction, False, "", "", ())
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
    return Dataset(ids, np.zeros(600, dtype=np.intp), label, Matrix(COLUMNS, values), (CUTOFF,))


def hazard_of(rows):
    return fit_renewal_hazard(rows, offset=np.zeros(len(rows)), weight=np.ones(len(rows)))


def test_customers_who_renewed_before_churn_less(rows):
    hazard = hazard_of(rows)
    matrix = Matrix(COLUMNS, np.array([[0.0, 90.0, 3.0], [3.0, 90.0, 3.0]]))
    first, fourth = 1 / (1 + np.exp(-hazard.contributions(matrix).logit()))
    assert first == pytest.approx(0.45, abs=0.1)
    assert fourth == pytest.approx(0.1, abs=0.06)


def test_it_uses_contract_and_tenure_features_only(rows):
    assert {term.feature for term in hazard_of(rows).terms} <= {"contracts_renewed_count_ever", "contract_days_to_end"}


def test_its_contributions_add_up_to_its_logit(rows):
    hazard = hazard_of(rows).centred_on(rows.matrix)
    contributions = hazard.contributions(rows.matrix)
    assert np.allclose(
        contributions.mean + contributions.by_feature.sum(axis=1), hazard.contributions(rows.matrix).logit(), atol=1e-12
    )
    assert contributions.by_feature.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("by_contract", "expected"), [(True, ("hazard",)), (False, ("plain",))])
def test_it_is_a_member_if_contracts_decide_the_outcome(rows, by_contract, expected):
    config = FitConfig(bg_nbd={}, card=None, learn=False, by_contract=by_contract)
    schedule = CutoffSchedule((CUTOFF,), (CUTOFF,), datetime(2023, 1, 1))
    ensemble = fit_ensemble(rows, schedule, config, as_of=datetime(2026, 2, 1))
    assert tuple(member.name for member in ensemble.members) == expected
