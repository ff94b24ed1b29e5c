"""The level of the outcome: how far each slice lay above or below what a plain model expects, and what comes next.

Base rates move with the season: most log loss is won or lost here. The shape of the risk is learnt with each slice's
own level set aside (an offset), and the level to come is told from the same season a year before, what was seen since
the newest slices, these slices and the long mean, each shrunk by how much history stands behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from rapport.scoring.matrix import Floats
from scipy.optimize import brentq
from scipy.special import expit

YEAR = timedelta(days=365)
SEASON_WEIGHT = 0.9
RECENT_WEIGHT = 0.2
SINCE_WEIGHT = 0.6
# What a few weeks show counts as far as the level is known to swing: where it never did, a busy month is an accident.
STILL = 0.15
USUAL_SWING = 0.2
FAR = 12.0


@dataclass(frozen=True)
class Level:
    """The forecast of the level, in log-odds, and what it was made from; ``since`` is what the newest weeks showed."""

    shift: float
    mean: float
    recent: float
    season: float | None
    season_weight: float
    since: float | None
    by_cutoff: Mapping[datetime, float]


def shift_to(logits: Floats, rate: float) -> float:
    """Return what to add to the log-odds so that their mean probability is ``rate``."""
    rate = min(max(rate, 1e-4), 1 - 1e-4)
    return float(brentq(lambda step: expit(logits + step).mean() - rate, -FAR - 20, FAR + 20))


def steady(shift: float, people: int, rate: float) -> float:
    """Draw a shift to 0 as far as chance alone can move the rate of so few people."""
    chance = 1 / max(people * rate * (1 - rate), 1.0)
    return shift * USUAL_SWING**2 / (USUAL_SWING**2 + chance)


def forecast(
    shifts: Mapping[datetime, float],
    moment: datetime,
    *,
    horizon_days: float,
    begin: datetime,
    active: timedelta,
    since: float | None = None,
) -> Level:
    """Say the level at ``moment`` from those of the slices known by then, and from what was seen ``since``."""
    newest, oldest = max(shifts), min(shifts)
    spans = ((newest - oldest).total_seconds() / 86400 + horizon_days) / horizon_days
    mean = float(np.mean(list(shifts.values()))) * spans / (spans + 1)
    near = [shift for cutoff, shift in shifts.items() if newest - cutoff <= timedelta(days=horizon_days / 2)]
    recent = float(np.mean(near))
    season, weight = _season(shifts, moment, timedelta(days=max(horizon_days / 6, 16)))
    if season is not None:
        # What was seen with less history than the active window was seen dimly: the customers were all young.
        weight *= min(1.0, (moment - YEAR - begin) / active)
    news = RECENT_WEIGHT * (recent - mean) + _news(shifts, mean, since)
    shift = mean + weight * ((season if season is not None else mean) - mean) + (1 - weight) * news
    return Level(shift, mean, recent, season, weight, since, dict(shifts))


def _news(shifts: Mapping[datetime, float], mean: float, since: float | None) -> float:
    """Return what the weeks since the newest slices add, as far as this history is known to swing."""
    if since is None:
        return 0.0
    swing = float(np.mean(np.square(np.array(list(shifts.values())) - mean)))
    return SINCE_WEIGHT * swing / (swing + STILL**2) * (since - mean)


def _season(shifts: Mapping[datetime, float], moment: datetime, near: timedelta) -> tuple[float | None, float]:
    """Return the mean shift of slices at the same season of earlier years, and the weight it deserves."""
    same: list[float] = []
    for years in range(1, 6):
        then = moment - YEAR * years
        gaps = sorted((abs(cutoff - then), shift) for cutoff, shift in shifts.items())
        if gaps[0][0] <= near:
            same.append(gaps[0][1])
    return (float(np.mean(same)), SEASON_WEIGHT) if same else (None, 0.0)
