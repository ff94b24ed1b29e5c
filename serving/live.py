"""Scores of customers whose history came with the request: the night's path, on a small history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from rapport.features import snapshot
from rapport.history import History, history_of
from rapport.history.contract import TABLES
from rapport.history.engine import Engine, open_engine
from rapport.history.settings import Settings
from rapport.scoring.scored import Scored
from rapport.serving.asked import still_wanted
from rapport.serving.current import Current
from rapport.serving.problem import RequestError

from rapport.durations import parse_span

MOST_ROWS_IN_ALL = 50_000


class Engines:
    """Engines kept open between requests; each is lent to one at a time."""

    def __init__(self, settings: Settings) -> None:
        # One thread for a few rows: the engine's own would only wait for each other.
        self.settings = replace(settings, threads=1)
        self._idle: SimpleQueue[Engine] = SimpleQueue()

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """Lend an engine; one that was left in the middle of something is not lent again."""
        try:
            engine = self._idle.get_nowait()
        except Empty:
            engine = open_engine(self.settings)
        try:
            yield engine
        except BaseException:
            engine.close()
            raise
        self._idle.put(engine)


def score_histories(current: Current, histories: Sequence[Mapping[str, Any]], as_of: str, engines: Engines) -> Scored:
    """Score each history at ``as_of`` as the night would: same reading, same catalog, same bundle."""
    tables = _tables(histories)
    moment = moment_of(as_of, engines.settings.zone)
    with engines.lent() as engine, history_of(tables, engines.settings, engine, whole=False) as history:
        _refuse_rejects(history)
        still_wanted()
        bundle = current.bundle
        active, present = parse_span(bundle.active), _kept(current, history)
        table = snapshot(history, moment, current.catalog, active=active, present=present, rule=bundle.rule)
    still_wanted()
    asked_for = [history["customer"]["customer_id"] for history in histories]
    return current.scorer.score(_in_order(table, asked_for), moment)


def moment_of(text: str, zone: str) -> datetime:
    """Read a time on the company's clock."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment.tzinfo else moment


def _kept(current: Current, history: History) -> Sequence[str]:
    """Name the tables that the company keeps: no ticket in a request means none, if tickets are kept at all."""
    night = current.last_night
    return night.run.manifest.present if night else tuple(history.present)


def _tables(histories: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    seen: set[str] = set()
    for place, history in enumerate(histories):
        customer_id = history["customer"]["customer_id"]
        if customer_id in seen:
            raise RequestError(
                422, "This customer is in the request twice.", where=f"histories.{place}.customer.customer_id"
            )
        seen.add(customer_id)
        rows["customers"].append(dict(history["customer"]))
        for name in rows.keys() - {"customers"}:
            rows[name] += _rows_of(customer_id, history.get(name, ()), f"histories.{place}.{name}")
    if sum(map(len, rows.values())) > MOST_ROWS_IN_ALL:
        raise RequestError(413, f"The histories have more than {MOST_ROWS_IN_ALL:,} rows in all; send fewer at once.")
    return {name: found for name, found in rows.items() if found}


def _rows_of(customer_id: str, rows: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    for place, row in enumerate(rows):
        if row.get("customer_id", customer_id) != customer_id:
            raise RequestError(422, "The row belongs to another customer.", where=f"{where}.{place}.customer_id")
    return [{**row, "customer_id": customer_id} for row in rows]


def _refuse_rejects(history: History) -> None:
    """Refuse what the night would set aside: a caller can mend it, a night cannot ask."""
    if history.rejected.total:
        first = history.rejected.rows.slice(0, 1).to_pylist()[0]
        raise RequestError(
            422,
            f"{history.rejected.total} rows cannot be used; the first: {first['table']} row {first['line']}, "
            f"{first['column']}: {first['reason']}.",
            where=f"{first['table']}.{first['column']}",
        )


def _in_order(table: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    place = {customer_id: row for row, customer_id in enumerate(table.column("customer_id").to_pylist())}
    if missing := [one for one in customer_ids if one not in place]:
        raise RequestError(
            422,
            f"Not known before as_of, for nothing in the history is earlier: {len(missing)} of {len(customer_ids)} "
            "customers, first this one.",
            where=f"histories.{customer_ids.index(missing[0])}",
        )
    return table.take([place[customer_id] for customer_id in customer_ids])
