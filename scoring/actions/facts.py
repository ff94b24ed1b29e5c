"""The facts that call for an action: one row per open deal, contract end, overdue invoice, silent contact."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.actions.fact_queries import fact_queries
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.stakeholders import stakeholder_coverage

SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "kind": pa.string(),
        "subject": pa.string(),
        "amount": pa.float64(),
        "deadline": pa.date32(),
        "since": pa.date32(),
        "days": pa.int64(),
        "detail": pa.string(),
        "step": pa.string(),
    }
)


def action_facts(history: History, as_of: datetime, cadence: Cadence, deals: pa.Table) -> pa.Table:
    """Return every fact of every customer that was known at `as_of`, sorted by customer and kind.

    `deals` are the open deals: the next check of a deal is the step for it.
    """
    union = " UNION ALL ".join(f"({kind})" for kind in fact_queries(cadence))
    found = query_as_of(history, f"SELECT *, NULL AS step FROM ({union}) ORDER BY customer_id, kind", as_of)
    found = _with_deal_steps(found.cast(SCHEMA), deals)
    table = pa.concat_tables([found, _chain(history, as_of), _do_not_contact(history, as_of)])
    return table.sort_by([("customer_id", "ascending"), ("kind", "ascending")])


def _with_deal_steps(facts: pa.Table, deals: pa.Table) -> pa.Table:
    checks = dict(zip(deals["opportunity_id"].to_pylist(), deals["next_check"].to_pylist(), strict=True))
    kinds, subjects = (facts[name].to_pylist() for name in ("kind", "subject"))
    names = [
        checks.get(subject) if kind == "open_deal" else None for kind, subject in zip(kinds, subjects, strict=True)
    ]
    # A deal with every check answered by yes is ready to be signed.
    steps = [
        f"c139:{name or 'close'}" if kind == "open_deal" else None for kind, name in zip(kinds, names, strict=True)
    ]
    return facts.set_column(SCHEMA.get_field_index("step"), SCHEMA.field("step"), pa.array(steps, pa.string()))


def _chain(history: History, as_of: datetime) -> pa.Table:
    """Return the gap in the decision chain of each customer with contacts."""
    rows = [row for row in stakeholder_coverage(history, as_of).to_pylist() if row["next_step"] != "keep"]
    return _table(
        {
            "customer_id": row["customer_id"],
            "kind": "chain_gap",
            "subject": str(row["contacts"]),
            "since": row["last_at"].date() if row["last_at"] else None,
            "days": (as_of.date() - row["last_at"].date()).days if row["last_at"] else None,
            "detail": row["next_step"],
            "step": f"chain:{row['next_step']}",
        }
        for row in rows
    )


def _do_not_contact(history: History, as_of: datetime) -> pa.Table:
    """Return the customers that must not be contacted; nothing where the company does not record it."""
    if "do_not_contact" not in history.connection.table("customers").columns:
        return SCHEMA.empty_table()
    known = rows_known_at("customers", extra=("do_not_contact",))
    sql = f"SELECT customer_id FROM {known} WHERE try_cast(do_not_contact AS BOOLEAN) ORDER BY customer_id"
    ids = query_as_of(history, sql, as_of)["customer_id"].to_pylist()
    return _table({"customer_id": one, "kind": "do_not_contact"} for one in ids)


def _table(rows: Iterable[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


def by_customer(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """Return the facts of each customer."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["customer_id"], []).append(row)
    return found
