"""The campaign, channel and asset of each customer's first and last touch, as of each cutoff."""

from __future__ import annotations

import pyarrow as pa

from rapport.features.catalog.catalog import Catalog
from rapport.features.catalog.feature import Feature
from rapport.features.feature_table.parsed_columns import parsed_touches
from rapport.features.streams.communication import OWN_ACTIONS
from rapport.history import History
from rapport.history.sql import literal

# First and last by the time of happening; of two at one time the values decide, so that the order of rows changes
# nothing.
_SQL = """
SELECT {names} FROM requested_rows LEFT JOIN touches_versions() AS touches
    ON touches.customer_id = requested_rows.customer_id AND occurred_at < cutoff
    AND (recorded_at IS NULL OR recorded_at < cutoff) AND (known_until IS NULL OR known_until >= cutoff)
    AND lower(coalesce(action, '')) NOT IN ({own_actions})
GROUP BY row_index ORDER BY row_index
"""


def touch_columns(history: History, features: Catalog, requested: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the categories of touches of the ``requested`` rows (customer_id, cutoff), in their order.

    Touches that the company itself sent do not count.
    """
    wanted = [feature for feature in features.features if feature.touch]
    kept = history.present.get("touches", ()) if history.rows.get("touches") else ()
    found = [feature for feature in wanted if feature.touch and feature.touch[1] in kept]
    nothing = pa.chunked_array([pa.nulls(len(requested), pa.string())])
    columns = dict.fromkeys((feature.name for feature in wanted), nothing)
    if found and history.parsed is not None:
        columns |= parsed_touches(history.parsed["touches"], found, requested)
    elif found:
        indexed = requested.append_column("row_index", pa.array(range(len(requested)), pa.int64()))
        history.connection.register("requested_rows", indexed)
        try:
            rows = history.connection.sql(_sql(found)).to_arrow_table()
        finally:
            history.connection.unregister("requested_rows")
        columns |= {feature.name: rows[feature.name] for feature in found}
    return columns


def _sql(features: list[Feature]) -> str:
    names = ", ".join(_value_sql(feature.name, *feature.touch) for feature in features if feature.touch)
    return _SQL.format(names=names, own_actions=", ".join(map(literal, OWN_ACTIONS)))


def _value_sql(name: str, which: str, column: str) -> str:
    pair = f"{{'happened': occurred_at, 'value': {column}}}"
    return f"({'min' if which == 'first' else 'max'}({pair}) FILTER (WHERE {column} IS NOT NULL)).value AS {name}"
