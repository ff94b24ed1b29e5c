"""Whether the customers of two tables meet: the column of each table that holds the key of the customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.mapping.column_values import column_values, padded_alike, share_known
from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import SYNONYM, ColumnFormats
from rapport.history.mapping.table_proposal import TableProposal
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# Below the first share the keys do not meet; a column that replaces one must meet at least in the second.
_FEW, _MOST = 0.1, 0.8
# So many of the parents are customers of the table: others may be companies that buy nothing themselves.
_FEWEST_PARENTS = 0.3
_ABOUT_CUSTOMERS = (
    "account",
    "company",
    "organi",
    "customer",
    "client",
    "related",
    "parent",
    "what",
    "客户",
    "公司",
    "会员",
)
_KEY_NAMES = ("id", "no", "nr", "number", "code", "key", "name", "客户", "编号", "代码", "名称", "kunde", "customer")


def joined_keys(
    found: dict[str, TableProposal],
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> list[LocalizedText]:
    """Take the column whose values are keys of the customers; return a doubt where none is."""
    _find_missing_keys(found, sources, formats, connection)
    customers = found.get("customers")
    if customers is None or "customer_id" not in customers.columns or sources[customers.source].peek is not None:
        return []
    theirs, doubts = sources[customers.source], []
    for name, proposal in list(found.items()):
        own = sources[proposal.source]
        if own is theirs or own.peek is not None or not _has_plain_key(proposal, own):
            continue
        key = customers.columns["customer_id"]
        if share_known(own, theirs, (proposal.columns["customer_id"], key), connection) >= _FEW:
            continue
        pairs = [(each, key) for each in _keys(own, formats)]
        pairs += [(proposal.columns["customer_id"], each) for each in _keys(theirs, formats) if each != key]
        meeting = next((p for p in pairs if share_known(own, theirs, p, connection) >= _MOST), None)
        if meeting is None:
            written = padded_alike(own, theirs, (proposal.columns["customer_id"], key), connection)
            doubts.append(_no_meeting(proposal, customers, "doubt.zeros" if written else "doubt.no_key"))
            found[name] = proposal.with_columns({"customer_id": written}, SYNONYM) if written else proposal
        elif meeting[1] == key:
            found[name] = proposal.with_columns({"customer_id": meeting[0]}, 1.0)
        else:
            customers = customers.with_columns({"customer_id": meeting[1]}, 1.0)
            found["customers"] = customers
    return doubts


def _has_plain_key(proposal: TableProposal, source: Source) -> bool:
    """Return whether a table's customer is a column of its own source."""
    return "join" not in proposal.columns and proposal.columns.get("customer_id") in source.types


def check_parents(
    found: dict[str, TableProposal],
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Take no column for the parent of a customer whose values are other ids, such as that of a price group."""
    customers = found.get("customers")
    parent = customers.columns.get("parent_id") if customers else None
    if customers is None or parent is None or sources[customers.source].peek is not None:
        return
    source, filled = sources[customers.source], formats[customers.source].filled
    key = customers.columns.get("customer_id")
    if key is None or filled[parent] == 0:
        return
    same_for_all = filled[parent] == 1 and len(column_values(source, connection, [parent])[parent].samples) == 1
    if same_for_all or share_known(source, source, (parent, key), connection) < _FEWEST_PARENTS:
        columns = {name: own for name, own in customers.columns.items() if name != "parent_id"}
        found["customers"] = replace(customers, columns=columns, unused=(*customers.unused, parent))


def _find_missing_keys(
    found: dict[str, TableProposal],
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Where no name is that of a customer's id, take the column about the customer whose values are known ids."""
    known = next((found[name] for name in ("customers", "orders") if name in found), None)
    if known is None or "customer_id" not in known.columns or sources[known.source].peek is not None:
        return
    for name, proposal in list(found.items()):
        own = sources[proposal.source]
        if "customer_id" in proposal.columns or own.peek is not None:
            continue
        keys = [each for each in _keys(own, formats) if any(word in each.lower() for word in _ABOUT_CUSTOMERS)]
        pairs = {each: (each, known.columns["customer_id"]) for each in keys}
        shares = {each: share_known(own, sources[known.source], pair, connection) for each, pair in pairs.items()}
        best = max(shares, key=lambda each: shares[each], default=None)
        if best is not None and shares[best] >= _MOST:
            found[name] = proposal.with_columns({"customer_id": best}, SYNONYM)


def _keys(source: Source, formats: Mapping[str, ColumnFormats]) -> list[str]:
    """Return the columns that may hold a key, by their names and because nearly all rows have one."""
    return [
        name
        for name in source.types
        if any(word in name.lower() for word in _KEY_NAMES) and formats[source.name].filled[name] > _MOST
    ]


def _no_meeting(proposal: TableProposal, customers: TableProposal, code: str) -> LocalizedText:
    columns = {"own": proposal.columns["customer_id"], "key": customers.columns["customer_id"]}
    return message(code, table=proposal.table.name, customers=customers.source, **columns)
