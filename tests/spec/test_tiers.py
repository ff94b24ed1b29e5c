"""Tiers with hysteresis: no flapping, the dwell, and flips back."""

from datetime import datetime, timedelta

import numpy as np

from rapport.scoring.alerts.replay import tier_flip_rate
from rapport.scoring.cards import load_card
from rapport.scoring.health.tiers import Hysteresis, TierStates, update_tiers

CARD = load_card("relationship")

DAY_ONE = datetime(2026, 1, 1)

MEMORY = Hysteresis(margin=0.02, dwell_days=30)


def walk(*steps: tuple[int, float]) -> list[str | None]:
    """Follow one customer through (day, score) and give the tier at each step."""
    state, tiers = None, []
    for day, score in steps:
        state = update_tiers(
            ["ann"], np.array([score]), CARD, DAY_ONE + timedelta(days=day), before=state, hysteresis=MEMORY
        )
        tiers += state.to_table()["tier"].to_pylist()
    return tiers


def test_a_score_around_a_threshold_does_not_flap():
    # The edge is 3.5; 2 % of the scale of 4 points is 0.08.
    assert walk((0, 3.6), (7, 3.45), (14, 3.55), (21, 3.43)) == ["key", "key", "key", "key"]


def test_a_clear_fall_is_immediate_and_a_rise_waits_for_the_dwell():
    assert walk((0, 3.6), (7, 3.4), (14, 3.7), (36, 3.7), (37, 3.7)) == ["key", "normal", "normal", "normal", "key"]


def test_a_rise_has_to_be_clear_too():
    assert walk((0, 3.4), (40, 3.55), (80, 3.59)) == ["normal", "normal", "key"]


def test_an_unknown_score_has_no_tier_and_returns_without_hysteresis():
    assert walk((0, 3.6), (7, np.nan), (14, 3.51)) == ["key", None, "key"]


def test_tier_states_survive_a_table_round_trip():
    state = update_tiers(["bob", "ann"], np.array([1.0, 4.8]), CARD, DAY_ONE)
    again = TierStates.from_table(state.to_table(), CARD)
    assert state.to_table().to_pylist() == [
        {"customer_id": "ann", "tier": "vip", "since": DAY_ONE},
        {"customer_id": "bob", "tier": "at_risk", "since": DAY_ONE},
    ]
    assert again.to_table().equals(state.to_table())


def test_flips_back_are_changes_reversed_within_30_days():
    days = [0, 10, 20, 60]
    seen = [
        {"ann": "key", "bob": "key"},
        {"ann": "normal", "bob": "key"},
        {"ann": "key", "bob": "normal"},
        {"ann": "key", "bob": "key"},
    ]
    # Ann goes and comes back in 10 days; bob comes back after 40: one of four changes is undone in time.
    assert (
        tier_flip_rate([(DAY_ONE + timedelta(days=day), tiers) for day, tiers in zip(days, seen, strict=True)]) == 0.25
    )
