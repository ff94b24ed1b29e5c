"""Which target can be trained at which horizon, and which data are still needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rapport.durations import Duration, parse_duration
from rapport.history.checks.finding import message
from rapport.history.reading.history import History
from rapport.history.sql import literal
from rapport.localized import LocalizedText

# Below these numbers the error of the evaluation is larger than a model's possible gain over a baseline.
ENOUGH_CUSTOMERS = 300
ENOUGH_OUTCOMES = 50
USUAL_HORIZONS = ("1mo", "3mo", "6mo", "12mo")
_MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class Readiness:
    """One target at one horizon: the customers and outcomes at the last cutoff with known outcomes.

    ``verdict`` is ``yes`` (train, and validate on later data), ``weak`` (train, with little to validate on) or ``no``.
    """

    target: str
    horizon: str
    cutoff: datetime
    customers: int
    outcomes: int
    months: float
    months_needed: float
    needs: tuple[LocalizedText, ...]
    verdict: str

    @property
    def rate(self) -> float | None:
        """Return the share of the customers with the outcome."""
        return self.outcomes / self.customers if self.customers else None


def readiness(history: History, as_of: datetime) -> list[Readiness]:
    """Return the readiness at the usual horizons and at the configured one."""
    horizons = dict.fromkeys((*USUAL_HORIZONS, history.settings.horizon))
    durations = sorted((parse_duration(written) for written in horizons), key=_days)
    return [each for target in ("churn", "conversion") for each in _of_target(history, target, durations, as_of)]


def _of_target(history: History, target: str, horizons: Sequence[Duration], as_of: datetime) -> list[Readiness]:
    tables = ("orders", "contracts") if target == "churn" else ("orders", "touches", "interactions", "opportunities")
    firsts = [history.loaded[name].time_range[0] for name in tables if name in history.loaded]
    start = min((first for first in firsts if first is not None), default=as_of)
    return [_readiness_at(history, target, horizon, start, as_of) for horizon in horizons]


def _readiness_at(history: History, target: str, horizon: Duration, start: datetime, as_of: datetime) -> Readiness:
    cutoff = horizon.before(as_of)
    customers, outcomes = _count(history, target, cutoff, as_of)
    months = max((as_of - start).days / _MONTH_DAYS, 0.0)
    # One horizon for features, one between training and validation, one for the outcome.
    needed = 3 * _days(horizon) / _MONTH_DAYS
    rule = history.settings.churn
    eligible = rule if target == "churn" and rule != "orders" else target
    needs = [
        *_missing_months(months, needed),
        *_missing_count(customers, ENOUGH_CUSTOMERS, f"{eligible}.eligible"),
    ]
    if customers:
        needs += _missing_count(outcomes, ENOUGH_OUTCOMES, f"{target}.outcome")
        needs += _missing_count(customers - outcomes, ENOUGH_OUTCOMES, f"{target}.no_outcome")
    possible = months >= needed * 2 / 3 and min(outcomes, customers - outcomes) >= ENOUGH_OUTCOMES / 5
    verdict = "yes" if not needs else "weak" if possible else "no"
    return Readiness(
        target, str(horizon), cutoff, customers, outcomes, round(months, 1), round(needed, 1), tuple(needs), verdict
    )


def _missing_count(count: int, enough: int, what: str) -> list[LocalizedText]:
    return [message("need.count", enough=enough, what=message(what), count=count)] if count < enough else []


def _missing_months(months: float, needed: float) -> list[LocalizedText]:
    return [message("need.months", needed=needed, months=months)] if months < needed - 0.1 else []


def _days(duration: Duration) -> float:
    return duration.months * _MONTH_DAYS + duration.days


def _count(history: History, target: str, cutoff: datetime, end: datetime) -> tuple[int, int]:
    """Return how many were eligible at the cutoff, and how many of them had the outcome by the end."""
    active = parse_duration(history.settings.active_window).before(cutoff)
    by_rule = {"contracts": _CONTRACTS, "subscriptions": _SUBSCRIPTIONS}
    sql = by_rule.get(history.settings.churn, _CHURN) if target == "churn" else _CONVERSION
    grace = parse_duration(history.settings.grace)
    moments = {"active": active, "cutoff": cutoff, "end": end}
    for name, moment in moments.items():
        sql = sql.replace(f":{name}", f"TIMESTAMP {literal(moment.isoformat(' '))}")
    sql = sql.replace(":grace", f"INTERVAL '{grace.months} months {grace.days} days'")
    eligible, outcomes = history.connection.execute(sql).fetchall()[0]
    return int(eligible or 0), int(outcomes or 0)


_CHURN = """
SELECT count(*), count(*) FILTER (NOT again) FROM (
    SELECT customer_id, bool_or(ordered_at >= :cutoff AND ordered_at < :end) AS again
    FROM orders WHERE amount > 0 AND ordered_at >= :active GROUP BY customer_id
    HAVING bool_or(ordered_at < :cutoff))
"""

_CONTRACTS = """
SELECT count(*), count(*) FILTER (NOT kept) FROM (
    SELECT old.customer_id, bool_or(
        old.renewed_at < old.ends_at + :grace
        OR EXISTS (FROM contracts AS new WHERE new.customer_id = old.customer_id
                   AND new.started_at > old.started_at AND new.started_at < old.ends_at + :grace
                   AND new.ends_at > old.ends_at)) IS TRUE AS kept
    FROM contracts AS old
    WHERE old.started_at < :cutoff AND old.ends_at >= :cutoff AND old.ends_at < :end
    GROUP BY old.customer_id)
"""

_SUBSCRIPTIONS = """
SELECT count(*), count(*) FILTER (NOT kept) FROM (
    SELECT customer_id, bool_or(started_at < :end AND coalesce(cancelled_at >= :end, true)) AS kept
    FROM contracts GROUP BY customer_id
    HAVING bool_or(started_at < :cutoff AND coalesce(cancelled_at >= :cutoff, true)))
"""

_CONVERSION = """
WITH seen AS (
    SELECT customer_id, created_at AS moment FROM customers WHERE created_at IS NOT NULL
    UNION ALL SELECT customer_id, occurred_at FROM touches
    UNION ALL SELECT customer_id, occurred_at FROM interactions),
fresh AS (SELECT DISTINCT customer_id FROM seen WHERE moment >= :active AND moment < :cutoff),
bought AS (
    SELECT customer_id, min(ordered_at) AS first FROM orders WHERE amount > 0 GROUP BY customer_id),
won AS (
    SELECT DISTINCT customer_id FROM opportunities WHERE won AND closed_at >= :cutoff AND closed_at < :end),
closed AS (
    SELECT customer_id FROM opportunities WHERE opened_at < :cutoff GROUP BY customer_id
    HAVING bool_and(closed_at IS NOT NULL AND closed_at < :cutoff))
SELECT count(*), count(*) FILTER (first < :end OR customer_id IN (FROM won))
FROM fresh LEFT JOIN bought USING (customer_id)
WHERE (first IS NULL OR first >= :cutoff) AND customer_id NOT IN (FROM closed)
"""
