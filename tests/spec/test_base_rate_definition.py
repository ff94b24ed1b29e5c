"""The base rate forecast is held to its definition, written out around the process and the rule of thumb."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

from rapport.training.stacking.base_rate import ObservedRate, RateTask, forecast_base_rate
from rapport.training.stacking.fixed_mix import fixed_mix
from rapport.training.stacking.rate_process import RateWindows, forecast_level

NOW = datetime(2026, 1, 1)
YEAR = timedelta(days=365.25)
HORIZON, ACTIVE = timedelta(days=90), timedelta(days=365)
LOGITS = np.random.default_rng(4).normal(-0.4, 1.1, 900)
COMPONENTS = ("trend", "walk", "season", "brief")


def _needed_shift(logits, rate):
    """Return what to add to the log-odds so that their mean probability is ``rate``."""
    return brentq(lambda step: np.mean(expit(logits + step)) - rate, -30, 30)


def _chance(observed):
    """Return the variance of the log-odds of a rate by chance."""
    return 1 / max(observed.customers * observed.rate * (1 - observed.rate), 1.0)


def _spread(logits):
    """Return how far the log-odds of the mean move for a shift of 1 in every customer's."""
    each, mean = expit(logits), np.mean(expit(logits))
    return np.mean(each * (1 - each)) / (mean * (1 - mean))


class _Series:
    """One of the two series: its windows, and the weights of the parameter sets by past forecasts."""

    def __init__(self, rates, values, spreads, start, weeks=None):
        self.years = [(each.start - start) / YEAR for each in rates]
        self.length, self.values, self.spreads = HORIZON / YEAR, values, spreads
        self.variances = [_chance(each) + 0.03**2 for each in rates]
        self.rows = list(zip(self.years, [self.length] * len(rates), values, self.variances, strict=True))
        if weeks is not None:
            error = _chance(weeks) + 0.3**2 * self.length
            self.rows.append(((weeks.start - start) / YEAR, (NOW - weeks.start) / YEAR, weeks.excess, error))

    def forecast(self, at):
        known = [row for row in self.rows if row[0] + row[1] <= at + 1e-7]
        windows = RateWindows(*(np.array(column) for column in zip(*known, strict=True)))
        return forecast_level(windows, at, self.length, start_up_years=ACTIVE / YEAR / 2)

    def judged(self):
        return [place for place, at in enumerate(self.years) if any(row[0] + row[1] <= at + 1e-7 for row in self.rows)]

    def horizons(self):
        at = [self.years[place] for place in self.judged()]
        return (max(at) - min(at)) / self.length + 1 if at else 0.0

    def scores(self):
        judged = self.judged()
        total = 0.0
        for place in judged:
            found = self.forecast(self.years[place])
            variance = (found.variance + self.variances[place]) * self.spreads[place] ** 2
            error = (found.mean - self.values[place]) * self.spreads[place]
            total = total - 0.5 * error**2 / variance - 0.5 * np.log(variance)
        return total * min(1.0, self.horizons() / max(len(judged), 1)) + np.zeros(54)


def _rule_by_hand(rates, weeks, start, confirmed):
    """Return the rule of thumb's shift: of the excess, and of the plain rates as far as they are confirmed."""
    support = max(0.0, (NOW - YEAR - start) / ACTIVE)
    plain_levels = {each.start: logit(each.rate) for each in rates}
    middle = np.mean(list(plain_levels.values()))
    apart = {at: level - middle for at, level in plain_levels.items()}
    shrunk = {each.start: each.excess * 0.2**2 / (0.2**2 + _chance(each)) for each in rates}
    weeks_shrunk = weeks.excess * 0.2**2 / (0.2**2 + _chance(weeks)) if weeks else None
    by_excess = fixed_mix(shrunk, NOW, horizon=HORIZON, support=support, newest_weeks=weeks_shrunk)
    by_rate = middle + fixed_mix(apart, NOW, horizon=HORIZON, support=support, newest_weeks=None)
    return (1 - confirmed) * by_excess + confirmed * _needed_shift(LOGITS, expit(by_rate))


