"""Days and clocks in two columns: the moment is made of both, where the day's column has no clock of its own."""

import re
from collections.abc import Mapping

import duckdb

from rapport.history.mapping.column_values import column_values
from rapport.history.mapping.name_matching import SYNONYM, synonyms
from rapport.history.mapping.table_proposal import TableProposal, expression_name
from rapport.history.reading.table_names import names_of
from rapport.history.sources.source import Source

_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")


def with_clocks(
    found: dict[str, TableProposal], sources: Mapping[str, Source], connection: duckdb.DuckDBPyConnection
) -> None:
    """Put the clock after the day in the time of each table that has both."""
    known = {*synonyms()["words"]["clock"]}
    for name, each in list(found.items()):
        source, day = sources[each.source], each.columns.get(each.table.time or "")
        free = [own for own in source.types if own not in each.columns.values() and names_of(own) & known]
        if day is None or day not in source.types or not free:
            continue
        values = column_values(source, connection, [day, *free])
        clock = next((own for own in free if _are_clocks(values[own].samples)), None)
        if clock is not None and not any(":" in value for value in values[day].samples):
            written = f"{expression_name(day)} || ' ' || {expression_name(clock)}"
            found[name] = each.with_columns({each.table.time or "": written}, SYNONYM)


def _are_clocks(samples: tuple[str, ...]) -> bool:
    return bool(samples) and all(_CLOCK.fullmatch(value) for value in samples)
