"""Fixed attributes of customers, as of each cutoff."""

from __future__ import annotations

import pyarrow as pa

from rapport.features.catalog.catalog import Catalog
from rapport.features.catalog.families.relatives import PARENT
from rapport.history import History


def attribute_columns(history: History, features: Catalog, requested: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the attribute columns of the ``requested`` rows (customer_id, cutoff), in their order.

    Attributes never change, but are unknown before the customer's own row is known.
    """
    attributes = [feature for feature in features.features if feature.is_attribute]
    if not attributes:
        return {}
    connection = history.connection
    present = {row[0] for row in connection.execute("DESCRIBE customers").fetchall()}
    types = {feature.name: "VARCHAR" if feature.is_category else "DOUBLE" for feature in attributes}
    own_columns = (column for column in features.vocabulary.attributes if column != PARENT)
    columns = ", ".join(
        f'TRY_CAST("{column}" AS {types[name]}) AS {name}' if column in present else f"NULL::{types[name]} AS {name}"
        for name, column in zip(types, own_columns, strict=True)
    )
    indexed = requested.append_column("row_index", pa.array(range(len(requested)), pa.int64()))
    connection.register("requested_rows", indexed)
    try:
        own = f"(SELECT customer_id, {columns}, created_at, recorded_at FROM customers) AS own"
        known = " AND ".join(
            f"(own.{time} IS NULL OR own.{time} < requested_rows.cutoff)" for time in ("created_at", "recorded_at")
        )
        sql = (
            f"SELECT {', '.join(f'own.{name}' for name in types)} FROM requested_rows LEFT JOIN {own} "
            f"ON own.customer_id = requested_rows.customer_id AND {known} ORDER BY row_index"
        )
        rows = connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("requested_rows")
    return {name: rows[name] for name in types}
