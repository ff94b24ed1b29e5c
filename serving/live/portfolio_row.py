"""The portfolio row of a live score: health, money, cards and lists as the latest scoring run would compute them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rapport.serving.live.overlay import LiveScore
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_rows import CUSTOMER_COLUMNS
from rapport.serving.snapshots.portfolio_table import TABLE, build_portfolio


def live_portfolio_row(model: LiveModel, live: LiveScore, policy: PortfolioPolicy) -> dict[str, Any]:
    """Return the portfolio row of a live score, by the policy of the latest scoring run."""
    customer_id = str(live.batch.customer_id[0])
    at = model.snapshot.ids.row_of(customer_id)
    past = model.snapshot.run.customer_rows("past", at) if at is not None else []
    stored = model.snapshot.customers.slice(at, 1).to_pylist()[0] if at is not None else {}
    newest = (live.rows.get("customers") or [{}])[0]
    person = stored | {name: newest[name] for name in CUSTOMER_COLUMNS if name in newest}
    customers = pa.Table.from_pylist([dict.fromkeys(CUSTOMER_COLUMNS) | person])
    earlier = pa.Table.from_pylist(past) if past else None
    rows: list[dict[str, Any]] = build_portfolio(policy, live.batch, live.features, customers, earlier).to_pylist()
    if at is not None and _is_held_out(model, at):
        return rows[0] | {"list": "none", "held_out": True}
    return rows[0]


def _is_held_out(model: LiveModel, row: int) -> bool:
    stored = model.snapshot.run.cached_table(TABLE)
    return stored is not None and "held_out" in stored.column_names and bool(stored["held_out"][row].as_py())
