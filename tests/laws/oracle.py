"""The oracle: the features computed slowly in plain Python; every engine must agree with it."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from oracle_rows import DAY, Row, Rows, known, second
from oracle_streams import Past

from rapport.features import Feature
from rapport.features.measures import Binary, Coalesce, Constant, Measure, Unary, When, WindowAggregate
from rapport.history.contract import FEATURE_TABLES


def value(measure: Measure, past: Past) -> float | None:
    """Return a measure of one customer."""
    if isinstance(measure, WindowAggregate):
        found = _window_aggregate(measure, past)
        return None if found is None else float(found)
    if isinstance(measure, Constant):
        return measure.value
    if isinstance(measure, Coalesce):
        first = value(measure.first, past)
        return value(measure.second, past) if first is None else first
    parts = [value(part, past) for part in measure.parts()]
    if None in parts:
        return None
    if isinstance(measure, When):
        return parts[1] if parts[0] > 0 else None
    if isinstance(measure, Unary):
        return _UNARY[measure.operator](*parts)
    assert isinstance(measure, Binary)
    return _BINARY[measure.operator](*parts)


_UNARY = {
    "since": lambda day: -1 - day,
    "until": lambda day: day,
    "log1p": math.log1p,
    "sqrt": lambda inner: math.sqrt(inner) if inner >= 0 else None,
}
_BINARY = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right if right else None,
    "max": max,
    "min": min,
}


def _window_aggregate(aggregate: WindowAggregate, past: Past) -> Any:
    begin = datetime.min if aggregate.days is None else past.cutoff - aggregate.days * DAY
    end = past.cutoff - aggregate.skip * DAY
    rows = [row for row in past.streams[aggregate.partial.stream] if begin <= row["at"] < end]
    if aggregate.partial.where:
        column, _, word = aggregate.partial.where.partition("=")
        rows = [row for row in rows if (row[column] == word if word else row[column])]
    if aggregate.partial.how == "count":
        return len(rows)
    known_values = [
        (second(row["at"]), row[aggregate.partial.column]) for row in rows if row[aggregate.partial.column] is not None
    ]
    values = [number for _, number in known_values]
    return {
        "known": lambda: len(values),
        "sum": lambda: sum(values),
        "squares": lambda: sum(number * number for number in values),
        "max": lambda: max(values, default=None),
        "min": lambda: min(values, default=None),
        "latest": lambda: max(known_values)[1] if known_values else None,
    }[aggregate.partial.how]()


def category(feature: Feature, past: Past) -> str | None:
    """Return the category of one customer: an attribute, or the value of the first or last touch that has one."""
    if feature.attribute:
        return next((row[feature.attribute] for row in past.rows["customers"]), None)
    assert feature.touch
    which, column = feature.touch
    own = [row for row in past.rows["touches"] if row["action"] != "email_sent" and row[column] is not None]
    pairs = [(row["at"], row[column]) for row in own]
    return {"first": min, "last": max}[which](pairs)[1] if pairs else None


def state(past: Past, active_from: datetime) -> str:
    """Return a customer's state."""
    orders = [row["at"] for row in past.streams["orders"]]
    if orders:
        return "active" if max(orders) >= active_from else "lapsed"
    if past.streams["closings"] and not past.streams["open_opportunities"]:
        return "closed"
    signs = [row["at"] for name in ("customers", "touches", "interactions") for row in past.streams[name]]
    return "new" if max(signs, default=datetime.min) >= active_from else "silent"


def pasts(tables: Mapping[str, Iterable[Row]], cutoff: datetime) -> dict[str, Past]:
    """Return the past of every customer with at least one event."""
    own: dict[str, Rows] = {}
    for name, rows in known(tables, cutoff).items():
        for row in rows:
            own.setdefault(row["customer_id"], {table.name: [] for table in FEATURE_TABLES})[name].append(row)
    found = {customer: Past(rows, cutoff) for customer, rows in own.items()}
    return {customer: past for customer, past in found.items() if any(past.streams.values())}


def outcome(
    tables: Mapping[str, Iterable[Row]], target: str, begin: datetime, end: datetime, known_by: datetime
) -> set[str]:
    """Return the customers who ordered (or won a deal) in ``[begin, end)``, from rows known before ``known_by``."""
    rows = known(tables, known_by)
    bought = {row["customer_id"] for row in rows["orders"] if row["amount"] > 0 and begin <= row["at"] < end}
    won = {
        row["customer_id"]
        for row in rows["opportunities"]
        if row["won"] and begin <= max(row["closed_at"], row["opened_at"]) < end
    }
    return bought if target == "churn" else bought | won
