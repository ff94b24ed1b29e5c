"""Resolution of a source's table and column names to those of the contract."""

import difflib
import re
from collections.abc import Mapping, Sequence

from rapport.errors import TableError
from rapport.history.contract import TABLES, Column, Table, columns_of
from rapport.history.messages import message
from rapport.history.reading.expressions import Expression, is_expression, parse_expression, without_unit
from rapport.history.reading.versions import VALID_FROM, VALID_TO, VERSION_COLUMNS, VERSIONED
from rapport.history.settings import Settings
from rapport.history.sources.file_groups import base_name
from rapport.history.sources.source import Source

NOT_COLUMNS = ("table", "where", "join", "changes", "fill_down")
"""What a mapping says about a table besides its columns."""

_KEEPERS_OF_VERSIONS = (("dbt_valid_from", "dbt_valid_to"), ("_fivetran_start", "_fivetran_end"))
# Columns that a connector adds: they say nothing about the customer.
OF_THE_TOOL = (
    *("_ab_cdc_deleted_at", "_ab_cdc_updated_at", "_ab_cdc_lsn", "_airbyte_raw_id", "_airbyte_extracted_at"),
    *("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"),
    *("_fivetran_id", "_fivetran_synced", "_fivetran_active", "_fivetran_deleted", "_fivetran_start", "_fivetran_end"),
)


def own_table_name(source: Source) -> str:
    """Return the name of a source; one that keeps the versions of ``ticket`` as ``ticket_history`` is ``ticket``."""
    keeps = any(start in source.types and end in source.types for start, end in _KEEPERS_OF_VERSIONS)
    return re.sub(r"[\s\-_.]history$", "", source.name, flags=re.IGNORECASE) if keeps else source.name


def normalized_name(name: str) -> str:
    """Return a name in snake case, as the contract writes names."""
    return re.sub(r"[\s\-./]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())).lower()


def names_of(own: str) -> set[str]:
    """Return the names that a source column goes by.

    Some systems write the table before it, ``Deal - Value``; others a zone or a currency after it, ``Total (EUR)``.
    """
    forms = (own, own.rsplit(" - ", 1)[-1], without_unit(own))
    return {normalized_name(each).strip("_") for each in forms}


def resolve_table(table: Table, sources: Mapping[str, Source], settings: Settings) -> Source | None:
    """Return the source of a table: the mapped one, else the one with the same name."""
    mapped = settings.mapping.get(table.name, {}).get("table")
    if mapped is None:
        return sources.get(table.name) or next(
            (s for name, s in sources.items() if table.name in (normalized_name(name), base_name(name))), None
        )
    # A file of last month has another date in its name, or is now one of several.
    same = [name for name in sources if base_name(name) == base_name(mapped.lower())]
    found = sources.get(mapped) or sources.get(mapped.lower()) or (sources[same[0]] if len(same) == 1 else None)
    if found is None:
        near = difflib.get_close_matches(mapped, list(sources), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(sources))}."
        raise TableError(f'[mapping.{table.name}] table = "{mapped}": there is no such table. {hint}')
    return found


def check_readable(unreadable: Mapping[str, TableError], settings: Settings) -> None:
    """Raise the error of a file that cannot be read, if it is a table of the history; another one does not matter."""
    mapped = [each for name in settings.mapping.values() for each in (name.get("table"), *_joined_tables(name))]
    needed = {*(table.name for table in TABLES), *(base_name(each.lower()) for each in mapped if each)}
    for name, error in unreadable.items():
        if needed & {normalized_name(name), base_name(name)}:
            raise error


def _joined_tables(mapping: Mapping[str, str]) -> list[str]:
    return [each.partition(" on ")[0].strip() for each in mapping.get("join", "").split(";")]


def resolve_columns(table: Table, source: Source, settings: Settings) -> dict[str, str]:
    """Return contract column → source column for all that exist; TableError if a required one is missing."""
    mapped = _mapped(table, source, settings)
    by_normalized: dict[str, list[str]] = {}
    for each in source.types:
        by_normalized.setdefault(normalized_name(each), []).append(each)
    names = {}
    for column in columns_of(table):
        own = mapped.get(column.name)
        if own is not None:
            _check_exists(table, source, column.name, own)
        own = own or _same_name(table, source, column, by_normalized.get(column.name, []))
        if own is not None:
            names[column.name] = own
    _check_required(table, source, names)
    names |= _version_columns(table, source, mapped)
    if table.name == "contracts" and settings.churn == "subscriptions" and "cancelled_at" not in names:
        # The end of a subscription is written when it is cancelled: before, nobody knew it.
        names = {"cancelled_at" if name == "ends_at" else name: own for name, own in names.items()}
    return names


