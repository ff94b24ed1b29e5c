"""A history too short for a later cutoff: the model is judged on other customers, and so is each of its members."""

from datetime import timedelta

import pytest
from training_world import ACTIVE, BEGIN, HORIZON, company, orders

from rapport.training import train

MEMBERS = {"corrected", "newest", "many", "linear", "rhythm"}


@pytest.fixture(scope="module")
def evaluation():
    """Return what is recorded of a model that is trained less than three horizons after the first order."""
    as_of = BEGIN + timedelta(days=240)
    return train(company(orders(700)), "churn", as_of=as_of, horizon=HORIZON, active=ACTIVE).bundle.evaluation


def test_each_member_is_judged_on_other_customers(evaluation):
    assert not evaluation["out_of_time"]
    assert evaluation["weights"].keys() >= MEMBERS
    assert evaluation["measures"].keys() >= MEMBERS


def test_no_member_comes_on_top_of_weights_that_were_fitted_without_it(evaluation):
    """The sum of the weights is the slope of the blend: above 1 it spreads the scores further than the members do."""
    assert sum(evaluation["weights"].values()) < 1.2
