"""BG/NBD with gamma-gamma: against a simulation and SciPy, fitted, stored, and used only where it is better."""

import json

import numpy as np
import pytest
from scipy.special import hyp2f1

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.gamma_gamma import GammaGamma, _hypergeometric
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.spend_model import SpendModel
from rapport.training.members.gamma_gamma import fit_gamma_gamma

NAMES = ("order_days_count_ever", "days_since_last_order", "first_order_days_ago", "spend_sum_ever", "spend_sum_365d")
COLUMNS = tuple(FeatureColumn(name, "value", "count", 0, False, "", "", ()) for name in NAMES)
MODEL = GammaGamma(p=6.0, q=4.0, scale=45.0, r=0.8, alpha=50.0, a=0.7, b=3.0, horizon_days=180.0)


def rows(*customers):
    return Matrix(COLUMNS, np.array([(*customer, customer[3]) for customer in customers], dtype=float))


def test_the_series_is_gauss_hypergeometric_function():
    draw = np.random.default_rng(0)
    a, b, c, z = (
        draw.uniform(0.1, 60, 300),
        draw.uniform(0.1, 60, 300),
        draw.uniform(60, 125, 300),
        draw.random(300) * 0.97,
    )
    assert _hypergeometric(a, b, c, z) == pytest.approx(hyp2f1(a, b, c, z), rel=1e-9)


def test_expected_orders_are_those_of_simulated_customers_with_the_same_history():
    # New customers, with one order today: nobody has dropped out, and every rate comes from the prior.
    draw, count = np.random.default_rng(1), 40_000
    rate = draw.gamma(MODEL.r, 1 / MODEL.alpha, count)
    dropout = draw.beta(MODEL.a, MODEL.b, count)
    placed, at, active = np.zeros(count), np.zeros(count), np.ones(count, dtype=bool)
    while active.any():
        at = at + draw.exponential(1 / rate)
        active &= at < MODEL.horizon_days
        placed[active] += 1
        active &= draw.random(count) >= dropout
    one = rows((1, 0, 0, 100))
    assert MODEL.expected_orders(one)[0] == pytest.approx(placed.mean(), abs=4 * placed.std() / np.sqrt(count))
    stayed = placed[placed > 0].mean() * MODEL.expected_spend(one)[0] / MODEL.expected_orders(one)[0]
    assert MODEL.spend_if_retained(one)[0] == pytest.approx(stayed, rel=0.03)


def test_a_fit_finds_the_values_of_customers_with_few_and_many_orders():
    draw, count = np.random.default_rng(2), 3_000
    orders = draw.integers(1, 15, count)
    nu = draw.gamma(MODEL.q, 1 / MODEL.scale, count)
    spent = draw.gamma(MODEL.p * orders, 1 / nu)
    table = rows(*zip(orders, np.full(count, 20), np.full(count, 400), spent, strict=True))
    bg_nbd = BgNbdMember("rhythm", MODEL.r, MODEL.alpha, MODEL.a, MODEL.b, MODEL.horizon_days)
    fitted = fit_gamma_gamma(table, bg_nbd)
    value = fitted.expected_spend(table) / fitted.expected_orders(table)
    true = MODEL.expected_spend(table) / MODEL.expected_orders(table)
    assert np.abs(value / true - 1).mean() < 0.03
    # One large order is mostly chance, ten are mostly the customer.
    few, many = (
        fitted.expected_spend(one) / fitted.expected_orders(one)
        for one in (rows((1, 20, 400, 200)), rows((10, 20, 400, 2000)))
    )
    assert value.mean() < few[0] < many[0] < 200
    assert fit_gamma_gamma(table.take(np.arange(20)), bg_nbd) is None


def test_a_stored_spend_model_gives_the_same_amounts():
    model = SpendModel("spend_sum_365d", (0.0, 1.0), (0.0, 0.5), gamma_gamma=MODEL)
    table = rows((1, 0, 0, 100), (8, 90, 400, 700))
    loaded = SpendModel.from_dict(json.loads(json.dumps(model.to_dict())), model.files())
    assert loaded == model
    assert loaded.expected(table).tolist() == MODEL.spend_if_retained(table).tolist()