def _version_columns(table: Table, source: Source, mapped: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that say from when until when a row was so, if the source keeps every version of its rows."""
    if table not in VERSIONED:
        return {}
    for start, end in ((mapped.get(VALID_FROM), mapped.get(VALID_TO)), *_KEEPERS_OF_VERSIONS):
        if start in source.types and end in source.types:
            return {VALID_FROM: str(start), VALID_TO: str(end)}
    # Without an end a version holds until the next of the same row.
    return {VALID_FROM: mapped[VALID_FROM]} if mapped.get(VALID_FROM) in source.types else {}


def _same_name(table: Table, source: Source, column: Column, alike: Sequence[str]) -> str | None:
    """Return the source column of that name, in whatever spelling; TableError if several have it."""
    name = column.name
    # A file may have two columns of one name, of which the second is read as amount 2.
    again = [] if source.in_memory else [f"{own} 2" for own in alike if column.required and f"{own} 2" in source.types]
    if not again and (name in alike or len(alike) < 2):
        return name if name in alike else next(iter(alike), None)
    alike = [*alike, *again]
    columns = {"count": len(alike), "columns": ", ".join(alike), "example": alike[0]}
    raise TableError(message("two_columns", origin=source.origin, name=name, table=table.name, **columns))


def resolve_attributes(table: Table, source: Source, names: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return attribute → source column: the columns of customers beyond the contract.

    A file of orders that also says who the customers are has no others: its columns belong to single orders.
    """
    if table.name != "customers":
        return {}
    reserved = {column.name for column in columns_of(table)} | {*NOT_COLUMNS, *VERSION_COLUMNS}
    mapped = {name: own for name, own in _mapped(table, source, settings).items() if name not in reserved}
    for name, own in mapped.items():
        _check_exists(table, source, name, own)
    taken = {*names.values(), *mapped.values(), *OF_THE_TOOL}
    others = (settings.mapping.get(other.name, {}).get("table", other.name) for other in TABLES if other is not table)
    shared = "table" in settings.mapping.get(table.name, {}) and source.name in others
    free = () if shared else source.types
    more = {own: own for own in free if own not in taken and normalized_name(own) not in reserved}
    return {name: own for name, own in {**more, **mapped}.items() if name not in reserved}


def _mapped(table: Table, source: Source, settings: Settings) -> Mapping[str, str]:
    """Return contract column → source column from the settings; tables in memory may have contract names already."""
    names = {name: own for name, own in settings.mapping.get(table.name, {}).items() if name not in NOT_COLUMNS}
    return {name: own for name, own in names.items() if own in source.types} if source.in_memory else names


def where_of(table: Table, source: Source, settings: Settings) -> Expression | None:
    """Return the condition on the rows of a table, if the settings have one; tables in memory are taken whole."""
    written = settings.mapping.get(table.name, {}).get("where")
    if written is None or source.in_memory:
        return None
    return parse_expression(written, source.types, f"{source.origin}: [mapping.{table.name}] where", number=False)


def _check_exists(table: Table, source: Source, name: str, own: str) -> None:
    if own not in source.types and is_expression(own):
        parse_expression(own, source.types, f"{source.origin}: [mapping.{table.name}] {name}", number=True)
    elif own not in source.types:
        raise TableError(
            f'{source.origin}: [mapping.{table.name}] {name} = "{own}": there is no such column. '
            f"It has: {', '.join(source.types)}."
        )


def _check_required(table: Table, source: Source, names: Mapping[str, str]) -> None:
    missing = [name for name in table.required if name not in names]
    if not missing:
        return
    free = [own for own in source.types if own not in names.values()]
    near = difflib.get_close_matches(missing[0], free, n=1, cutoff=0.5)
    raise TableError(
        message(
            "no_column",
            origin=source.origin,
            names=", ".join(missing),
            columns=", ".join(source.types),
            table=table.name,
            name=missing[0],
            example=near[0] if near else message("example"),
        )
    )
