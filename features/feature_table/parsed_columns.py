"""The columns of customers and touches of a small history that was read without the database: the rows of a request.

Cell by cell the same as the SQL of ``attributes`` and ``touch_categories``; a law test holds both to the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.features.catalog.feature import Feature
from rapport.features.streams.communication import OWN_ACTIONS
from rapport.history.reading.fast_reader import Cells, ParsedTable

_Touch = tuple[datetime, datetime | None, int]


def parsed_attributes(
    customers: ParsedTable | None, wanted: Mapping[str, Feature], requested: pa.Table
) -> dict[str, pa.ChunkedArray] | None:
    """Return the attributes of the requested rows; None where a value must be cast, which only SQL does."""
    columns = {**customers.cells, **customers.attributes} if customers else {}
    cells = {name: columns.get(str(feature.attribute), []) for name, feature in wanted.items()}
    for name, feature in wanted.items():
        kind = str if feature.is_category else float
        if any(cell is not None and type(cell) is not kind for cell in cells[name]):
            return None
    rows = _known_rows(customers.cells if customers else {"customer_id": []}, requested)
    return {
        name: pa.chunked_array(
            [[found[row] if found and row is not None else None for row in rows]],
            pa.string() if wanted[name].is_category else pa.float64(),
        )
        for name, found in cells.items()
    }


def _known_rows(customers: Mapping[str, Cells], requested: pa.Table) -> list[int | None]:
    ids = {one: row for row, one in enumerate(customers["customer_id"])}
    known = []
    for customer_id, cutoff in _requests(requested):
        row = ids.get(customer_id)
        times = [] if row is None else [customers[name][row] for name in ("created_at", "recorded_at")]
        known.append(row if all(time is None or time < cutoff for time in times) else None)
    return known


def parsed_touches(touches: ParsedTable, found: Sequence[Feature], requested: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the categories of the first and last touch of the requested rows."""
    cells, by_customer = touches.cells, dict[str, list[_Touch]]()
    for row, (one, at, action) in enumerate(
        zip(cells["customer_id"], cells["occurred_at"], cells["action"], strict=True)
    ):
        if at is not None and (action or "").lower() not in OWN_ACTIONS:
            by_customer.setdefault(one, []).append((at, cells["recorded_at"][row], row))
    known = [
        [
            (at, row)
            for at, recorded, row in by_customer.get(one, ())
            if at < cutoff and (recorded is None or recorded < cutoff)
        ]
        for one, cutoff in _requests(requested)
    ]
    return {
        feature.name: pa.chunked_array([[_edge(some, feature, cells) for some in known]], pa.string())
        for feature in found
    }


def _edge(known: Sequence[tuple[datetime, int]], feature: Feature, cells: Mapping[str, Cells]) -> str | None:
    assert feature.touch is not None
    which, column = feature.touch
    pairs = [(at, cells[column][row]) for at, row in known if cells[column][row] is not None]
    pick: Any = min if which == "first" else max
    return pick(pairs)[1] if pairs else None


def _requests(requested: pa.Table) -> zip[tuple[str, datetime]]:
    return zip(requested["customer_id"].to_pylist(), requested["cutoff"].to_pylist(), strict=True)
