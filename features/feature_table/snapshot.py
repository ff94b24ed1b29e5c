"""A snapshot: the features of every customer known at one cutoff."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import Duration, parse_duration
from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.engine.clock import LocalCutoff, local_time
from rapport.features.engine.measures_table import measures_tables
from rapport.features.engine.prepared_tables import create_prepared_views
from rapport.features.engine.small_snapshot import small_snapshot
from rapport.features.engine.windows import Cutoff
from rapport.features.feature_table.assembly import ArrowColumn, assembled, customer_columns
from rapport.features.feature_table.relatives import RELATIVE_INPUTS
from rapport.features.states import EXCLUDED
from rapport.features.targets.contract_churn import ChurnRule, contract_states
from rapport.history import History

AUTOMATED = "automated_decisions"
CUSTOMERS_PER_PART = 1 << 15
"""At least this many customers are in a part of a large snapshot, but for the last."""
SMALL_HISTORY_ROWS = 20_000
"""Up to this many rows a snapshot is computed without the database, whose planning would cost more than the work."""


def snapshot(
    history: History,
    as_of: datetime,
    features: Catalog | None = None,
    *,
    active: Duration | str,
    present: Collection[str] | None = None,
    rule: ChurnRule | None = None,
) -> pa.Table:
    """Return one row for every customer known at ``as_of``: customer_id, state, then the catalog's features.

    Numbers are float64 and null where they are unknown; categories are strings. ``present`` names the tables that the
    company keeps (default: those of this history): features of other tables are null, not 0. ``rule`` defines churn
    (default: the history's settings), and with it which customers are active.
    """
    return pa.concat_tables(snapshot_parts(history, as_of, features, active=active, present=present, rule=rule))


def snapshot_parts(
    history: History,
    as_of: datetime,
    features: Catalog | None = None,
    *,
    active: Duration | str,
    present: Collection[str] | None = None,
    rule: ChurnRule | None = None,
) -> Iterator[pa.Table]:
    """Yield what ``snapshot`` returns, some customers at a time, in order of their ids: for histories beyond memory.

    Features of relatives need all customers at once, and so does a small history: they come in one part.
    """
    features = features or catalog()
    rule = rule or ChurnRule.of(history.settings)
    tables = frozenset(history.present if present is None else present)
    before = local_time(as_of, history.settings.timezone)
    for rows in _measured_parts(history, as_of, features, parse_duration(active)):
        ids = rows["customer_id"]
        cutoffs = pa.repeat(pa.scalar(before, pa.timestamp("us")), len(ids))
        requested = pa.table({"customer_id": ids, "cutoff": cutoffs})
        inputs = {name: rows[name] for name in RELATIVE_INPUTS} if features.has_relatives else {}
        known_customers = pa.table({"customer_id": ids, "cutoff": cutoffs} | inputs) if inputs else None
        customer_data = customer_columns(history, features, requested, known_customers, tables)
        if rule.is_by_contract:
            states = contract_states(history, as_of, pa.table({"customer_id": ids, "state": rows["state"]}), rule)
            rows = {**rows, "state": states}
        yield assembled(rows, features, tables, customer_data, ["customer_id", "state"])


def measures_at(
    history: History, moments: Sequence[datetime], features: Catalog, *, active: Duration
) -> dict[datetime, pa.Table]:
    """Return customer_id, measures and state of every customer known at each moment.

    One pass over the history gives all moments with the same time of day. States are those of churn by orders;
    features without a measure are left out.
    """
    timezone, found = history.settings.timezone, dict[datetime, pa.Table]()
    cutoffs = {moment: LocalCutoff.of(moment, timezone) for moment in moments}
    for start in {cutoff.day_start_us for cutoff in cutoffs.values()}:
        own = [moment for moment, cutoff in cutoffs.items() if cutoff.day_start_us == start]
        create_prepared_views(history.connection, start, local_time(max(own), timezone), every_version=True)
        windows = [Cutoff(cutoffs[each].day, cutoffs[each].day_of(active.before(each), timezone)) for each in own]
        parts = measures_tables(history, features.plan, windows)
        rows = pa.concat_tables(part.to_arrow().append_column("at", pa.array(part.cutoff)) for part in parts)
        found |= {each: rows.filter(pc.equal(rows["at"], place)).drop_columns(["at"]) for place, each in enumerate(own)}
    return found


def _measured_parts(
    history: History, as_of: datetime, features: Catalog, active: Duration
) -> Iterator[Mapping[str, ArrowColumn]]:
    timezone = history.settings.timezone
    cutoff, before = LocalCutoff.of(as_of, timezone), local_time(as_of, timezone)
    active_from = cutoff.day_of(active.before(as_of), timezone)
    if sum(history.rows.values()) <= SMALL_HISTORY_ROWS:
        yield small_snapshot(features.plan, history, before, cutoff, active_from)
        return
    create_prepared_views(history.connection, cutoff.day_start_us, before)
    waiting: list[pa.Table] = []
    for part in measures_tables(history, features.plan, [Cutoff(cutoff.day, active_from)]):
        waiting.append(part.to_arrow())
        if not features.has_relatives and sum(map(len, waiting)) >= CUSTOMERS_PER_PART:
            yield _columns(waiting)
            waiting = []
    if waiting:
        yield _columns(waiting)


def _columns(parts: list[pa.Table]) -> dict[str, ArrowColumn]:
    rows = pa.concat_tables(parts)
    return dict(zip(rows.column_names, rows.columns, strict=True))


def exclude_refusals(history: History, table: pa.Table, as_of: datetime) -> pa.Table:
    """Give customers who are known to refuse automated decisions the state ``excluded``, which no model scores."""
    if AUTOMATED not in history.present.get("customers", ()):
        return table
    before = local_time(as_of, history.settings.timezone)
    chosen = pc.is_in(table["customer_id"], value_set=pa.array(_refused(history, before), pa.string()))
    states = pc.if_else(chosen, pa.scalar(EXCLUDED), table["state"].cast(pa.string()))
    return table.set_column(table.column_names.index("state"), "state", states)


def _refused(history: History, before: datetime) -> list[str]:
    if history.parsed is not None:
        cells = history.parsed["customers"].cells
        rows = zip(cells["customer_id"], cells[AUTOMATED], cells["recorded_at"], strict=True)
        return [one for one, allowed, at in rows if allowed is False and (at is None or at < before)]
    sql = (
        f"SELECT customer_id FROM customers_versions() WHERE NOT {AUTOMATED} AND coalesce(recorded_at < $1, true) "
        "AND coalesce(known_until >= $1, true)"
    )
    return [row[0] for row in history.connection.execute(sql, [before]).fetchall()]
