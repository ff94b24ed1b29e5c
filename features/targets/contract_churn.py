"""Churn by contract: contracts that end in the horizon, and whether they were renewed; or subscriptions that run on.

Expiring at a cutoff: the customer's last contract in force ends in ``[cutoff, cutoff + horizon)`` and was not renewed
yet. Retained: it was renewed, or another contract that ends later was started, by its end plus a grace period.

A subscription has no end until it is cancelled. Every customer with a subscription in force is eligible; retained: a
subscription in force at the end of the horizon, or a new one within the grace period after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.features.engine.clock import LocalCutoff, local_time
from rapport.features.engine.prepared_tables import prepared_sql
from rapport.features.states import ACTIVE, LAPSED
from rapport.history import History, Settings
from rapport.history.contract import by_name

COVERED = "covered"
"""The state of a customer whose contract ends after the horizon."""


SUBSCRIPTIONS = "subscriptions"
_BY_CONTRACT = ("contracts", SUBSCRIPTIONS)


@dataclass(frozen=True)
class ChurnRule:
    """The definition of churn: by orders, or by contracts that end within ``horizon`` and renew up to ``grace`` later.

    ``by`` is orders, contracts, or subscriptions, which run on until they are cancelled.

    A model keeps the rule it was trained with; without one, the settings define it.
    """

    by: str = "orders"
    horizon: str = ""
    grace: str = ""

    @classmethod
    def of(cls, settings: Settings) -> ChurnRule:
        """Return the rule of the settings."""
        if settings.churn in _BY_CONTRACT:
            return cls(settings.churn, settings.horizon, settings.grace)
        return BY_ORDERS

    @property
    def is_by_contract(self) -> bool:
        """Return whether churn is by contract."""
        return self.by in _BY_CONTRACT

    def outcome_span(self, target: str, horizon: Duration) -> Duration:
        """Return the time after a cutoff until its outcome is known: the horizon, plus the grace for contracts."""
        if target != "churn" or not self.is_by_contract:
            return horizon
        grace = parse_duration(self.grace)
        return Duration(horizon.months + grace.months, horizon.days + grace.days)

    def as_text(self) -> str:
        """Return the rule as a short phrase."""
        if self.by == SUBSCRIPTIONS:
            return f"subscriptions cancelled within {self.horizon} and not resumed {self.grace} later"
        if self.is_by_contract:
            return f"contracts that end within {self.horizon} and are not renewed {self.grace} later"
        return "orders"


BY_ORDERS = ChurnRule()
_FAR = 1 << 24
"""The day on which a contract without an end ends."""
_IN_THE_END = (
    "(SELECT * FROM src_contracts QUALIFY row_number() OVER "
    "(PARTITION BY contract_id ORDER BY until_day DESC NULLS FIRST, known_day DESC NULLS LAST) = 1)"
)


def expiring_sql(spans: Sequence[tuple[int, int]], source: str = "src_contracts", rule: ChurnRule = BY_ORDERS) -> str:
    """Return SQL for (customer_id, day, contract_id, ends): the expiring contracts of each span ``(day, end)``.

    A subscription in force is always expiring; its end is the end of the span.
    """
    values = ", ".join(f"({begin}, {end})" for begin, end in spans)
    runs_on = rule.by == SUBSCRIPTIONS
    end = _end_sql(rule)
    in_force = (
        f"SELECT customer_id, span.day, span.finish, contract_id, {'span.finish' if runs_on else end} AS ends, "
        "COALESCE(renewed_at_day < span.day, false) AS renewed, row_number() OVER "
        f"(PARTITION BY customer_id, span.day ORDER BY {end} DESC, contract_id DESC) AS rank "
        f"FROM {source} AS contract JOIN (VALUES {values}) AS span(day, finish) "
        "ON contract.day < span.day AND COALESCE(contract.known_day, contract.day) < span.day "
        f"AND COALESCE(contract.until_day, {_FAR}) >= span.day "
        f"AND {end} >= span.day AND COALESCE(contract.cancelled_at_day, {_FAR}) >= span.day"
    )
    is_expiring = "rank = 1" if runs_on else "rank = 1 AND ends < finish AND NOT renewed"
    return f"SELECT customer_id, day, contract_id, ends FROM ({in_force}) WHERE {is_expiring}"


def _end_sql(rule: ChurnRule) -> str:
    return f"COALESCE({'cancelled_at_day' if rule.by == SUBSCRIPTIONS else 'ends_at_day'}, {_FAR})"


def retained_sql(rule: ChurnRule, widened: Callable[[str], str] = str) -> str:
    """Return SQL for (customer_id, day): the rows of ``expiring`` whose contract was renewed or replaced in time.

    Outcomes are those of contracts as they are in the end; ``widened`` adds rows of other customers to some rows.
    """
    source, every_version = widened(_IN_THE_END), widened("src_contracts")
    grace = parse_duration(rule.grace)
    limit = f"TIMESTAMP '1970-01-01' + to_days(ends) + INTERVAL {grace.months} MONTH + INTERVAL {grace.days} DAY"
    last = f"date_diff('day', TIMESTAMP '1970-01-01', {limit})"
    if rule.by == SUBSCRIPTIONS:
        return (
            f"SELECT expiring.customer_id, expiring.day FROM expiring JOIN {source} AS other USING (customer_id) "
            f"WHERE other.day <= {last} AND COALESCE(other.cancelled_at_day, {_FAR}) >= ends"
        )
    renewed = (
        "SELECT expiring.customer_id, expiring.day FROM expiring "
        f"JOIN {source} AS own USING (customer_id, contract_id) "
        f"WHERE own.renewed_at_day <= {last}"
    )
    replaced = (
        f"SELECT expiring.customer_id, expiring.day FROM expiring JOIN {source} AS other USING (customer_id) "
        f"WHERE other.day >= expiring.day AND other.day <= {last} "
        f"AND COALESCE(other.ends_at_day, {_FAR}) > expiring.ends"
    )
    # A renewal may be written as another end of the same contract.
    extended = (
        "SELECT expiring.customer_id, expiring.day FROM expiring "
        f"JOIN {every_version} AS own USING (customer_id, contract_id) "
        f"WHERE COALESCE(own.ends_at_day, {_FAR}) > expiring.ends AND COALESCE(own.known_day, own.day) <= {last}"
    )
    return f"{renewed} UNION {replaced} UNION {extended}"


def contract_states(history: History, as_of: datetime, states: pa.Table, rule: ChurnRule) -> pa.ChunkedArray:
    """Return the states of customers at one cutoff under churn by contract; ``states``: customer_id, state."""
    timezone, horizon = history.settings.timezone, parse_duration(rule.horizon)
    cutoff = LocalCutoff.of(as_of, timezone)
    end = cutoff.day_of(horizon.after(as_of), timezone)
    prepared = prepared_sql(by_name("contracts"), cutoff.day_start_us, local_time(as_of, timezone))
    connection = history.connection
    connection.register("requested_states", states.append_column("row_index", pa.array(range(len(states)))))
    try:
        sql = (
            f"WITH contract AS ({prepared}), expiring AS ({expiring_sql([(cutoff.day, end)], 'contract', rule)}), "
            f"running AS (SELECT DISTINCT customer_id FROM contract WHERE {_end_sql(rule)} >= {cutoff.day}), "
            "ever AS (SELECT DISTINCT customer_id FROM contract) "
            f"SELECT CASE WHEN expiring.customer_id IS NOT NULL THEN '{ACTIVE}' "
            f"WHEN running.customer_id IS NOT NULL THEN '{COVERED}' WHEN ever.customer_id IS NOT NULL THEN '{LAPSED}' "
            f"WHEN state = '{ACTIVE}' THEN '{LAPSED}' ELSE state END AS state FROM requested_states "
            "LEFT JOIN expiring USING (customer_id) LEFT JOIN running USING (customer_id) "
            "LEFT JOIN ever USING (customer_id) ORDER BY row_index"
        )
        found: pa.Table = connection.sql(sql).to_arrow_table()
        return found["state"]
    finally:
        connection.unregister("requested_states")
