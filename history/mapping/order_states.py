"""States of orders and deals: cancelled rows do not count, and an open deal is not an order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import duckdb

from rapport.history.contract import by_name
from rapport.history.mapping.column_values import column_values
from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import ColumnFormats, loaded_rows
from rapport.history.mapping.table_matching import match
from rapport.history.mapping.table_proposal import TableProposal, expression_name
from rapport.history.reading.casting import OUTCOME, WON
from rapport.history.reading.row_states import REFUNDED, RETURNED, VOID, kind_columns, starts_negative, state_columns
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted
from rapport.localized import LocalizedText

_NEVER_HELD = re.compile(r"\bdraft|\bvoid|entwurf|brouillon|borrador|草稿|作废|未生效|无效|删除")
_OUTCOME, _IS_WON = re.compile(OUTCOME), re.compile(WON)
# Amounts of returns that have a sign need no other.
_MOSTLY = 0.5
Found = dict[str, TableProposal]


def with_states(
    found: Found,
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> list[LocalizedText]:
    """Leave out cancelled orders, and take only won deals for orders."""
    doubts: list[LocalizedText] = []
    orders = found.get("orders")
    if orders is not None:
        source = sources[orders.source]
        states = _states(source, connection, state_columns(source))
        if any(_OUTCOME.search(value.lower()) for values in states.values() for value in values):
            # The table has deals: its orders are the won ones.
            del found["orders"]
            if "opportunities" not in found:
                deals, _ = match(by_name("opportunities"), sources[orders.source], formats[orders.source])
                found |= {"opportunities": deals} if not deals.missing else {}
        else:
            doubts += _without_void(found, states, source, connection)
            kinds = [own for own in kind_columns(source) if own not in orders.columns.values()]
            doubts += _without_returns(found, states | _states(source, connection, kinds), source, connection)
    doubts += _without_drafts(found, sources, connection)
    deals_table = found.get("opportunities")
    if deals_table is not None:
        source = sources[deals_table.source]
        states = _states(source, connection, state_columns(source))
        doubts += _won_deals(found, deals_table, states)
    return doubts


def _states(
    source: Source, connection: duckdb.DuckDBPyConnection, names: Sequence[str]
) -> dict[str, Mapping[str, int]]:
    """Return the values of each column that tells a state."""
    found = column_values(source, connection, names) if names else {}
    return {name: each.states for name, each in found.items() if each.states}


def _without_void(
    found: Found, states: Mapping[str, Mapping[str, int]], source: Source, connection: duckdb.DuckDBPyConnection
) -> list[LocalizedText]:
    """Leave out orders that were cancelled, never paid, or paid back without a line of their own for that."""
    doubts = []
    for name, values in states.items():
        void = [value for value in values if VOID.search(value.lower())]
        refunded = [value for value in values if REFUNDED.search(value.lower()) and value not in void]
        if refunded and not _are_negative(found["orders"], name, refunded, source, connection):
            void += refunded
        if void and len(void) < len(values):
            doubts.append(_leave_out(found, "orders", name, void, values))
    return doubts


def _without_drafts(
    found: Found, sources: Mapping[str, Source], connection: duckdb.DuckDBPyConnection
) -> list[LocalizedText]:
    """Leave out contracts that never held; one that was cancelled did."""
    contracts, doubts = found.get("contracts"), []
    if contracts is not None:
        source = sources[contracts.source]
        for name, values in _states(source, connection, state_columns(source)).items():
            drafts = [value for value in values if _NEVER_HELD.search(value.lower())]
            if drafts and len(drafts) < len(values):
                doubts.append(_leave_out(found, "contracts", name, drafts, values))
    return doubts


def _leave_out(found: Found, table: str, name: str, void: Sequence[str], values: Mapping[str, int]) -> LocalizedText:
    """Add the condition that leaves out the rows of some states; return the question about the others."""
    condition = f"coalesce({expression_name(name)}, '') not in ({', '.join(map(literal, void))})"
    before = found[table].columns.get("where", "")
    found[table] = found[table].with_columns({"where": " and ".join(filter(None, (before, condition)))})
    rows, kept = sum(values[each] for each in void), [each for each in values if each not in void]
    return message("doubt.void", table=table, rows=rows, column=name, void=_listed(void), kept=_listed(kept))


def _are_negative(
    orders: TableProposal, name: str, states: Sequence[str], source: Source, connection: duckdb.DuckDBPyConnection
) -> bool:
    """Return whether the amounts of the rows in some states mostly have a minus sign."""
    amount = orders.columns.get("amount", "")
    if amount not in source.types:
        return False
    with loaded_rows(source, connection, [name, amount]) as rows:
        ((negative,),) = connection.execute(
            f"SELECT coalesce(avg(CAST({starts_negative(quoted(amount))} AS INTEGER)), 0) FROM {rows} "
            f"WHERE trim(CAST({quoted(name)} AS VARCHAR)) IN ({', '.join(map(literal, states))})"
        ).fetchall()
    return bool(negative >= _MOSTLY)


def _without_returns(
    found: Found, states: Mapping[str, Mapping[str, int]], source: Source, connection: duckdb.DuckDBPyConnection
) -> list[LocalizedText]:
    """Take the amounts of returns off, where a column says which lines are returns and their amounts do not."""
    orders = found["orders"]
    amount = orders.columns.get("amount", "")
    for name, values in states.items():
        left_out = orders.columns.get("where", "")
        returned = [each for each in values if RETURNED.search(each.lower()) and literal(each) not in left_out]
        if not returned or len(returned) == len(values) or amount not in source.types:
            continue
        if not _are_negative(orders, name, returned, source, connection):
            listed = ", ".join(map(literal, returned))
            own, money = expression_name(name), expression_name(amount)
            written = f"case when {own} in ({listed}) then 0 - {money} else {money} end"
            found["orders"] = orders.with_columns({"amount": written})
            rows_of = sum(values[each] for each in returned)
            return [message("doubt.returned", rows=rows_of, column=name, returned=_listed(returned))]
    return []


def _won_deals(found: Found, deals: TableProposal, states: Mapping[str, Mapping[str, int]]) -> list[LocalizedText]:
    """Read the outcome from the stage, and take the won deals for orders where there is no table of orders."""
    for name, values in states.items():
        won = [value for value in values if _IS_WON.search(value.lower()) and "未" not in value]
        if not won:
            continue
        columns = {"won": name} if "won" not in deals.columns else {}
        deals = deals.with_columns(columns) if columns else deals
        found["opportunities"] = deals
        needed = ("customer_id", "opportunity_id", "closed_at", "amount")
        if "orders" in found or any(each not in deals.columns for each in needed):
            return []
        where = f"{expression_name(name)} in ({', '.join(map(literal, won))})"
        found["orders"] = orders_from(deals, needed, where)
        time = deals.columns["closed_at"]
        return [message("doubt.won_deals", deals=deals.source, column=name, won=_listed(won), time=time)]
    return []


def orders_from(proposal: TableProposal, names: Sequence[str], where: str | None) -> TableProposal:
    """Return another table's rows as orders: ``names`` are its columns for customer, number, time and amount."""
    own = dict(zip(("customer_id", "order_id", "ordered_at", "amount"), names, strict=True))
    columns = {name: proposal.columns[theirs] for name, theirs in own.items()}
    confidence = {name: proposal.confidence.get(theirs, 1.0) for name, theirs in own.items()}
    kept = {"where": where} if where else {}
    return TableProposal(by_name("orders"), proposal.source, kept | columns, frozenset(), proposal.unused, confidence)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values[:8]) or "–"
