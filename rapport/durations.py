"""Spans of time as people write them: 12mo, 180d."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from rapport.errors import SettingsError

_WRITTEN = re.compile(r"(\d{1,4})(mo|d|w|y)")
_MEASURES = {"mo": (1, 0), "y": (12, 0), "d": (0, 1), "w": (0, 7)}


@dataclass(frozen=True)
class Span:
    """Some calendar months, or some days."""

    months: int = 0
    days: int = 0

    def after(self, moment: datetime) -> datetime:
        """Return the moment this span later; a day beyond the month's end becomes its last day."""
        return _shifted(moment, self.months) + timedelta(days=self.days)

    def before(self, moment: datetime) -> datetime:
        """Return the moment this span earlier; a day beyond the month's end becomes its last day."""
        return _shifted(moment, -self.months) - timedelta(days=self.days)

    def __str__(self) -> str:
        return f"{self.months}mo" if self.months else f"{self.days}d"


def parse_span(written: str) -> Span:
    """Read a span such as ``12mo``, ``180d``, ``26w`` or ``1y``."""
    match = _WRITTEN.fullmatch(written.strip().lower())
    if match is None or int(match[1]) == 0:
        raise SettingsError(
            f"{written!r} is not a span of time. Write months, days, weeks or years: 12mo, 180d, 26w, 1y."
        )
    months, days = _MEASURES[match[2]]
    return Span(months=int(match[1]) * months, days=int(match[1]) * days)


def _shifted(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
