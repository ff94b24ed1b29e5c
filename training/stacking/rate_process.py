"""A Gaussian process of how a base rate moves with the calendar, in log-odds.

The level of a history is the sum of a constant, a start-up transient, a trend, a random walk, a yearly season and brief
fluctuations. What is measured is its mean over a window of time: a horizon after a cutoff, or the newest weeks. The
variances are hyperparameters; a grid of them covers histories that move in one way, in another, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.matrix import Floats

# Standard deviations in log-odds: of a year of trend and of the walk, of the season, and of brief fluctuations.
GRID = {"trend": (0.0, 0.15, 0.5), "walk": (0.05, 0.3), "season": (0.0, 0.3, 1.0), "brief": (0.05, 0.15, 0.4)}
COMPONENTS = tuple(GRID)
PARAMETERS = np.array(list(product(*GRID.values())))
VARIANCES = {name: PARAMETERS[:, place] ** 2 for place, name in enumerate(GRID)}
CONSTANT, START_UP = 0.5, 1.5
# A trend goes on for about a year after the moment of the forecast; a season is remembered for about eight.
TREND_YEARS, SEASON_YEARS, BRIEF_YEARS = 0.5, 8.0, 90 / 365
SEASON_SMOOTHNESS = 0.7
POINTS = 6


@dataclass(frozen=True)
class RateWindows:
    """Measured mean levels of windows of time, in years since the history began, with the variance of their error."""

    start: Floats
    length: Floats
    value: Floats
    variance: Floats

    @property
    def end(self) -> Floats:
        """Return when each window's outcome was known."""
        return np.asarray(self.start + self.length)

    @property
    def columns(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the columns in their order."""
        return self.start, self.length, self.value, self.variance

    def take(self, chosen: npt.NDArray[np.intp]) -> "RateWindows":
        """Keep some of the windows."""
        return RateWindows(*(values[chosen] for values in self.columns))


@dataclass(frozen=True)
class LevelForecast:
    """The level of a future window by each set of ``PARAMETERS``: mean, variance, and each component's part."""

    mean: Floats
    variance: Floats
    parts: Mapping[str, Floats]


def forecast_level(known: RateWindows, start: float, length: float, *, start_up_years: float) -> LevelForecast:
    """Forecast the mean level of the window from ``start``, at ``start``, from the known windows."""
    starts, lengths = np.r_[known.start, start], np.r_[known.length, length]
    times = starts[:, None] + lengths[:, None] * (np.arange(POINTS) + 0.5) / POINTS
    moving = _moving_covariances(times.ravel(), start)
    transient = np.exp(-times / start_up_years).mean(axis=1)
    fixed = CONSTANT**2 + START_UP**2 * np.outer(transient, transient)
    covariance = fixed + sum(VARIANCES[name][:, None, None] * moving[name] for name in COMPONENTS)
    observed = covariance[:, :-1, :-1] + np.diag(known.variance)
    target = covariance[:, :-1, -1]
    values = np.broadcast_to(known.value, target.shape)
    solved = np.linalg.solve(observed, np.stack([values, target], axis=-1))
    weights = solved[:, :, 0]
    return LevelForecast(
        (target * weights).sum(axis=1),
        covariance[:, -1, -1] - (target * solved[:, :, 1]).sum(axis=1),
        {name: VARIANCES[name] * (weights @ moving[name][-1, :-1]) for name in COMPONENTS},
    )


def _moving_covariances(times: Floats, now: float) -> dict[str, Floats]:
    """Return the covariance between the windows of each component with standard deviation 1."""
    apart = np.abs(times[:, None] - times)
    # After now the trend fades: its time goes on ever more slowly.
    ahead = np.clip(times - now, 0.0, None)
    trend_time = np.minimum(times - now, 0.0) + TREND_YEARS * -np.expm1(-ahead / TREND_YEARS)
    return {
        "trend": _window_means(np.outer(trend_time, trend_time)),
        "walk": _window_means(np.clip(np.minimum(times[:, None], times), 0.0, None)),
        "season": _window_means(np.exp(-2 * np.sin(np.pi * apart) ** 2 / SEASON_SMOOTHNESS**2 - apart / SEASON_YEARS)),
        "brief": _window_means(np.exp(-apart / BRIEF_YEARS)),
    }


def _window_means(covariance: Floats) -> Floats:
    count = len(covariance) // POINTS
    return np.asarray(covariance.reshape(count, POINTS, count, POINTS).mean(axis=(1, 3)))
