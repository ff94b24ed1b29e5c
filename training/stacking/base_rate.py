"""The base rate: by how much each cutoff exceeded the reference member's expectation, and a forecast of the next.

Base rates move with the season, and most log loss is won or lost here. Members are fitted with each cutoff's base rate
as an offset. The forecast combines the same season a year before, the weeks observed since the newest cutoffs, those
cutoffs, and the long-term mean, each shrunk by how much history supports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from rapport.scoring.models.matrix import Floats

YEAR = timedelta(days=365)
SEASON_WEIGHT = 0.9
RECENT_WEIGHT = 0.2
OBSERVED_WEIGHT = 0.6
# Newest weeks count in proportion to the swing of this history: without swings, a busy month is chance.
STABLE_SWING = 0.15
TYPICAL_SWING = 0.2
MAX_SHIFT = 12.0


@dataclass(frozen=True)
class BaseRateForecast:
    """The forecast shift in log-odds and its components; ``observed`` is the shift in the newest weeks."""

    shift: float
    mean: float
    recent: float
    season: float | None
    season_weight: float
    observed: float | None
    by_cutoff: Mapping[datetime, float]


def fit_intercept(logits: Floats, rate: float) -> float:
    """Return what to add to the log-odds so that their mean probability is ``rate``."""
    rate = min(max(rate, 1e-4), 1 - 1e-4)
    return float(brentq(lambda step: expit(logits + step).mean() - rate, -MAX_SHIFT - 20, MAX_SHIFT + 20))


def shrink(shift: float, customers: int, rate: float) -> float:
    """Shrink a shift toward 0 by the sampling error of the rate of so few customers."""
    sampling_variance = 1 / max(customers * rate * (1 - rate), 1.0)
    return shift * TYPICAL_SWING**2 / (TYPICAL_SWING**2 + sampling_variance)


def forecast_base_rate(
    shifts: Mapping[datetime, float],
    moment: datetime,
    *,
    horizon_days: float,
    history_start: datetime,
    active: timedelta,
    observed: float | None = None,
) -> BaseRateForecast:
    """Forecast the shift at ``moment`` from the cutoffs known by then and the ``observed`` newest weeks."""
    newest, oldest = max(shifts), min(shifts)
    spans = ((newest - oldest).total_seconds() / 86400 + horizon_days) / horizon_days
    mean = float(np.mean(list(shifts.values()))) * spans / (spans + 1)
    window = [shift for cutoff, shift in shifts.items() if newest - cutoff <= timedelta(days=horizon_days / 2)]
    recent = float(np.mean(window))
    season, weight = _season(shifts, moment, timedelta(days=max(horizon_days / 6, 16)))
    if season is not None:
        # A season observed with less history than the active window is unreliable: all customers were new.
        weight *= min(1.0, (moment - YEAR - history_start) / active)
    news = RECENT_WEIGHT * (recent - mean) + _observed_part(shifts, mean, observed)
    shift = mean + weight * ((season if season is not None else mean) - mean) + (1 - weight) * news
    return BaseRateForecast(shift, mean, recent, season, weight, observed, dict(shifts))


def _observed_part(shifts: Mapping[datetime, float], mean: float, observed: float | None) -> float:
    """Return what the newest weeks add, weighted by how much this history swings."""
    if observed is None:
        return 0.0
    swing = float(np.mean(np.square(np.array(list(shifts.values())) - mean)))
    return OBSERVED_WEIGHT * swing / (swing + STABLE_SWING**2) * (observed - mean)


def _season(shifts: Mapping[datetime, float], moment: datetime, window: timedelta) -> tuple[float | None, float]:
    """Return the mean shift at the same season of earlier years, and its weight."""
    same: list[float] = []
    for years in range(1, 6):
        then = moment - YEAR * years
        distances = sorted((abs(cutoff - then), shift) for cutoff, shift in shifts.items())
        if distances[0][0] <= window:
            same.append(distances[0][1])
    return (float(np.mean(same)), SEASON_WEIGHT) if same else (None, 0.0)
