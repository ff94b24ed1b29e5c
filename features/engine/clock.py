"""Days on the company's own clock: a cutoff as a day number and the time of day at which its days begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rapport.errors import SettingsError

DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the company's own clock, see LocalCutoff
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class LocalCutoff:
    """A cutoff in local time: its day since 1970, and the time of day at which days begin (microseconds)."""

    day: int
    day_start_us: int

    @classmethod
    def of(cls, when: datetime, timezone: str) -> LocalCutoff:
        """Convert ``when`` to the local time of ``timezone``."""
        since = local_time(when, timezone) - EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return cls(microseconds // DAY_US, microseconds % DAY_US)

    def day_of(self, when: datetime, timezone: str) -> int:
        """Return the day of another time, where days begin at this cutoff's time of day."""
        other = LocalCutoff.of(when, timezone)
        return other.day - (other.day_start_us < self.day_start_us)


def local_time(when: datetime, timezone: str) -> datetime:
    """Return ``when`` as local time of ``timezone``, without a zone; a naive time is local already."""
    return when.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) if when.tzinfo else when


def shared_day_start(cutoffs: Sequence[LocalCutoff]) -> int:
    """Return the time of day shared by all cutoffs (microseconds)."""
    starts = {cutoff.day_start_us for cutoff in cutoffs}
    if len(starts) > 1:
        raise SettingsError(
            "The cutoffs fall on different times of day. Give all cutoffs the same time of day, such as midnight."
        )
    return starts.pop()
