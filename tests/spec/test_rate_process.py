"""The process of a base rate is held to its definition, integrated over fine steps in place of six points a window."""

from math import exp, pi, sin

import numpy as np
import pytest

from rapport.training.stacking.rate_process import PARAMETERS, RateWindows, forecast_level

STEPS = 24
START_UP_YEARS = 0.4
KNOWN = RateWindows(
    start=np.array([0.1, 0.5, 1.05, 1.4]),
    length=np.array([0.25, 0.25, 0.25, 0.04]),
    value=np.array([0.6, -0.2, 0.5, -0.4]),
    variance=np.array([0.01, 0.02, 0.005, 0.03]),
)
NOW, AHEAD = 1.5, 0.5


def _covariance(one, other, trend, walk, season, brief):
    """Return the covariance of the level at two moments, in years since the history began."""

    def trend_time(moment):
        # The trend goes on at full pace until now, then fades within about half a year.
        return moment - NOW if moment <= NOW else 0.5 * (1 - exp(-(moment - NOW) / 0.5))

    apart = abs(one - other)
    parts = {
        "constant": 0.5**2,
        "start_up": 1.5**2 * exp(-(one + other) / START_UP_YEARS),
        "trend": trend**2 * trend_time(one) * trend_time(other),
        "walk": walk**2 * min(one, other),
        "season": season**2 * exp(-2 * sin(pi * apart) ** 2 / 0.7**2 - apart / 8),
        "brief": brief**2 * exp(-apart / (90 / 365)),
    }
    return np.array(list(parts.values()))


def _window_covariances(start, length, deviations):
    """Return the covariance of the windows' means by component: (6, windows, windows)."""
    moments = [first + span * (np.arange(STEPS) + 0.5) / (STEPS) for first, span in zip(start, length, strict=True)]
    return np.array(
        [
            [np.mean([_covariance(a, b, *deviations) for a in one for b in other], axis=0) for other in moments]
            for one in moments
        ]
    ).transpose(2, 0, 1)


@pytest.mark.parametrize("place", [0, 10, 25, 44, len(PARAMETERS) - 1])
def test_a_forecast_is_the_conditional_mean_of_the_process(place):
    found = forecast_level(KNOWN, NOW, AHEAD, start_up_years=START_UP_YEARS)
    by_component = _window_covariances(np.r_[KNOWN.start, NOW], np.r_[KNOWN.length, AHEAD], PARAMETERS[place])
    whole = by_component.sum(axis=0)
    gain = np.linalg.solve(whole[:-1, :-1] + np.diag(KNOWN.variance), whole[:-1, -1])
    weights = np.linalg.solve(whole[:-1, :-1] + np.diag(KNOWN.variance), KNOWN.value)
    assert found.mean[place] == pytest.approx(gain @ KNOWN.value, abs=0.01)
    assert found.variance[place] == pytest.approx(whole[-1, -1] - gain @ whole[:-1, -1], rel=0.05)
    for component, name in zip(by_component[2:], ("trend", "walk", "season", "brief"), strict=True):
        assert found.parts[name][place] == pytest.approx(component[-1, :-1] @ weights, abs=0.01)
