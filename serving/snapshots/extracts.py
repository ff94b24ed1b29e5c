"""What pages show besides scores: the attributes of customers."""

from __future__ import annotations

import pyarrow as pa

from rapport.history import History
from rapport.history.contract import by_name

_CUSTOMER_COLUMNS = ("created_at", "name", "region", "industry", "employees", "source", "parent_id", "owner")
_OPTIONAL_COLUMNS = ("do_not_contact",)


def customer_attributes(history: History, snapshot: pa.Table) -> pa.Table:
    """Return the attributes of customers, one row for each row of the snapshot."""
    ids = snapshot.select(["customer_id"])
    history.connection.register("scored_ids", ids)
    try:
        names = [name for name in (*_CUSTOMER_COLUMNS, *_OPTIONAL_COLUMNS) if name in by_name("customers").names]
        columns = ", ".join(f"any_value(c.{name}) AS {name}" for name in names)
        found: pa.Table = history.connection.sql(
            f"SELECT s.customer_id, {columns} FROM scored_ids s LEFT JOIN customers c USING (customer_id) "
            "GROUP BY s.customer_id ORDER BY s.customer_id"
        ).to_arrow_table()
        return found
    finally:
        history.connection.unregister("scored_ids")