def _by_hand(rates, weeks, start):
    excess = _Series(rates, [each.excess for each in rates], [each.spread for each in rates], start, weeks)
    plain = _Series(rates, [logit(each.rate) for each in rates], [1.0] * len(rates), start)
    squares = np.mean([each.excess**2 - _chance(each) for each in rates])
    scores = [excess.scores(), plain.scores() + max(0.0, squares) / (2 * 0.7**2) - 0.3]
    likelihood = np.exp(np.array(scores) - np.max(scores))
    shares = likelihood.sum(axis=1) / likelihood.sum()
    levels, variances, parts = [], [], []
    for series, weight in zip((excess, plain), likelihood / likelihood.sum(axis=1, keepdims=True), strict=True):
        found = series.forecast((NOW - start) / YEAR)
        level = weight @ found.mean
        levels.append(level)
        variances.append(weight @ (found.variance + (found.mean - level) ** 2))
        parts.append([weight @ found.parts[name] for name in COMPONENTS])
    process = shares @ [levels[0], _needed_shift(LOGITS, expit(levels[1]))]
    rule_weight = 1 / (1 + max(1.0, excess.horizons()))
    even = expit(-0.3)
    confirmed = max(0.0, (shares[1] - even) / (1 - even))
    rule = _rule_by_hand(rates, weeks, start, confirmed)
    span = (max(each.start for each in rates) - min(each.start for each in rates)) / HORIZON + 1
    trust = 0.3**2 / (0.3**2 + np.mean([_chance(each) for each in rates]) / span)
    shift = trust * ((1 - rule_weight) * process + rule_weight * rule)
    own = dict(zip(COMPONENTS, trust * (1 - rule_weight) * (shares @ np.array(parts)), strict=True))
    spread = _spread(LOGITS + shift)
    apart_squared = rule_weight * (1 - rule_weight) * ((process - rule) * spread) ** 2
    return {
        "shift": shift,
        "rate": np.mean(expit(LOGITS + shift)),
        "error": np.sqrt(shares @ [variances[0] * spread**2, variances[1]] + apart_squared),
        "trend": own["trend"],
        "season": own["season"],
        "recent": own["walk"] + own["brief"],
        "plain_rate_weight": shares[1],
        "fixed_mix_weight": rule_weight,
    }


def _rates(days, customers, excess, seed):
    generator = np.random.default_rng(seed)
    found = []
    for day in days:
        logits = generator.normal(-0.4, 1.0, customers)
        rate = float(expit(logits + excess(day) + 0.1 * generator.normal()).mean())
        found.append(ObservedRate.of(NOW - timedelta(days=day), logits, rate))
    return found


@pytest.mark.parametrize("weeks", [None, ObservedRate(NOW - timedelta(days=15), 300, 0.7, 0.45)])
@pytest.mark.parametrize(
    ("days", "customers", "excess", "years"),
    [
        (range(90, 1100, 45), 400, lambda day: 0.5 - day / 2_000, 3.4),
        (range(90, 1100, 90), 60, lambda day: 0.7 * np.sin(day / 58), 3.4),
        # A reference that is far off: the plain rates count for more.
        (range(90, 500, 60), 250, lambda _: 1.4, 1.6),
        # Nothing past can be judged yet.
        (range(90, 150, 20), 80, lambda _: -0.3, 0.9),
    ],
)
def test_the_forecast_is_its_definition(days, customers, excess, years, weeks):
    rates = _rates(days, customers, excess, seed=len(days))
    start = NOW - years * YEAR
    found = forecast_base_rate(rates, LOGITS, NOW, RateTask(start, HORIZON, ACTIVE), weeks)
    expected = _by_hand(rates, weeks, start)
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-6)
    assert found.mean + found.trend + found.season + found.recent == pytest.approx(found.shift)
    assert found.observed == (weeks.excess if weeks else None)


def test_an_observed_rate_is_compared_with_the_reference_and_kept_off_the_edges():
    found = ObservedRate.of(NOW, LOGITS, 0.3)
    assert np.mean(expit(LOGITS + found.excess)) == pytest.approx(0.3)
    assert (found.customers, found.spread) == (900, pytest.approx(_spread(LOGITS + found.excess)))
    assert found.sampling_variance == pytest.approx(1 / (900 * 0.3 * 0.7))
    assert [ObservedRate.of(NOW, LOGITS, rate).rate for rate in (0.0, 1.0)] == [1e-4, 1 - 1e-4]
    assert ObservedRate(NOW, 2, 0.5, 1.0).sampling_variance == 1.0
