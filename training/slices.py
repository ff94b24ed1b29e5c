"""Choose the moments to learn from: the newest whose outcome is known, and others spread over the history."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rapport.history import History

from rapport.durations import Span
from rapport.errors import TrainingError

MANY = 14
NEWEST = 3
# Slices with less history than the horizon were worse than none on every history tried; a little less is as good.
ENOUGH = 0.9
LEAST = 0.25
BEGINNINGS = {
    "churn": (("orders", "ordered_at"), ("contracts", "started_at")),
    "conversion": (("customers", "created_at"), ("touches", "occurred_at"), ("orders", "ordered_at")),
}


@dataclass(frozen=True)
class Slices:
    """Cutoffs, newest first: ``newest`` lie close together, ``spread`` reach back evenly over the history."""

    newest: tuple[datetime, ...]
    spread: tuple[datetime, ...]
    begin: datetime

    @property
    def every(self) -> tuple[datetime, ...]:
        """Return all cutoffs, newest first."""
        return tuple(sorted({*self.newest, *self.spread}, reverse=True))

    def known_at(self, moment: datetime, horizon: Span) -> "Slices | None":
        """Keep the cutoffs whose outcome was known at ``moment``; nothing where there are none."""
        known = tuple(cutoff for cutoff in self.every if horizon.after(cutoff) <= moment)
        if not known:
            return None
        spread = tuple(cutoff for cutoff in self.spread if cutoff in known)
        return Slices(known[:NEWEST], spread or known[:1], self.begin)


def slices(begin: datetime, as_of: datetime, horizon: Span) -> Slices:
    """Lay cutoffs between ``begin``, where the history starts, and the last one whose outcome is known by ``as_of``."""
    last = horizon.before(as_of)
    ahead = as_of - last
    if last - begin < ahead * LEAST:
        raise TrainingError(
            f"The history begins on {begin:%Y-%m-%d}. To learn what happens within {horizon} as of {as_of:%Y-%m-%d}, "
            f"it must reach back to {last - ahead * LEAST:%Y-%m-%d} at least. "
            "Give an older history or a shorter horizon."
        )
    close = _whole_days(ahead / 12, 3, 30)
    newest = tuple(last - close * place for place in range(NEWEST))
    oldest = min(begin + ahead * ENOUGH, last)
    step = _whole_days((last - oldest) / (MANY - 1), 3, 92)
    spread = tuple(last - step * place for place in range(MANY))
    return Slices(_not_before(oldest, newest), _not_before(oldest, spread), begin)


def validation(plan: Slices, horizon: Span, as_of: datetime) -> tuple[datetime, ...]:
    """Return the later slices on which parts fitted on earlier ones are judged; none if the history is too short."""
    ahead = as_of - horizon.before(as_of)
    late = [cutoff for cutoff in plan.every if plan.every[0] - cutoff <= ahead / 2]
    chosen = late[:: max(1, len(late) // 2)][:3]
    while chosen and plan.known_at(chosen[-1], horizon) is None:
        chosen.pop()
    return tuple(chosen)


def begin_of(history: History, target: str) -> datetime:
    """Return when the history starts in earnest: one row in a thousand may be older."""
    for table, time in BEGINNINGS[target]:
        if history.rows.get(table) and time in history.present[table]:
            found = history.connection.execute(f"SELECT quantile_disc({time}, 0.001) FROM {table}").fetchall()
            if found[0][0] is not None:
                begin: datetime = found[0][0]
                return begin
    names = " nor ".join(table for table, _ in BEGINNINGS[target])
    raise TrainingError(f"The history has no dated rows in {names}, so there is nothing to learn {target} from.")


def _not_before(oldest: datetime, cutoffs: tuple[datetime, ...]) -> tuple[datetime, ...]:
    return tuple(cutoff for cutoff in cutoffs if cutoff >= oldest) or cutoffs[:1]


def _whole_days(step: timedelta, least: int, most: int) -> timedelta:
    days = int(min(max(step.total_seconds() / 86400, least), most))
    # Whole weeks keep the weekday, and with it how fresh Monday's orders are.
    return timedelta(days=days if days < 7 else days - days % 7)
