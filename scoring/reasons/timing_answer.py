"""When, in an answer: the chance at each requested horizon, and the expected date with its interval."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.errors import SettingsError
from rapport.localized import localize
from rapport.scoring.messages import MESSAGES
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.timing.event_timing import MONTHS, EventTiming
from rapport.scoring.reasons.answer_fields import TimingFields, TimingPointFields

MONTHLY = tuple(Duration(months=month) for month in range(1, MONTHS + 1))
MAX_HORIZONS = 24
_DATES = ("expected_from", "expected_date", "expected_to")


def parse_horizons(written: Sequence[str]) -> tuple[Duration, ...]:
    """Read the requested horizons; SettingsError where one is too long or there are too many."""
    found = tuple(dict.fromkeys(parse_duration(each) for each in written))
    start = datetime(2001, 1, 1)  # noqa: DTZ001 - only a length is measured
    longest = Duration(months=MONTHS).after(start)
    if too_long := [str(each) for each in found if each.after(start) > longest]:
        raise SettingsError(f"{', '.join(too_long)}: a horizon has at most {MONTHS} months. Write a shorter one.")
    if len(found) > MAX_HORIZONS:
        raise SettingsError(f"{len(found)} horizons are too many. Write at most {MAX_HORIZONS}.")
    return found


def horizon_days(batch: ScoreBatch) -> float:
    """Return the days from the cutoff of these scores to the end of the model's horizon."""
    return _days(parse_duration(batch.bundle.horizon), batch.as_of)


def describe_timings(
    batch: ScoreBatch, rows: Sequence[int], language: str, horizons: Sequence[Duration] = MONTHLY
) -> list[TimingFields | None]:
    """Return when the event of each of these rows comes; None for a customer without a probability."""
    known = [row for row in rows if batch.eligible[row]]
    timing = batch.bundle.timing
    if timing is None:
        unknown: TimingFields = {
            "event": None,
            "meaning": "",
            "curve": [],
            "note": localize(MESSAGES.texts["timing.none"], language),
            "expected_from": None,
            "expected_date": None,
            "expected_to": None,
        }
        return [unknown if batch.eligible[row] else None for row in rows]
    chances, some = timing_chances(batch, known, horizons), batch.take(np.array(known, dtype=np.intp))
    days = timing.expected_days(some.logit, some.rows, horizon_days(batch), batch.bundle.members)
    found = iter(zip(chances.tolist(), days.tolist(), strict=True))
    return [
        _described(timing, batch.as_of, language, horizons, next(found)) if batch.eligible[row] else None
        for row in rows
    ]


def _described(
    timing: EventTiming,
    as_of: datetime,
    language: str,
    horizons: Sequence[Duration],
    numbers: tuple[Sequence[float], Sequence[float]],
) -> TimingFields:
    chances, days = numbers
    curve: list[TimingPointFields] = [
        {
            "horizon": str(horizon),
            "date": horizon.after(as_of).date().isoformat(),
            "probability": chance,
            "extrapolated": is_extrapolated(timing, horizon, as_of),
        }
        for horizon, chance in zip(horizons, chances, strict=True)
    ]
    first, middle, last = ((as_of + timedelta(days=day)).date().isoformat() for day in days)
    return {
        "event": timing.event,
        "meaning": localize(MESSAGES.texts[f"timing.{timing.event}"], language),
        "curve": curve,
        "note": "",
        "expected_from": first,
        "expected_date": middle,
        "expected_to": last,
    }


def timing_columns(batch: ScoreBatch, horizons: Sequence[Duration]) -> dict[str, pa.Array]:
    """Return a column for each horizon, and the expected dates; null without a probability; refused without timing.

    The columns are ``probability_3mo`` and the like, ``expected_from``, ``expected_date`` and ``expected_to``.
    """
    timing = batch.bundle.timing
    if timing is None:
        raise SettingsError(f"--horizons: {MESSAGES.texts['timing.none'].en}")
    known = np.flatnonzero(batch.eligible)
    some = batch.take(known)
    days = timing.expected_days(some.logit, some.rows, horizon_days(batch), batch.bundle.members)
    found = {f"probability_{horizon}": np.full(len(batch), np.nan) for horizon in horizons}
    for name, chances in zip(found, timing_chances(batch, known.tolist(), horizons).T, strict=True):
        found[name][known] = chances
    columns = {name: pa.array(values, from_pandas=True) for name, values in found.items()}
    for name, ahead in zip(_DATES, days.T, strict=True):
        dates = np.full(len(batch), np.datetime64("NaT"), dtype="datetime64[D]")
        dates[known] = np.datetime64(batch.as_of.date()) + np.floor(ahead).astype("timedelta64[D]")
        columns[name] = pa.array(dates, from_pandas=True)
    return columns


def timing_chances(batch: ScoreBatch, rows: Sequence[int], horizons: Sequence[Duration]) -> Floats:
    """Return rows × horizons: the chance at each horizon, for eligible rows of a bundle that has timing."""
    timing, some = batch.bundle.timing, batch.take(np.array(rows, dtype=np.intp))
    assert timing is not None
    days = [_days(horizon, batch.as_of) for horizon in horizons]
    return timing.chances(some.logit, some.rows, days, horizon_days(batch), batch.bundle.members)


def is_extrapolated(timing: EventTiming, horizon: Duration, as_of: datetime) -> bool:
    """Return whether no past cutoff shows what happens so far ahead."""
    return _days(horizon, as_of) > timing.observed_days + 1.0


def _days(horizon: Duration, as_of: datetime) -> float:
    return (horizon.after(as_of) - as_of).total_seconds() / 86400
