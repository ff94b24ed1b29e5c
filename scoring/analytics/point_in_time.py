"""The rows that were known at a moment, as SQL over a history's tables; the same half-open past as the features."""

from collections.abc import Collection
from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.history.contract import RECORDED_AT, by_name
from rapport.history.reading.versions import STAGE_SINCE, in_force_sql, versions_of


def rows_known_at(table: str, as_of: str = "$as_of", extra: Collection[str] = ()) -> str:
    """Return a subquery of the rows that happened and were recorded before `as_of`; later facts are null.

    `extra` names columns to return in addition to those of the contract.
    """
    contract = by_name(table)
    columns = [_column(column.name, column.later, as_of) for column in contract.columns]
    shown = ", ".join([*columns, *(f'"{name}"' for name in extra if name not in contract.names)])
    happened = f'("{contract.time}" IS NULL OR "{contract.time}" < {as_of})'
    known = f"{happened} AND (recorded_at IS NULL OR recorded_at < {as_of}) AND {in_force_sql(contract, as_of)}"
    return f"(SELECT {shown} FROM {versions_of(contract)} WHERE {known})"


def days_since(time: str) -> str:
    """Return SQL for the whole days since an event; as in the features, 0 in the 24 hours before `$as_of`."""
    return f"date_sub('day', ({time})::TIMESTAMP, $as_of::TIMESTAMP - INTERVAL 1 MICROSECOND)"


def days_open(time: str) -> str:
    """Return SQL for the whole days that something has been open."""
    return f"date_sub('day', ({time})::TIMESTAMP, $as_of::TIMESTAMP)"


def deals_before_their_end(as_of: str = "$as_of") -> str:
    """Return a subquery of the deals closed before `as_of`, with their outcome, as they stood just before their end.

    A deal without a history of change stands there only if its row was recorded before the end: what was written
    later may have been written knowing the outcome.
    """
    deals, outcome = by_name("opportunities"), ("closed_at", "won")
    shown = ", ".join(f'deal."{name}"' for name in (*deals.names, STAGE_SINCE) if name not in outcome)
    known = rows_known_at("opportunities", as_of)
    closed = f"(SELECT opportunity_id, closed_at, won FROM {known} WHERE won IS NOT NULL)"
    recorded = "(deal.recorded_at IS NULL OR deal.recorded_at < closed.closed_at)"
    return (
        f"(SELECT {shown}, closed.closed_at, closed.won FROM {versions_of(deals)} AS deal JOIN {closed} AS closed "
        f"USING (opportunity_id) WHERE {recorded} AND {in_force_sql(deals, 'closed.closed_at')})"
    )


def query_as_of(history: History, sql: str, as_of: datetime) -> pa.Table:
    """Run a query that refers to the moment as `$as_of`."""
    found: pa.Table = history.connection.sql(sql, params={"as_of": as_of}).to_arrow_table()
    return found


def _column(name: str, later: str | None, as_of: str) -> str:
    if later is None or later == RECORDED_AT.name:
        return f'"{name}"'
    return f'CASE WHEN "{later}" < {as_of} THEN "{name}" END AS "{name}"'
