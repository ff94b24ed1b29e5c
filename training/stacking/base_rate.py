"""The base rate of each cutoff, and a forecast of the next: most log loss is won or lost here.

Two series are followed: by how much each cutoff's rate exceeded the expectation of the reference member (BG/NBD, or a
simple logistic regression), and the rate itself, which is steadier where everyone orders once a year. Each series is a
Gaussian process (``rate_process.py``) under a grid of hyperparameters. Every past cutoff was forecast from what was
known then; how well decides what each series and each set of hyperparameters counts. Where few past forecasts could be
judged, a rule of thumb (``fixed_mix.py``) has a share, at most half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, logsumexp, softmax

from rapport.scoring.models.matrix import Floats
from rapport.training.stacking.fixed_mix import fixed_mix
from rapport.training.stacking.rate_process import COMPONENTS, PARAMETERS, LevelForecast, RateWindows, forecast_level

YEAR = timedelta(days=365.25)
TYPICAL_SWING = 0.2
# Log-odds against the plain rates before the past was judged: a reference member knows who the customers are.
PLAIN_RATE_PENALTY = 0.3
# The standard deviation of the excess over a reference member that suits the history: one that is off by more is
# evidence for the plain rates, before any past forecast can be judged.
EXCESS_SCALE = 0.7
# How far a history's level usually is from its reference member, beside what chance alone shows of few customers: the
# reference itself was fitted to the same few, so the processes take its error for a level.
USUAL_SHIFT = 0.3
# A second, so that the rounding of years does not hide an outcome known at the moment of the forecast.
MOMENT = 3e-8
MAX_SHIFT = 12.0
RATE_EDGE = 1e-4
# No reference is right to the last bit, however many customers there are.
REFERENCE_ERROR = 0.03
# How far the newest weeks are from the level of a year, apart from the season and brief fluctuations; a shorter horizon
# is as much nearer as a random walk would be.
WEEKS_ERROR = 0.3


@dataclass(frozen=True)
class ObservedRate:
    """The outcome rate of a window from ``start``, and its excess over the reference member's expectation.

    ``spread`` is how far the rate moves in log-odds for a shift of 1 in every customer's log-odds.
    """

    start: datetime
    customers: int
    rate: float
    excess: float
    spread: float = 1.0

    @classmethod
    def of(cls, start: datetime, logits: Floats, rate: float) -> "ObservedRate":
        """Compare an observed rate with the reference member's log-odds of the same customers."""
        rate = min(max(rate, RATE_EDGE), 1 - RATE_EDGE)
        excess = fit_intercept(logits, rate)
        expected = expit(logits + excess)
        spread = float(np.mean(expected * (1 - expected))) / (rate * (1 - rate))
        return cls(start, len(logits), rate, excess, spread)

    @property
    def shrunk_excess(self) -> float:
        """Return the excess, shrunk by the sampling error of the rate of so few customers."""
        return self.excess * TYPICAL_SWING**2 / (TYPICAL_SWING**2 + self.sampling_variance)

    @property
    def sampling_variance(self) -> float:
        """Return the variance of the rate's log-odds that chance alone explains."""
        return 1 / max(self.customers * self.rate * (1 - self.rate), 1.0)


@dataclass(frozen=True)
class BaseRateForecast:
    """The forecast rate, the shift of the reference member's log-odds that gives it, and the shift's components.

    ``mean`` is the level that the trend has reached; ``trend`` is by how much it goes on.
    ``error`` is the forecast's standard deviation in log-odds of the rate; ``observed`` is the excess of the newest
    weeks; ``plain_rate_weight`` is what the series of plain rates counts, ``fixed_mix_weight`` the rule of thumb.
    """

    rate: float
    shift: float
    error: float
    mean: float
    trend: float
    season: float
    recent: float
    observed: float | None
    plain_rate_weight: float
    fixed_mix_weight: float
    by_cutoff: Mapping[datetime, float]


@dataclass(frozen=True)
class RateTask:
    """What a base rate forecast needs of the task."""

    history_start: datetime
    horizon: timedelta
    active: timedelta

    def years(self, moment: datetime) -> float:
        """Return the years from the start of the history."""
        return (moment - self.history_start) / YEAR

    def season_support(self, moment: datetime) -> float:
        """Return the share of an active window that the same season of last year had behind it."""
        return max(0.0, (moment - YEAR - self.history_start) / self.active)


