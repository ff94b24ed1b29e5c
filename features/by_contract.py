"""Churn by contract: who has a contract that ends in the horizon, and who let it end.

At risk at a cutoff: the customer's last contract in force ends in ``[cutoff, cutoff + horizon)`` and was not renewed
yet. Kept: it was renewed, or another contract that ends later was started, by its end plus a grace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from rapport.features.sources import Moment, on_clock, prepared_sql
from rapport.features.targets import ACTIVE, LAPSED
from rapport.history import History, Settings
from rapport.history.contract import by_name

from rapport.durations import Span, parse_span

COVERED = "covered"
"""The state of a customer whose contract runs beyond the horizon."""


@dataclass(frozen=True)
class ChurnRule:
    """What churn is judged by: orders, or contracts that end within ``horizon`` and may be renewed ``grace`` later.

    A model keeps the rule that it was trained with; without one, that of the settings holds.
    """

    by: str = "orders"
    horizon: str = ""
    grace: str = ""

    @classmethod
    def of(cls, settings: Settings) -> ChurnRule:
        """Return the rule that the settings name."""
        if settings.churn == "contracts":
            return cls("contracts", settings.horizon, settings.grace)
        return BY_ORDERS

    @property
    def is_by_contract(self) -> bool:
        """Tell whether contracts decide."""
        return self.by == "contracts"

    def outcome_span(self, target: str, horizon: Span) -> Span:
        """Return how long after a cutoff its outcome is known: the horizon, and the grace where contracts decide."""
        if target != "churn" or not self.is_by_contract:
            return horizon
        grace = parse_span(self.grace)
        return Span(horizon.months + grace.months, horizon.days + grace.days)

    def said(self) -> str:
        """Say the rule in a few words."""
        if self.is_by_contract:
            return f"contracts that end within {self.horizon} and are not renewed {self.grace} later"
        return "orders"


BY_ORDERS = ChurnRule()


def expiring_sql(spans: Sequence[tuple[int, int]], source: str = "src_contracts") -> str:
    """Return SQL for (customer_id, day, contract_id, ends): the contracts at risk at each cutoff ``(day, end)``."""
    moments = ", ".join(f"({begin}, {end})" for begin, end in spans)
    in_force = (
        "SELECT customer_id, span.day, span.finish, contract_id, ends_at_day AS ends, "
        "COALESCE(renewed_at_day < span.day, false) AS renewed, row_number() OVER "
        "(PARTITION BY customer_id, span.day ORDER BY ends_at_day DESC, contract_id DESC) AS place "
        f"FROM {source} AS contract JOIN (VALUES {moments}) AS span(day, finish) "
        "ON contract.day < span.day AND COALESCE(contract.known_day, contract.day) < span.day "
        "AND contract.ends_at_day >= span.day"
    )
    at_risk = "place = 1 AND ends < finish AND NOT renewed"
    return f"SELECT customer_id, day, contract_id, ends FROM ({in_force}) WHERE {at_risk}"


def kept_sql(rule: ChurnRule) -> str:
    """Return SQL for (customer_id, day): of the table ``expiring``, who renewed or replaced the contract in time."""
    grace = parse_span(rule.grace)
    limit = f"TIMESTAMP '1970-01-01' + to_days(ends) + INTERVAL {grace.months} MONTH + INTERVAL {grace.days} DAY"
    last = f"date_diff('day', TIMESTAMP '1970-01-01', {limit})"
    renewed = (
        "SELECT expiring.customer_id, expiring.day FROM expiring "
        "JOIN src_contracts AS own USING (customer_id, contract_id) "
        f"WHERE own.renewed_at_day <= {last}"
    )
    replaced = (
        "SELECT expiring.customer_id, expiring.day FROM expiring JOIN src_contracts AS other USING (customer_id) "
        f"WHERE other.day >= expiring.day AND other.day <= {last} AND other.ends_at_day > expiring.ends"
    )
    return f"{renewed} UNION {replaced}"


def contract_states(history: History, as_of: datetime, states: pa.Table, rule: ChurnRule) -> pa.ChunkedArray:
    """Return the states of customers at one cutoff when contracts are judged; ``states``: customer_id, state."""
    zone, horizon = history.settings.zone, parse_span(rule.horizon)
    moment = Moment.of(as_of, zone)
    end = moment.day_of(horizon.after(as_of), zone)
    prepared = prepared_sql(by_name("contracts"), moment.turn_us, on_clock(as_of, zone))
    connection = history.connection
    connection.register("asked_states", states.append_column("place", pa.array(range(len(states)))))
    try:
        sql = (
            f"WITH contract AS ({prepared}), expiring AS ({expiring_sql([(moment.day, end)], 'contract')}), "
            f"running AS (SELECT DISTINCT customer_id FROM contract WHERE ends_at_day >= {moment.day}), "
            "ever AS (SELECT DISTINCT customer_id FROM contract) "
            f"SELECT CASE WHEN expiring.customer_id IS NOT NULL THEN '{ACTIVE}' "
            f"WHEN running.customer_id IS NOT NULL THEN '{COVERED}' WHEN ever.customer_id IS NOT NULL THEN '{LAPSED}' "
            f"WHEN state = '{ACTIVE}' THEN '{LAPSED}' ELSE state END AS state FROM asked_states "
            "LEFT JOIN expiring USING (customer_id) LEFT JOIN running USING (customer_id) "
            "LEFT JOIN ever USING (customer_id) ORDER BY place"
        )
        return connection.sql(sql).to_arrow_table()["state"]
    finally:
        connection.unregister("asked_states")
