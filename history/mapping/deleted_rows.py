"""Rows that a system marks as deleted: the condition that leaves them out."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import loaded_rows
from rapport.history.mapping.table_proposal import TableProposal, expression_name
from rapport.history.reading.deletion_marks import PRESENT, deletion_marks
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted
from rapport.localized import LocalizedText


def without_deleted(
    found: dict[str, TableProposal], sources: Mapping[str, Source], connection: duckdb.DuckDBPyConnection
) -> list[LocalizedText]:
    """Leave out rows that are marked as deleted, and say so; a merged customer is deleted by that."""
    doubts = []
    for name, proposal in list(found.items()):
        source = sources[proposal.source]
        marks = [own for own in deletion_marks(source) if own not in proposal.columns.values()]
        for own in marks if name != "merges" else ():
            kept, deleted, rows = _kept(source, own, connection)
            condition = f"coalesce({expression_name(own)}, '') in ({', '.join(map(literal, kept))})"
            if 0 < deleted < rows:
                before = found[name].columns.get("where", "")
                found[name] = found[name].with_columns({"where": " and ".join(filter(None, (before, condition)))})
                doubts.append(message("doubt.deleted", table=name, rows=deleted, column=own))
    return doubts


def _kept(source: Source, own: str, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], int, int]:
    """Return the values of a mark that say that a row is there, the rows without one of them, and all rows."""
    text = f"coalesce(trim(CAST({quoted(own)} AS VARCHAR)), '')"
    is_there = f"lower({text}) IN ({', '.join(map(literal, PRESENT))})"
    with loaded_rows(source, connection, [own]) as rows:
        ((kept, deleted, total),) = connection.execute(
            f"SELECT list(DISTINCT {text} ORDER BY {text}) FILTER ({is_there}), "
            f"count(*) FILTER (NOT ({is_there})), count(*) FROM {rows}"
        ).fetchall()
    return sorted({"", *(kept or ())}), int(deleted), int(total)
