"""Hypothesis strategies for histories: rows of all tables, dated at the instants where an engine may be wrong."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from rapport.history import History, Settings, history_of
from rapport.history.contract import FEATURE_TABLES, by_name, columns_of

CUTOFF = datetime(2025, 6, 15, 10, 30)
"""Not at midnight, on purpose."""
CUTOFFS = tuple(CUTOFF - timedelta(days=days) for days in (210, 30, 29, 0))
"""For training; windows of one begin where those of another end."""
HORIZON_DAYS = 120
CUSTOMERS = tuple("ABCDEFGHIJKL")

Tables = dict[str, list[dict[str, Any]]]

# Distances at which windows begin and end (0 is the cutoff itself), for each cutoff and for the end of a horizon.
_EDGES = (0, 0, 0, 1, 7, 30, 60, 90, 120, 180, 270, 275, 360, 365, 455, 730, -HORIZON_DAYS)
_SLIPS = (timedelta(0), timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1), timedelta(hours=9))
on_an_edge = st.builds(
    lambda cutoff, days, slip: cutoff - timedelta(days=days) + slip,
    st.sampled_from(CUTOFFS),
    st.sampled_from(_EDGES),
    st.sampled_from(_SLIPS),
)
anywhere = st.builds(
    lambda days, seconds: CUTOFF + timedelta(days=days, seconds=seconds),
    st.integers(-1000, 400),
    st.integers(0, 86_399),
)
moments = on_an_edge | anywhere
_numbers = {
    "amount": st.integers(-300, 900).map(lambda cents: cents / 8),
    "quantity": st.integers(0, 40),
    "response_hours": st.integers(0, 4000).map(lambda hours: hours / 64),
    "sentiment": st.integers(-8, 8).map(lambda eighths: eighths / 8),
    "severity": st.integers(1, 5),
    "satisfaction": st.integers(1, 5),
    "score": st.integers(0, 10),
    "credit_limit": st.integers(0, 900),
    "credit_used": st.integers(0, 2000),
    "employees": st.integers(0, 500),
}
_KINDS = {"tickets": ("complaint", "support"), "surveys": ("nps", "csat", "referral"), "risk_events": ("fine",)}
_words = {
    "channel": ("meeting", "visit", "call", "email", "chat", "fax"),
    "direction": ("inbound", "outbound"),
    "action": ("view", "webinar", "cart", "email_sent", "demo=1"),
    "role": ("decision_maker", "influencer", "finance", "defendant", "plaintiff"),
    "category": ("judicial", "operational", "financial", "industry", "public_opinion"),
    "text": ("明年不再采购，质量太差。", "We are evaluating alternatives.", "Please send a quote; great work.", "ok"),
}


@st.composite
def histories(draw: st.DrawFn, least: int = 120, most: int = 200) -> Tables:
    """Draw a history of a few customers with rows in any table, some of them recorded late."""
    tables: Tables = {table.name: [] for table in FEATURE_TABLES}
    for number in range(draw(st.integers(least, most))):
        name = draw(st.sampled_from(_TABLES))
        tables[name].append(draw(rows(name, number)))
    # Drawn independently, hardly any interaction would have an existing contact.
    for talk, contact in zip(tables["interactions"][::2], cycle(tables["contacts"]), strict=False):
        talk |= {"contact_id": contact["contact_id"], "customer_id": contact["customer_id"]}
    for number, customer in enumerate(CUSTOMERS):
        tables["customers"].append(draw(rows("customers", number)) | {"customer_id": customer, "parent_id": None})
    return tables


# Orders and interactions are most of a company's history.
_TABLES = ("orders", "interactions", *(table.name for table in FEATURE_TABLES if table.name != "customers"))


@st.composite
def rows(draw: st.DrawFn, table: str, number: int) -> dict[str, Any]:
    """Draw one row of a table; its key is made of ``number``."""
    declared = by_name(table)
    row: dict[str, Any] = {}
    for column in columns_of(declared):
        if column.name == declared.key:
            row[column.name] = f"{table}-{number}"
        elif column.required or draw(st.integers(0, 3)):
            row[column.name] = draw(_value(table, column.name, column.kind))
        else:
            row[column.name] = None
    if table != "credit" and draw(st.integers(0, 5)):
        row["recorded_at"] = None
    return row


def _value(table: str, column: str, kind: str) -> st.SearchStrategy[Any]:
    if column == "customer_id":
        return st.sampled_from(CUSTOMERS)
    if column == "contact_id":
        return st.integers(0, 12).map(lambda number: f"contacts-{number}")
    if column == "kind":
        return st.sampled_from(_KINDS[table])
    if column in _words:
        return st.sampled_from(_words[column])
    if kind == "number":
        return _numbers[column]
    if kind in ("time", "flag"):
        return moments if kind == "time" else st.booleans()
    return st.integers(0, 4).map(lambda number: f"{column}-{number}")


def read(tables: Mapping[str, list[dict[str, Any]]], settings: Settings | None = None) -> History:
    """Read drawn tables with the types of the contract, even for columns without values."""
    return history_of(arrow(tables), settings)


_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


def arrow(tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
    """Return drawn tables as Arrow tables."""
    return {
        name: pa.Table.from_pylist(
            found, pa.schema([(column.name, _TYPES[column.kind]) for column in columns_of(by_name(name))])
        )
        for name, found in tables.items()
    }


def joined(first: Tables, second: Tables) -> Tables:
    """Return the rows of both."""
    return {name: [*first[name], *second[name]] for name in first}
