"""The calendar of the simulated company: busy days, and the distribution of events within a month."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]
Flags = NDArray[np.bool_]

# The simulated history always ends here, so that a seed gives the same files on any day.
END = np.datetime64("2026-11-01")
HORIZON = 12

NEW_YEARS = np.array(
    [
        "2011-02-03", "2012-01-23", "2013-02-10", "2014-01-31", "2015-02-19", "2016-02-08",
        "2017-01-28", "2018-02-16", "2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01",
        "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06",
    ],
    dtype="datetime64[D]",
)  # fmt: skip


@dataclass(frozen=True)
class Calendar:
    """``months`` months that end at ``END``, and the horizon after them."""

    months: int

    @cached_property
    def starts(self) -> Times:
        """Return the first day of every month of the history, and of the horizon after it."""
        last = END.astype("datetime64[M]")
        return np.arange(last - self.months, last + HORIZON + 1).astype("datetime64[D]")

    @cached_property
    def season(self) -> Floats:
        """Return the relative activity of each month; the mean is 1."""
        days = self._days_before
        busy = np.diff(self._cumulative_activity[days])
        return np.asarray(busy / busy.mean())

    def moments(self, rng: np.random.Generator, month: Ints) -> Times:
        """Draw a working time for each month, on busy days more often."""
        low, high = (
            self._cumulative_activity[self._days_before[month]],
            self._cumulative_activity[self._days_before[month + 1]],
        )
        drawn = low + (high - low) * rng.random(len(month))
        day = np.searchsorted(self._cumulative_activity, drawn, side="right") - 1
        return self._at(rng, self.starts[0] + day)

    @staticmethod
    def later(times: Times, days: Floats) -> Times:
        """Return the times plus ``days``, which may be fractional; never earlier."""
        whole: Times = times + (np.maximum(days, 0.01) * 86_400).astype("timedelta64[s]").astype("timedelta64[us]")
        return whole

    def _at(self, rng: np.random.Generator, days: Times) -> Times:
        seconds = (8.5 + 10 * rng.beta(2.0, 2.2, len(days))) * 3_600
        moments: Times = days.astype("datetime64[us]") + seconds.astype("timedelta64[s]").astype("timedelta64[us]")
        return moments

    @cached_property
    def _days_before(self) -> Ints:
        return np.asarray((self.starts - self.starts[0]).astype(np.int64))

    @cached_property
    def _cumulative_activity(self) -> Floats:
        days = np.arange(self.starts[0], self.starts[-1])
        return np.concatenate([np.zeros(1), np.cumsum(_day_weights(days))])


def _day_weights(days: Times) -> Floats:
    """Return the activity of each day: weekends, Chinese New Year, National Day, ends of quarters."""
    weight = np.ones(len(days))
    weekday = (days.astype(np.int64) + 3) % 7
    weight[weekday >= 5] = 0.12
    month = days.astype("datetime64[M]")
    number = month.astype(np.int64) % 12 + 1
    left = ((month + 1).astype("datetime64[D]") - days).astype(np.int64)
    weight[(number % 3 == 0) & (left <= 8)] *= 1.7
    weight[number == 8] *= 0.85
    weight[(number == 10) & ((days - month.astype("datetime64[D]")).astype(np.int64) < 7)] *= 0.3
    gap = (days[:, None] - NEW_YEARS[None, :]).astype(np.int64)
    weight[((gap >= -7) & (gap <= 11)).any(axis=1)] *= 0.22
    return weight
