"""The rows that were known at a moment, as SQL over a history's tables; the same half-open past as the features."""

from collections.abc import Collection
from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.history.contract import RECORDED_AT, by_name


def rows_known_at(table: str, as_of: str = "$as_of", extra: Collection[str] = ()) -> str:
    """Return a subquery of the rows that happened and were recorded before `as_of`; later facts are null.

    `extra` names columns to return in addition to those of the contract.
    """
    contract = by_name(table)
    columns = [_column(column.name, column.later, as_of) for column in contract.columns]
    shown = ", ".join([*columns, *(f'"{name}"' for name in extra if name not in contract.names)])
    happened = f'("{contract.time}" IS NULL OR "{contract.time}" < {as_of})'
    return f"(SELECT {shown} FROM {table} WHERE {happened} AND (recorded_at IS NULL OR recorded_at < {as_of}))"


def query_as_of(history: History, sql: str, as_of: datetime) -> pa.Table:
    """Run a query that refers to the moment as `$as_of`."""
    return history.connection.sql(sql, params={"as_of": as_of}).to_arrow_table()


def _column(name: str, later: str | None, as_of: str) -> str:
    if later is None or later == RECORDED_AT.name:
        return f'"{name}"'
    return f'CASE WHEN "{later}" < {as_of} THEN "{name}" END AS "{name}"'
