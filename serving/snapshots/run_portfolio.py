"""The portfolio of a scoring run, written some customers at a time; ``apply_holdout`` then ranks all of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.history.contract import by_name
from rapport.scoring.actions.playbook import Playbook
from rapport.serving.snapshots.history import history_table
from rapport.serving.snapshots.next_actions import with_next_actions
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_table import build_portfolio
from rapport.serving.snapshots.scored_parts import ScoredParts
from rapport.serving.snapshots.store import Manifest
from rapport.serving.snapshots.table_files import TableFile, map_table

UNRANKED, PAST = "unranked.arrow", "past.arrow"


def write_portfolio_parts(
    data_dir: Path,
    manifest: Manifest,
    policy: PortfolioPolicy,
    playbook: Playbook,
    scored: ScoredParts,
    by_customer: dict[str, pa.Table],
) -> dict[str, pa.Table]:
    """Return the portfolio without ranks and the archived scores of its customers, both memory-mapped."""
    customers, facts = by_customer["customers"], by_customer["action_facts"]
    paths, first = (scored.folder / UNRANKED, scored.folder / PAST), 0
    with TableFile(paths[0]) as portfolio, TableFile(paths[1]) as past:
        for batch, features in scored:
            people = customers.slice(first, len(batch))
            earlier = history_table(data_dir, manifest, people["customer_id"])
            rows = build_portfolio(policy, batch, features, people, earlier)
            portfolio.append(with_next_actions(rows, _within(facts, people["customer_id"]), playbook, batch))
            past.append(earlier)
            first += len(batch)
    return {"portfolio": map_table(paths[0]), "past": map_table(paths[1])}


def _within(facts: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """Return the rows of customers between the first and the last of these sorted ids."""
    if not len(ids):
        return facts.slice(0, 0)
    at = facts["customer_id"]
    return facts.filter(pc.and_(pc.greater_equal(at, ids[0]), pc.less_equal(at, ids[-1])))


_CUSTOMER_COLUMNS = ("created_at", "name", "region", "industry", "employees", "source", "parent_id", "owner")
_OPTIONAL_COLUMNS = ("do_not_contact",)
_STANDING = ("industry_position", "market_reputation")
"""Attributes beyond the contract that a customer's page and report show where the company records them."""


def customer_attributes(history: History, snapshot: pa.Table) -> pa.Table:
    """Return the attributes of customers, one row for each row of the snapshot."""
    ids = snapshot.select(["customer_id"])
    history.connection.register("scored_ids", ids)
    try:
        names = [name for name in (*_CUSTOMER_COLUMNS, *_OPTIONAL_COLUMNS) if name in by_name("customers").names]
        names += [name for name in _STANDING if name in history.connection.table("customers").columns]
        columns = ", ".join(f"any_value(c.{name}) AS {name}" for name in names)
        found: pa.Table = history.connection.sql(
            f"SELECT s.customer_id, {columns} FROM scored_ids s LEFT JOIN customers c USING (customer_id) "
            "GROUP BY s.customer_id ORDER BY s.customer_id"
        ).to_arrow_table()
        return found
    finally:
        history.connection.unregister("scored_ids")
