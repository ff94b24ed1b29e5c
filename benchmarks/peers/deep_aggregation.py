"""Generic features over all tables, as automated feature engineering makes them: aggregates of aggregates to depth 3.

Every table is aggregated by every key: count, mean, sum, least, most and spread of every number, shares of the frequent
words, days since the first and last row, over everything and the last 90 and 365 days. Order lines go through their
order, interactions through their contact, and customers through their parent. Nothing is known of what a table means.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
TIMES = {
    "orders": "ordered_at", "interactions": "occurred_at", "touches": "occurred_at", "opportunities": "opened_at",
    "tickets": "opened_at", "surveys": "answered_at", "invoices": "issued_at", "risk_events": "occurred_at",
    "contracts": "started_at", "credit": "recorded_at", "contacts": "created_at",
}  # fmt: skip
KNOWN_FROM = {"won": "closed_at", "satisfaction": "resolved_at"}
PLANNED = {"due_at", "ends_at"}
KEYS = {"customer_id", "parent_id", "contact_id", "order_id", "name", "text", "recorded_at"}
WINDOWS = {"": np.inf, "_365d": 365.0, "_90d": 90.0}
WORDS = 6
NUMBERS = ["mean", "sum", "min", "max", "std"]


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of a history that have a time, and its customers."""
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet") if path.stem in {*TIMES, "customers"}}


def features_at(tables: dict[str, pd.DataFrame], cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return one row a customer, from rows and facts before the cutoff."""
    past = {name: _known(rows, TIMES[name], cutoff) for name, rows in tables.items() if name != "customers"}
    parts = [_aggregated(rows, "customer_id", name) for name, rows in past.items()]
    if "orders" in past:
        parts.append(_through(past["orders"], "order_id", past["orders"][["order_id", "customer_id"]], "orders"))
    if "interactions" in past and "contacts" in past:
        contacts = past["contacts"][["contact_id", "customer_id"]]
        parts.append(_through(past["interactions"], "contact_id", contacts, "interactions"))
    found = pd.concat(parts, axis=1)
    people = tables["customers"].set_index("customer_id")
    if "parent_id" in people:
        parent = people.parent_id.reindex(found.index)
        found = found.join(found.groupby(parent).agg(["mean", "max"]).pipe(_flat, "children_"))
    known = {name: people[name].astype("category").cat.codes for name in ("region", "industry", "source", "owner")}
    known["employees"], known["age"] = people.employees, (cutoff - people.created_at) / DAY
    return found.join(pd.DataFrame(known)).copy()  # one block of memory instead of hundreds


def _known(rows: pd.DataFrame, time: str, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of before the cutoff, without what became known later, and times as days between them."""
    recorded = rows.recorded_at if "recorded_at" in rows else rows[time]
    rows = rows[(rows[time] < cutoff) & ~(recorded >= cutoff)].copy()
    for name, moment in KNOWN_FROM.items():
        if name in rows:
            rows[name] = rows[name].astype(float).where(rows[moment] < cutoff)
    for name in rows.select_dtypes("datetime").columns.difference([time, "recorded_at"]):
        days = (rows[name] - rows[time]) / DAY
        rows[name] = days if name in PLANNED else days.where(rows[name] < cutoff)
    return rows.assign(age=(cutoff - rows[time]) / DAY).drop(columns=time)


def _aggregated(rows: pd.DataFrame, key: str, name: str) -> pd.DataFrame:
    rows = rows[rows[key].notna()]
    values = rows.drop(columns=[column for column in rows if column in KEYS or column.endswith("_id")])
    flags = values.select_dtypes("object").apply(pd.to_numeric, errors="coerce").dropna(axis=1, how="all")
    numbers = values.select_dtypes("number").drop(columns="age").join(flags).astype(float)
    words = [
        (values[column] == word).astype(float).rename(f"{column}_{word}")
        for column in values.columns.difference([*numbers, "age"])
        for word in values[column].value_counts().index[:WORDS]
    ]
    by_key = rows.groupby(key).age
    parts = [by_key.agg(["min", "max"])]
    for suffix, days in WINDOWS.items():
        inside = (rows.age <= days).to_numpy()
        keys = rows.loc[inside, key]
        parts.append(keys.groupby(keys).size().rename(f"count{suffix}"))
        if numbers.shape[1]:
            parts.append(numbers[inside].groupby(keys).agg(NUMBERS).pipe(_flat, "").add_suffix(suffix))
        if words:
            parts.append(pd.concat(words, axis=1)[inside].groupby(keys).mean().add_suffix(suffix))
    found = pd.concat(parts, axis=1).add_prefix(f"{name}_")
    return found.fillna({column: 0 for column in found if column.startswith(f"{name}_count")})


def _through(rows: pd.DataFrame, key: str, links: pd.DataFrame, name: str) -> pd.DataFrame:
    """Aggregate by the key first, and its aggregates by customer."""
    first = _aggregated(rows.drop(columns="customer_id"), key, name)
    owner = links.drop_duplicates(key).set_index(key).customer_id.reindex(first.index)
    return first.groupby(owner).agg(["mean", "max", "std"]).pipe(_flat, f"by_{key}_")


def _flat(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    return table.set_axis([prefix + "_".join(column) for column in table.columns], axis=1)