def fit_intercept(logits: Floats, rate: float) -> float:
    """Return what to add to the log-odds so that their mean probability is ``rate``."""
    rate = min(max(rate, RATE_EDGE), 1 - RATE_EDGE)
    return float(brentq(lambda step: expit(logits + step).mean() - rate, -MAX_SHIFT - 20, MAX_SHIFT + 20))


def forecast_base_rate(
    rates: Sequence[ObservedRate],
    logits: Floats,
    moment: datetime,
    task: RateTask,
    newest_weeks: ObservedRate | None = None,
) -> BaseRateForecast:
    """Forecast the rate of the customers with these reference ``logits`` at ``moment``."""
    excesses = _Series.of(rates, task, [each.excess for each in rates], np.array([each.spread for each in rates]))
    plain_rates = _Series.of(rates, task, [float(logit(each.rate)) for each in rates], np.ones(len(rates)))
    series = (excesses.with_newest_weeks(newest_weeks, moment, task), plain_rates)
    scores = np.stack([each.past_scores(task) for each in series])
    scores[1] += _misfit(rates) - PLAIN_RATE_PENALTY
    weights = softmax(scores, axis=1)
    shares = softmax(logsumexp(scores, axis=1))
    forecasts = [each.forecast(task.years(moment), task) for each in series]
    excess, plain = (_mixture(found, weight) for found, weight in zip(forecasts, weights, strict=True))
    process = float(shares @ (excess.mean, fit_intercept(logits, float(expit(plain.mean)))))
    rule_weight = 1 / (1 + max(1.0, excesses.evaluated_horizons(task)))
    # The rule follows the plain rates as far as the history, not the penalty alone, has spoken for them.
    undecided = float(expit(-PLAIN_RATE_PENALTY))
    confirmed = max(0.0, (float(shares[1]) - undecided) / (1 - undecided))
    of_plain = fit_intercept(logits, float(expit(_fixed_mix_of_plain_rates(rates, moment, task))))
    rule = (1 - confirmed) * _fixed_mix(rates, moment, task, newest_weeks) + confirmed * of_plain
    trust = _trust(rates, task)
    shift = trust * ((1 - rule_weight) * process + rule_weight * rule)
    own_parts = trust * (1 - rule_weight) * shares @ np.array([excess.parts, plain.parts])
    parts = dict(zip(COMPONENTS, own_parts, strict=True))
    recent = float(parts["walk"] + parts["brief"])
    spread = ObservedRate.of(moment, logits, float(expit(logits + shift).mean())).spread
    disagreement = rule_weight * (1 - rule_weight) * ((process - rule) * spread) ** 2
    return BaseRateForecast(
        rate=float(expit(logits + shift).mean()),
        shift=shift,
        error=float(np.sqrt(shares @ (excess.variance * spread**2, plain.variance) + disagreement)),
        mean=shift - float(parts["trend"] + parts["season"]) - recent,
        trend=float(parts["trend"]),
        season=float(parts["season"]),
        recent=recent,
        observed=newest_weeks.excess if newest_weeks else None,
        plain_rate_weight=float(shares[1]),
        fixed_mix_weight=rule_weight,
        by_cutoff={each.start: each.excess for each in rates},
    )


def _trust(rates: Sequence[ObservedRate], task: RateTask) -> float:
    """Return how much of a shift is kept: less where few customers in few horizons could show one by chance."""
    starts = [each.start for each in rates]
    horizons = (max(starts) - min(starts)) / task.horizon + 1
    chance = float(np.mean([each.sampling_variance for each in rates])) / horizons
    return USUAL_SHIFT**2 / (USUAL_SHIFT**2 + chance)


def _misfit(rates: Sequence[ObservedRate]) -> float:
    """Return the log-likelihood lost by an excess that a reference member of this history should not have."""
    squares = np.mean([each.excess**2 - each.sampling_variance for each in rates])
    return max(0.0, float(squares)) / (2 * EXCESS_SCALE**2)


