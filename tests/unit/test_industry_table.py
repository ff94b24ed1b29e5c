"""The industries of a scoring run, for both targets, and a customer's place in its own."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from rapport.history import history_of
from rapport.serving.snapshots.analytics_tables import industry_table, place_in_industry

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
PORTFOLIO = pa.table(
    {
        "industry": ["food"] * 5 + ["steel", None],
        "probability": [0.1, 0.2, 0.3, 0.4, 0.9, 0.5, 0.5],
        "risk_band": ["low", "low", "low", "medium", "high", "high", "low"],
        "revenue_at_risk": [1.0, 2.0, 3.0, 4.0, 90.0, 50.0, 5.0],
        "spend_if_retained": [10.0, 10.0, 10.0, 10.0, 100.0, 60.0, 10.0],
    }
)


def test_each_industry_has_its_share_at_risk_exposure_and_the_growth_known_by_then():
    growth = [
        {"industry": "food", "as_of": "2025-06-01", "growth": 0.04},
        {"industry": "food", "as_of": "2026-02-01", "growth": 0.99},
    ]
    food, steel = industry_table(history_of({"orders": [], "industries": growth}), AS_OF, PORTFOLIO).to_pylist()
    assert (food["industry"], food["customers"], food["high_risk_share"], food["growth"]) == ("food", 5, 0.2, 0.04)
    assert (food["revenue_at_risk"], food["exposure_share"]) == (100.0, pytest.approx(0.7))
    assert (steel["customers"], steel["growth"]) == (1, None)


def test_leads_have_no_risk_band_and_still_a_table():
    leads = PORTFOLIO.select(["industry", "probability"])
    food, _ = industry_table(history_of({"orders": []}), AS_OF, leads).to_pylist()
    assert (food["customers"], food["high_risk_share"], food["revenue_at_risk"]) == (5, None, 0.0)


def test_a_place_is_stated_only_among_enough_customers():
    place = place_in_industry(PORTFOLIO, None, {"industry": "food", "probability": 0.3})
    assert place is not None
    assert (place["customers"], place["higher_risk"]) == (5, 2)
    assert place_in_industry(PORTFOLIO, None, {"industry": "steel", "probability": 0.5}) is None
