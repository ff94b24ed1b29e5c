"""Durations in calendar months or days, written as 12mo or 180d."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from rapport.errors import SettingsError
from rapport.localized import LocalizedText, fill, localize

_PATTERN = re.compile(r"(\d{1,4})(mo|d|w|y)")
_MONTHS = LocalizedText("{n} {n:month|months}", "{n} 个月"), LocalizedText("{n}-month", "{n} 个月")
_DAYS = LocalizedText("{n} {n:day|days}", "{n} 天"), LocalizedText("{n}-day", "{n} 天")
"""A duration as a noun, and before another noun."""
_UNITS = {"mo": (1, 0), "y": (12, 0), "d": (0, 1), "w": (0, 7)}


@dataclass(frozen=True)
class Duration:
    """A number of calendar months, or of days."""

    months: int = 0
    days: int = 0

    def after(self, moment: datetime) -> datetime:
        """Return ``moment`` plus this duration; a day beyond the end of the month becomes its last day."""
        return _shifted(moment, self.months) + timedelta(days=self.days)

    def before(self, moment: datetime) -> datetime:
        """Return ``moment`` minus this duration; a day beyond the end of the month becomes its last day."""
        return _shifted(moment, -self.months) - timedelta(days=self.days)

    def in_words(self, language: str) -> str:
        """Return the duration as a noun: "90 days", "1 month", "90 天"."""
        return self._written(0, language)

    def as_modifier(self, language: str) -> str:
        """Return the duration as it stands before a noun: "90-day", "12-month", "90 天"."""
        return self._written(1, language)

    def _written(self, form: int, language: str) -> str:
        texts, count = (_MONTHS, self.months) if self.months else (_DAYS, self.days)
        return fill(localize(texts[form], language), language, {"n": count})

    def __str__(self) -> str:
        return f"{self.months}mo" if self.months else f"{self.days}d"


def parse_duration(written: str | Duration) -> Duration:
    """Read a duration such as ``12mo``, ``180d``, ``26w`` or ``1y``; one that was read stays as it is."""
    if isinstance(written, Duration):
        return written
    match = _PATTERN.fullmatch(written.strip().lower())
    if match is None or int(match[1]) == 0:
        raise SettingsError(f"{written!r} is not a duration. Write months, days, weeks or years: 12mo, 180d, 26w, 1y.")
    months, days = _UNITS[match[2]]
    return Duration(months=int(match[1]) * months, days=int(match[1]) * days)


def _shifted(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
