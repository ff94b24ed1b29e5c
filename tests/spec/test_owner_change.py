"""The change of health by owner, adjusted for mix and regression to the mean."""

import numpy as np
import pytest

from rapport.scoring.analytics.owner_change import adjusted_changes


def _customers(count, *, effects):
    """Owners have customers of different earlier health; its noise alone makes low health rise and high health fall."""
    draw = np.random.default_rng(1)
    owner = np.repeat(np.array(list(effects), dtype=object), count)
    typical = np.repeat([70.0, 30.0, 50.0][: len(effects)], count)
    before = typical + draw.normal(0, 15, len(owner))
    industry = np.where(draw.random(len(owner)) < 0.5, "retail", "energy").astype(object)
    bad_month = np.where(industry == "energy", -8.0, 0.0)
    pulled = 50 + 0.6 * (before - 50)
    now = pulled + bad_month + np.repeat(list(effects.values()), count) + draw.normal(0, 5, len(owner))
    return before, now, industry, owner


def test_owners_without_an_effect_are_at_0_whatever_their_customers_were():
    before, now, industry, owner = _customers(400, effects={"high": 0.0, "low": 0.0})
    raw = {name: float((now - before)[owner == name].mean()) for name in ("high", "low")}
    assert raw["high"] < -8
    assert raw["low"] > 0, "by themselves"
    found = adjusted_changes(before, now, industry, owner)
    assert all(one.low <= 0 <= one.high and abs(one.mean) < 0.6 for one in found.values())


def test_an_owner_who_does_better_is_found_within_its_interval():
    before, now, industry, owner = _customers(400, effects={"ann": 0.0, "bob": 6.0, "cat": 0.0})
    found = adjusted_changes(before, now, industry, owner)
    # Beside all customers, a third of whom are bob's.
    assert found["bob"].mean == pytest.approx(4.0, abs=0.8)
    assert found["bob"].low > 0 > found["ann"].high


def test_few_customers_are_shrunk_and_too_few_say_nothing():
    before, now, industry, owner = _customers(400, effects={"ann": 0.0, "bob": 6.0, "cat": 0.0})
    few = np.concatenate([np.flatnonzero(owner != "bob"), np.flatnonzero(owner == "bob")[:4]])
    found = adjusted_changes(before[few], now[few], industry[few], owner[few])
    assert found["bob"].low < 0 < found["bob"].mean < 3, "four customers prove nothing"
    before[40:] = np.nan
    assert adjusted_changes(before, now, industry, owner) == {}
