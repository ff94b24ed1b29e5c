"""The review of a card: thresholds proposed from outcomes, and a note when bands have drifted."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import CardError
from rapport.scoring.cards import load_card
from rapport.training.monitoring.card_review import propose, review


def test_thresholds_are_found_where_the_rate_jumps():
    days = np.tile(np.arange(400.0), 5)
    chance = np.select([days < 100, days < 250], [0.05, 0.4], 0.9)
    gone = np.random.default_rng(4).random(len(days)) < chance
    found = propose(days, gone, high_is_good=False)
    assert found is not None
    assert [threshold.bound for threshold in found.thresholds] == ["below"] * len(found.thresholds)
    cuts = [threshold.value for threshold in found.thresholds]
    assert min(abs(cut - 100) for cut in cuts) <= 5
    assert min(abs(cut - 250) for cut in cuts) <= 5
    assert cuts == sorted(cuts)


def test_a_feature_with_the_opposite_direction_gets_no_thresholds():
    spend = np.tile(np.arange(400.0), 5)
    gone = spend > 300
    assert propose(spend, gone, high_is_good=True) is None


def test_too_few_outcomes_propose_nothing():
    assert propose(np.arange(60.0), np.arange(60) > 56, high_is_good=False) is None


def rows(days: np.ndarray, cutoff: datetime) -> pa.Table:
    return pa.table(
        {
            "cutoff": pa.array([cutoff] * len(days), pa.timestamp("us")),
            "days_since_last_order": days,
            "orders_per_quarter_365d": np.ones(len(days)),
            "spend_net_sum_ever": np.ones(len(days)),
            "label": (days > 120).astype(np.int8),
        }
    )


def test_a_review_shows_moved_bands_and_proposals_and_changes_nothing():
    card = load_card("rfm")
    calm = rows(np.tile(np.arange(200.0), 3), datetime(2025, 1, 1))
    moved = rows(np.tile(np.arange(100.0, 300.0), 3), datetime(2025, 4, 1))
    found = review(card, pa.concat_tables([calm, moved]), "churn")
    recency = next(line for line in found.lines if line.name == "r")
    assert recency.drift > 0.25
    assert "the bands have drifted" in found.as_text()
    assert recency.proposed is not None
    assert card == load_card("rfm")


def test_one_moment_is_too_few_for_a_review():
    with pytest.raises(CardError, match="a review needs at least two cutoffs"):
        review(load_card("rfm"), rows(np.arange(200.0), datetime(2025, 1, 1)), "churn")


@pytest.mark.parametrize(("drift", "is_told"), [(0.24, False), (0.26, True)])
def test_bands_have_drifted_above_a_quarter(drift, is_told):
    calm = [rows(np.tile(np.arange(200.0), 3), datetime(2025, month, 1)) for month in (1, 4)]
    found = review(load_card("rfm"), pa.concat_tables(calm), "churn")
    line = replace(found.lines[0], drift=drift)
    assert ("the bands have drifted" in replace(found, lines=(line,)).as_text()) == is_told
