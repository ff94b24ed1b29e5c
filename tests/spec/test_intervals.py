"""What an interval says: the less is known of a customer's habits, the wider it is."""

import numpy as np
import pytest

from scoring.columns import Column
from scoring.experts.rhythm import SINCE_FIRST, SINCE_LAST, Rhythm
from scoring.matrix import Matrix
from training.habits import own_strays

COLUMNS = tuple(
    Column(name, "recency", unit, 0, False, "", "", ())
    for name, unit in (("order_days_count_ever", "count"), (SINCE_LAST, "days"), (SINCE_FIRST, "days"))
)
UNLIKE = Rhythm("rhythm", r=0.7, alpha=60.0, a=0.2, b=3.0, horizon_days=180.0)


def chances(rhythm, *customers):
    """Draw the own chances of customers (order days, since last, since first)."""
    rows = Matrix(COLUMNS, np.array(customers, dtype=float))
    said = rhythm.logit(*np.nan_to_num(rows.values, nan=1.0).T)
    return said, 1 / (1 + np.exp(-(said + own_strays(rhythm, rows))))


def widths(rhythm, *customers):
    """Give the width in which nine in ten of the own chances lie."""
    return np.subtract(*np.quantile(chances(rhythm, *customers)[1], [0.95, 0.05], axis=0))


def test_one_order_leaves_more_open_than_thirty():
    once, often = widths(UNLIKE, (1, 20, 300), (30, 10, 600))
    assert once > 2 * often


def test_customers_who_are_all_alike_have_the_chance_of_their_like():
    alike = Rhythm("rhythm", r=5e4, alpha=5e6, a=1e-9, b=1e4, horizon_days=180.0)
    assert widths(alike, (3, 20, 300), (12, 5, 900)).max() < 0.05


def test_a_customer_without_orders_has_no_habits_to_tell_from():
    assert widths(UNLIKE, (np.nan, np.nan, np.nan)) == [0.0]


def test_draws_are_centred_on_what_the_rhythm_says_itself():
    said, drawn = chances(UNLIKE, (1, 20, 300), (6, 150, 500), (30, 10, 600))
    assert drawn.mean(axis=0) == pytest.approx(1 / (1 + np.exp(-said)), abs=0.1)
