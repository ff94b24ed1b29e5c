"""Choose the training cutoffs: the most recent with a known outcome, and others spread over the history."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rapport.durations import Duration
from rapport.errors import TrainingError
from rapport.features.engine.clock import local_time
from rapport.history import History

HISTORICAL_CUTOFFS = 14
RECENT_CUTOFFS = 3
# Cutoffs with less history than one horizon made every model tried worse; 90 % of a horizon is as good.
PREFERRED_HISTORY = 0.9
MIN_HISTORY = 0.25
START_COLUMNS = {
    "churn": (("orders", "ordered_at"), ("contracts", "started_at")),
    "conversion": (
        ("customers", "created_at"),
        ("touches", "occurred_at"),
        ("orders", "ordered_at"),
        ("opportunities", "opened_at"),
    ),
}


@dataclass(frozen=True)
class CutoffSchedule:
    """Cutoffs, newest first: ``recent`` are close together, ``historical`` are spread evenly over the history."""

    recent: tuple[datetime, ...]
    historical: tuple[datetime, ...]
    start: datetime

    @property
    def all_cutoffs(self) -> tuple[datetime, ...]:
        """Return all cutoffs, newest first."""
        return tuple(sorted({*self.recent, *self.historical}, reverse=True))

    def known_at(self, moment: datetime, horizon: Duration) -> "CutoffSchedule | None":
        """Keep the cutoffs whose outcome was known at ``moment``; None if there are none."""
        known = tuple(cutoff for cutoff in self.all_cutoffs if horizon.after(cutoff) <= moment)
        if not known:
            return None
        historical = tuple(cutoff for cutoff in self.historical if cutoff in known)
        return CutoffSchedule(known[:RECENT_CUTOFFS], historical or known[:1], self.start)


def schedule_cutoffs(start: datetime, as_of: datetime, horizon: Duration) -> CutoffSchedule:
    """Place cutoffs between ``start`` of the history and the last one whose outcome is known at ``as_of``."""
    last = _latest_known(horizon, as_of)
    ahead = as_of - last
    if last - start < ahead * MIN_HISTORY:
        raise TrainingError(
            f"The history begins on {start:%Y-%m-%d}. To learn what happens within {horizon} as of {as_of:%Y-%m-%d}, "
            f"it must reach back to {last - ahead * MIN_HISTORY:%Y-%m-%d} at least. "
            "Give an older history or a shorter horizon."
        )
    recent_step = _whole_days(ahead / 12, 3, 30)
    recent = tuple(last - recent_step * index for index in range(RECENT_CUTOFFS))
    earliest = min(start + ahead * PREFERRED_HISTORY, last)
    step = _whole_days((last - earliest) / (HISTORICAL_CUTOFFS - 1), 3, 92)
    historical = tuple(last - step * index for index in range(HISTORICAL_CUTOFFS))
    return CutoffSchedule(_drop_before(earliest, recent), _drop_before(earliest, historical), start)


def validation_cutoffs(schedule: CutoffSchedule, horizon: Duration, as_of: datetime) -> tuple[datetime, ...]:
    """Return the latest cutoffs, used to validate models fitted on earlier ones; none if the history is too short."""
    ahead = as_of - horizon.before(as_of)
    late = [cutoff for cutoff in schedule.all_cutoffs if schedule.all_cutoffs[0] - cutoff <= ahead / 2]
    chosen = late[:: max(1, len(late) // 2)][:3]
    while chosen and schedule.known_at(chosen[-1], horizon) is None:
        chosen.pop()
    return tuple(chosen)


def history_start(history: History, target: str, as_of: datetime) -> datetime:
    """Return the start of what was known of the history at ``as_of``; one row in a thousand may be older."""
    before = local_time(as_of, history.settings.timezone)
    for table, time in START_COLUMNS[target]:
        if history.rows.get(table) and time in history.present[table]:
            known = f"{time} < $before AND (recorded_at IS NULL OR recorded_at < $before)"
            sql = f"SELECT quantile_disc({time}, 0.001) FROM {table} WHERE {known}"
            found = history.connection.execute(sql, {"before": before}).fetchall()
            if found[0][0] is not None:
                start: datetime = found[0][0]
                return start
    names = " nor ".join(table for table, _ in START_COLUMNS[target])
    raise TrainingError(f"The history has no dated rows in {names}, so there is nothing to learn {target} from.")


def _drop_before(earliest: datetime, cutoffs: tuple[datetime, ...]) -> tuple[datetime, ...]:
    return tuple(cutoff for cutoff in cutoffs if cutoff >= earliest) or cutoffs[:1]


def _latest_known(horizon: Duration, as_of: datetime) -> datetime:
    """Return the last whole day back from ``as_of`` whose outcome is known then: months and days do not commute."""
    last = horizon.before(as_of)
    while horizon.after(last) > as_of:
        last -= timedelta(days=1)
    return last


def _whole_days(step: timedelta, least: int, most: int) -> timedelta:
    days = int(min(max(step.total_seconds() / 86400, least), most))
    # Whole weeks keep the weekday, and with it how fresh Monday's orders are.
    return timedelta(days=days if days < 7 else days - days % 7)
