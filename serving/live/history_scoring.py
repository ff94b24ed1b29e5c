"""Scores of customers whose history is in the request: the steps of a scoring run on a small history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.features.feature_table.snapshot import exclude_refusals
from rapport.history import History, history_of
from rapport.history.contract import FEATURE_TABLES
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.errors import RequestError
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.security.request_context import check_deadline
from rapport.serving.snapshots.live_model import LiveModel

MAX_TOTAL_ROWS = 50_000
# Outside of them, windows before the time or its conversion to UTC leave the calendar.
_YEARS = (1900, 2200)


def score_histories(
    model: LiveModel, histories: Sequence[Mapping[str, Any]], as_of: str, databases: DatabasePool
) -> tuple[ScoreBatch, pa.Table]:
    """Score each history at ``as_of`` as a scoring run does; return the scores and the features, row by row."""
    tables = _tables(histories)
    moment = local_time(as_of, databases.settings.timezone)
    with databases.borrow() as database, history_of(tables, databases.settings, database, complete=False) as history:
        _check_rejected(history)
        check_deadline()
        bundle = model.bundle
        active, present = parse_duration(bundle.active_window), _present_tables(model, history)
        table = snapshot(history, moment, model.catalog, active=active, present=present, rule=bundle.rule)
        table = exclude_refusals(history, table, moment)
    check_deadline()
    customer_ids = [history["customer"]["customer_id"] for history in histories]
    rows = _in_order(table, customer_ids)
    return model.scorer.score(rows, moment), rows


def local_time(text: str, zone: str) -> datetime:
    """Convert a time to the company's time zone, without its offset."""
    moment = datetime.fromisoformat(text)
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        message = f"Input should be a time of the years {_YEARS[0]} to {_YEARS[1]}."
        raise RequestError(400, message, code="invalid", where="as_of")
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment.tzinfo else moment


def _present_tables(model: LiveModel, history: History) -> Sequence[str]:
    """Return the tables that the company has: a request without tickets means no tickets only if it has that table."""
    snapshot = model.latest_snapshot
    return snapshot.run.manifest.present if snapshot else tuple(history.present)


def _tables(histories: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in FEATURE_TABLES}
    seen: set[str] = set()
    for position, history in enumerate(histories):
        customer_id = history["customer"]["customer_id"]
        if customer_id in seen:
            raise RequestError(
                422, "This customer is in the request twice.", where=f"histories.{position}.customer.customer_id"
            )
        seen.add(customer_id)
        rows["customers"].append(dict(history["customer"]))
        for name in rows.keys() - {"customers"}:
            rows[name] += _rows_of(customer_id, history.get(name, ()), f"histories.{position}.{name}")
    if sum(map(len, rows.values())) > MAX_TOTAL_ROWS:
        raise RequestError(
            413, f"The histories have more than {MAX_TOTAL_ROWS:,} rows in total. Send fewer customers at once."
        )
    return {name: found for name, found in rows.items() if found}


def _rows_of(customer_id: str, rows: Sequence[Mapping[str, object]], where: str) -> list[dict[str, object]]:
    for position, row in enumerate(rows):
        if row.get("customer_id", customer_id) != customer_id:
            raise RequestError(422, "The row belongs to another customer.", where=f"{where}.{position}.customer_id")
    return [{**row, "customer_id": customer_id} for row in rows]


def _check_rejected(history: History) -> None:
    """Refuse rows that a scoring run would set aside: a caller can correct them."""
    if history.rejected.total:
        first = history.rejected.rows.slice(0, 1).to_pylist()[0]
        raise RequestError(
            422,
            f"{history.rejected.total} rows cannot be used; the first: {first['table']} row {first['line']}, "
            f"{first['column']}: {first['reason']}.",
            where=f"{first['table']}.{first['column']}",
        )


def _in_order(table: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    position = {customer_id: row for row, customer_id in enumerate(table.column("customer_id").to_pylist())}
    if missing := [one for one in customer_ids if one not in position]:
        raise RequestError(
            422,
            f"The history has no row before as_of for {len(missing)} of {len(customer_ids)} customers, first this one.",
            where=f"histories.{customer_ids.index(missing[0])}",
        )
    return table.take([position[customer_id] for customer_id in customer_ids])
