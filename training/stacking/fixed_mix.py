"""A rule of thumb for the next base rate: fixed shares of the same season, the newest weeks and cutoffs, and the mean.

It needs no past forecasts to be judged by, so it steadies the forecast of a young history (``base_rate.py``).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

YEAR = timedelta(days=365)
SEASON_SHARE = 0.9
RECENT_SHARE = 0.2
NEWEST_WEEKS_SHARE = 0.6
# Newest weeks count in proportion to the swing of this history: without swings, a busy month is chance.
STABLE_SWING = 0.15


def fixed_mix(
    excess: Mapping[datetime, float],
    moment: datetime,
    *,
    horizon: timedelta,
    support: float,
    newest_weeks: float | None,
) -> float:
    """Return the excess expected at ``moment`` from the excess of each cutoff, all in log-odds.

    ``support`` is the share of an active window that the same season of last year had behind it: with less, all
    customers were new then.
    """
    newest, oldest = max(excess), min(excess)
    spans = (newest - oldest) / horizon + 1
    mean = float(np.mean(list(excess.values()))) * spans / (spans + 1)
    recent = float(np.mean([each for cutoff, each in excess.items() if newest - cutoff <= horizon / 2]))
    news = RECENT_SHARE * (recent - mean) + _newest_weeks_part(excess, mean, newest_weeks)
    season = _same_season(excess, moment, season_window(horizon))
    if season is None:
        return mean + news
    share = SEASON_SHARE * min(1.0, support)
    return mean + share * (season - mean) + (1 - share) * news


def season_window(horizon: timedelta) -> timedelta:
    """Return how far apart in the year two cutoffs of the same season may be."""
    return max(horizon / 6, timedelta(days=16))


def _newest_weeks_part(excess: Mapping[datetime, float], mean: float, newest_weeks: float | None) -> float:
    if newest_weeks is None:
        return 0.0
    swing = float(np.mean(np.square(np.array(list(excess.values())) - mean)))
    return NEWEST_WEEKS_SHARE * swing / (swing + STABLE_SWING**2) * (newest_weeks - mean)


def _same_season(excess: Mapping[datetime, float], moment: datetime, window: timedelta) -> float | None:
    """Return the mean excess of the cutoffs at the same season of the last five years."""
    found = []
    for years in range(1, 6):
        distance, nearest = min((abs(cutoff - (moment - YEAR * years)), each) for cutoff, each in excess.items())
        if distance <= window:
            found.append(nearest)
    return float(np.mean(found)) if found else None