def _fixed_mix(
    rates: Sequence[ObservedRate], moment: datetime, task: RateTask, newest_weeks: ObservedRate | None
) -> float:
    return fixed_mix(
        {each.start: each.shrunk_excess for each in rates},
        moment,
        horizon=task.horizon,
        support=task.season_support(moment),
        newest_weeks=newest_weeks.shrunk_excess if newest_weeks else None,
    )


def _fixed_mix_of_plain_rates(rates: Sequence[ObservedRate], moment: datetime, task: RateTask) -> float:
    """Return the same of the log-odds of the rates, around their mean; the newest weeks have no rate of a horizon."""
    levels = {each.start: float(logit(each.rate)) for each in rates}
    mean = float(np.mean(list(levels.values())))
    apart = {start: level - mean for start, level in levels.items()}
    support = task.season_support(moment)
    return mean + fixed_mix(apart, moment, horizon=task.horizon, support=support, newest_weeks=None)


@dataclass(frozen=True)
class _Mixture:
    """A forecast over all hyperparameters: mean, variance, and each component's part."""

    mean: float
    variance: float
    parts: Floats


def _mixture(found: LevelForecast, weight: Floats) -> _Mixture:
    mean = float(weight @ found.mean)
    variance = float(weight @ (found.variance + (found.mean - mean) ** 2))
    return _Mixture(mean, variance, np.array([weight @ found.parts[name] for name in COMPONENTS]))


@dataclass(frozen=True)
class _Series:
    """A series of levels: ``judged`` windows are a horizon long, and ``spread`` turns their levels into log-odds."""

    windows: RateWindows
    judged: int
    spread: Floats

    @classmethod
    def of(cls, rates: Sequence[ObservedRate], task: RateTask, values: Sequence[float], spread: Floats) -> "_Series":
        """Return the series of the cutoffs' ``values``."""
        windows = RateWindows(
            start=np.array([task.years(each.start) for each in rates]),
            length=np.full(len(rates), task.horizon / YEAR),
            value=np.array(values),
            variance=np.array([each.sampling_variance for each in rates]) + REFERENCE_ERROR**2,
        )
        return cls(windows, len(rates), spread)

    def with_newest_weeks(self, weeks: ObservedRate | None, moment: datetime, task: RateTask) -> "_Series":
        """Add the weeks before ``moment``."""
        if weeks is None:
            return self
        own = (
            task.years(weeks.start),
            (moment - weeks.start) / YEAR,
            weeks.excess,
            weeks.sampling_variance + WEEKS_ERROR**2 * (task.horizon / YEAR),
        )
        windows = RateWindows(*(np.r_[values, one] for values, one in zip(self.windows.columns, own, strict=True)))
        return replace(self, windows=windows)

    def forecast(self, start: float, task: RateTask) -> LevelForecast:
        """Forecast from the windows whose outcome was known at ``start``."""
        known = self.windows.take(np.flatnonzero(self.windows.end <= start + MOMENT))
        return forecast_level(known, start, task.horizon / YEAR, start_up_years=task.active / YEAR / 2)

    def past_scores(self, task: RateTask) -> Floats:
        """Return each set of hyperparameters' log-likelihood of the past levels, each forecast from what was known.

        Outcomes of cutoffs closer than a horizon overlap, so they count as fewer.
        """
        total, places = np.zeros(len(PARAMETERS)), self._evaluated_rows()
        for place in places:
            found = self.forecast(float(self.windows.start[place]), task)
            variance = (found.variance + self.windows.variance[place]) * self.spread[place] ** 2
            error = (found.mean - self.windows.value[place]) * self.spread[place]
            total -= (error**2 / variance + np.log(variance)) / 2
        return np.asarray(total * min(1.0, self.evaluated_horizons(task) / max(len(places), 1)))

    def evaluated_horizons(self, task: RateTask) -> float:
        """Return how many horizons, one after the other, the past forecasts that can be judged cover."""
        starts = self.windows.start[self._evaluated_rows()]
        return float(np.ptp(starts)) / (task.horizon / YEAR) + 1 if len(starts) else 0.0

    def _evaluated_rows(self) -> list[int]:
        """Return the cutoffs at whose date the outcome of an earlier one was known."""
        starts = self.windows.start[: self.judged]
        return [place for place, start in enumerate(starts) if (self.windows.end <= start + MOMENT).any()]
