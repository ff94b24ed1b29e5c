"""Sources joined by a key: connectors keep an association, such as the company of a deal, in a table of its own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

_JOIN = re.compile(
    r'\s*"?(?P<table>[^"]+?)"?\s+on\s+"?(?P<theirs>[^"=]+?)"?\s*=\s*"?(?P<own>[^"=]+?)"?\s*', re.IGNORECASE
)


def with_joins(
    source: Source, written: str, sources: Mapping[str, Source], connection: duckdb.DuckDBPyConnection, where: str
) -> Source:
    """Return the source with the columns of other sources: ``"deal_company on deal_id = id; …"``.

    Each row stays once: of several partners the first counts. Columns of the source itself win.
    """
    for number, part in enumerate(each for each in written.split(";") if each.strip()):
        match = _JOIN.fullmatch(part)
        other = sources.get(match["table"].lower()) or sources.get(match["table"]) if match else None
        if match is None or other is None:
            raise TableError(
                f'{where} join = "{part.strip()}": write "other_table on its_column = own_column"; the tables are: '
                f"{', '.join(sorted(sources))}."
            )
        for name, types in ((match["theirs"], other.types), (match["own"], source.types)):
            if name not in types:
                raise TableError(f"{where} join: there is no column {name}. There are: {', '.join(types)}.")
        source = _joined(source, other, (match["own"], match["theirs"]), connection, number)
    return source


def _joined(
    source: Source, other: Source, keys: tuple[str, str], connection: duckdb.DuckDBPyConnection, number: int
) -> Source:
    own, theirs = keys
    name = f"{source.name} join {number}"
    types = {**source.types, **{column: kind for column, kind in other.types.items() if column not in source.types}}

    def load(wanted: Sequence[str]) -> list[RejectedRow]:
        mine = [each for each in dict.fromkeys([*wanted, own]) if each in source.types]
        more = [each for each in dict.fromkeys(wanted) if each not in source.types]
        rejects = [*source.rejects, *(source.load(mine) if source.load else ())]
        if other.load:
            other.load(list(dict.fromkeys([*more, theirs])))
        extra = "".join(f", partner.{quoted(each)}" for each in more)
        connection.execute(
            f"CREATE TEMP TABLE {quoted(f'loaded {name}')} AS SELECT row.*{extra} FROM ({source.sql}) AS row LEFT JOIN "
            f"(SELECT * FROM ({other.sql}) QUALIFY row_number() OVER (PARTITION BY {quoted(theirs)} ORDER BY "
            f"{quoted(FILE)}, {quoted(LINE)}) = 1) AS partner "
            f"ON CAST(row.{quoted(own)} AS VARCHAR) = CAST(partner.{quoted(theirs)} AS VARCHAR)"
        )
        for loaded in (source, other):
            if loaded.load:
                connection.execute(f"DROP TABLE {quoted(f'loaded {loaded.name}')}")
        return rejects

    sql = f"SELECT * FROM {quoted(f'loaded {name}')}"
    return replace(
        source, name=name, sql=sql, types=types, rejects=(), persistent=False, files=(), load=load, peek=None
    )
