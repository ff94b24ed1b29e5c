"""What an interval says: the less is known of a customer's habits, the wider it is."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from rapport.scoring.columns import Column
from rapport.scoring.experts.rhythm import SINCE_FIRST, SINCE_LAST, Rhythm
from rapport.scoring.matrix import Matrix
from rapport.training.habits import own_strays
from rapport.training.revisions import looked_at_twice, steps_of
from rapport.training.rows import Rows
from rapport.training.uncertainty import KNOTS, _offsets

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


def twice_looked_at(days, people=400):
    """Return the same people at two cutoffs some days apart."""
    cutoffs = (datetime(2025, 3, 1), datetime(2025, 3, 1) - timedelta(days=days))
    ids = np.array([f"c{place % people}" for place in range(2 * people)], dtype=object)
    moment = np.repeat([0, 1], people)
    return Rows(ids, moment, np.zeros(2 * people), Matrix(COLUMNS, np.zeros((2 * people, 3))), cutoffs)


@pytest.mark.parametrize("days", [30, 60, 90])
def test_what_later_looks_showed_is_told_for_a_sixth_of_the_horizon_without_what_moved_all(days):
    rows, moved = twice_looked_at(days), np.random.default_rng(1).normal(size=400)
    said = np.r_[2.0 + moved, np.zeros(400)]
    earlier, steps = steps_of(rows, said, horizon_days=360)
    assert set(rows.moment[earlier]) == {1}
    assert steps == pytest.approx((moved - moved.mean())[earlier - 400] * np.sqrt(60 / days))


def test_looks_too_far_apart_tell_nothing_of_what_was_hidden():
    earlier, steps = steps_of(twice_looked_at(200), np.zeros(800), horizon_days=360)
    assert len(earlier) == len(steps) == 0


def test_of_many_customers_some_are_kept_with_all_their_looks():
    kept = looked_at_twice(twice_looked_at(60), 300)
    assert 200 < len(kept) <= 300
    assert set(kept.ids[kept.moment == 0]) == set(kept.ids[kept.moment == 1])


def test_an_interval_is_the_narrowest_in_points_of_probability_that_holds_nine_in_ten():
    strays = np.random.default_rng(2).normal(size=(60, 300)) * 2
    blended = np.full(300, -3.5)
    low, high = (np.array(each)[KNOTS.index(-3.5)] for each in _offsets(blended, strays, np.arange(300)))
    assert ((strays >= -low) & (strays <= high)).mean() == pytest.approx(0.9, abs=0.01)
    equal = np.quantile(strays, [0.05, 0.95])
    width = [np.subtract(*(1 / (1 + np.exp(3.5 - np.array([up, down]))))) for down, up in ((-low, high), equal)]
    assert width[0] < 0.95 * width[1]
