"""Durations in calendar months or days, written as 12mo or 180d."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from rapport.errors import SettingsError

_PATTERN = re.compile(r"(\d{1,4})(mo|d|w|y)")
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
        count, unit, chinese = (self.months, "month", "个月") if self.months else (self.days, "day", "天")
        return f"{count} {chinese}" if language == "zh" else f"{count} {unit}{'s' * (count != 1)}"

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
