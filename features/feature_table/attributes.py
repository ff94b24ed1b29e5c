"""Attributes of customers that never change or whose changes are recorded, as of each cutoff."""

from __future__ import annotations

import pyarrow as pa

from rapport.features.catalog.catalog import Catalog
from rapport.features.feature_table.parsed_columns import parsed_attributes
from rapport.history import History
from rapport.history.reading.versions import UNTIL
from rapport.history.sql import quoted


def attribute_columns(history: History, features: Catalog, requested: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the attribute columns of the ``requested`` rows (customer_id, cutoff), in their order.

    An attribute is unknown before the customer's own row is known; one with a history of change is read as of the
    cutoff.
    """
    wanted = {feature.name: feature for feature in features.features if feature.attribute}
    if history.parsed is not None:
        read = parsed_attributes(history.parsed.get("customers"), wanted, requested)
        if read is not None:
            return read
    connection = history.connection
    present = {row[0] for row in connection.execute("DESCRIBE customers").fetchall()} if wanted else set()
    types = {name: "VARCHAR" if feature.is_category else "DOUBLE" for name, feature in wanted.items()}
    columns = [
        f"TRY_CAST({quoted(str(feature.attribute))} AS {types[name]}) AS {quoted(name)}"
        for name, feature in wanted.items()
        if feature.attribute in present
    ]
    found = _known_columns(history, columns, requested) if columns and history.rows.get("customers") else None
    empty = {"VARCHAR": pa.nulls(len(requested), pa.string()), "DOUBLE": pa.nulls(len(requested), pa.float64())}
    return {
        name: found[name]
        if found is not None and name in found.column_names
        else pa.chunked_array([empty[types[name]]])
        for name in wanted
    }


def _known_columns(history: History, columns: list[str], requested: pa.Table) -> pa.Table:
    connection = history.connection
    indexed = requested.append_column("row_index", pa.array(range(len(requested)), pa.int64()))
    connection.register("requested_rows", indexed)
    try:
        shown = ", ".join(["customer_id", *columns, "created_at", "recorded_at", UNTIL])
        own = f"(SELECT {shown} FROM customers_versions()) AS own"
        known = " AND ".join(
            f"(own.{time} IS NULL OR own.{time} < requested_rows.cutoff)" for time in ("created_at", "recorded_at")
        )
        found: pa.Table = connection.sql(
            f"SELECT own.* EXCLUDE (customer_id, created_at, recorded_at, {UNTIL}) FROM requested_rows LEFT JOIN {own} "
            f"ON own.customer_id = requested_rows.customer_id AND {known} "
            f"AND (own.{UNTIL} IS NULL OR own.{UNTIL} >= requested_rows.cutoff) ORDER BY row_index"
        ).to_arrow_table()
        return found
    finally:
        connection.unregister("requested_rows")
