"""The state of each customer that the change feed follows, from portfolio rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from rapport.serving.live.change_store import STATE, CustomerState

_AT_ONCE = 10_000
_NAMES = {"first_reason": "first_reason_family"}


def state_of(row: Mapping[str, Any], as_of: str) -> CustomerState:
    """Return the state that one portfolio row shows."""
    values = {name: row.get(_NAMES.get(name, name)) for name in STATE}
    return CustomerState(row["customer_id"], as_of, values)


def states_of(portfolio: pa.Table, as_of: str) -> Iterator[list[CustomerState]]:
    """Yield the states of a portfolio table, some thousand customers at a time."""
    wanted = [_NAMES.get(name, name) for name in STATE]
    table = portfolio.select(["customer_id", *(name for name in wanted if name in portfolio.column_names)])
    for first in range(0, table.num_rows, _AT_ONCE):
        yield [state_of(row, as_of) for row in table.slice(first, _AT_ONCE).to_pylist()]
