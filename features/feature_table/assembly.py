"""Assemble feature tables: measures, attributes and relatives in the order of the catalog."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

import pyarrow as pa

from rapport.features.catalog.catalog import Catalog
from rapport.features.feature_table.attributes import attribute_columns
from rapport.features.feature_table.relatives import relatives_columns
from rapport.features.feature_table.touch_categories import touch_columns
from rapport.features.streams import measurable
from rapport.history import History

ArrowColumn = pa.Array | pa.ChunkedArray


def customer_columns(
    history: History,
    features: Catalog,
    requested: pa.Table,
    known_customers: pa.Table | None,
    tables: Collection[str],
) -> dict[str, ArrowColumn]:
    """Return the columns without a measure: attributes, categories of touches, and the tree of ``known_customers``."""
    columns: dict[str, ArrowColumn] = {
        **attribute_columns(history, features, requested),
        **touch_columns(history, features, requested),
    }
    if known_customers is not None:
        columns |= relatives_columns(history.connection, requested, known_customers, tables)
    return columns


def assembled(
    rows: pa.Table | Mapping[str, ArrowColumn],
    features: Catalog,
    tables: frozenset[str],
    customer_data: Mapping[str, ArrowColumn],
    first: list[str],
) -> pa.Table:
    """Return the columns in order; features of tables that the company does not keep are null."""
    columns: dict[str, ArrowColumn] = {name: rows[name] for name in first}
    present, nulls = _measurable_names(features, tables), pa.nulls(len(rows[first[0]]), pa.float64())
    for feature in features.features:
        if feature.measure is None:
            columns[feature.name] = customer_data[feature.name]
        else:
            columns[feature.name] = rows[feature.name] if feature.name in present else nulls
    return pa.table(columns)


@lru_cache(64)
def _measurable_names(features: Catalog, tables: frozenset[str]) -> frozenset[str]:
    """Return the features that these tables can give; cached, because a company's requests have the same tables."""
    return frozenset(each.name for each in features.features if each.measure and measurable(each.measure, tables))
