"""A proposal for ``[mapping.*]`` in ``rapport.toml``: which of a company's tables and columns is which."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.history.contract import TABLES, Column, Table, columns_of
from rapport.history.engine import open_engine
from rapport.history.likeness import DATES, HOLDS, Shapes, column_likeness, fits, shapes_of, table_likeness
from rapport.history.naming import plain
from rapport.history.postgres import spoken
from rapport.history.reading import sources_of
from rapport.history.settings import Settings
from rapport.history.sources import Source

# Worth of a column that is only the one of its kind, whatever its name.
_ONLY_ONE = 0.3
_LEAST = 1.2


@dataclass(frozen=True)
class Proposal:
    """What one table of the contract may be called; ``guessed`` are columns matched by their values alone."""

    table: Table
    own: str
    columns: Mapping[str, str]
    guessed: frozenset[str]
    unused: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the required columns for which nothing was found."""
        return tuple(name for name in self.table.required if name not in self.columns)

    @property
    def understood(self) -> bool:
        """Tell whether the table needs no mapping: its names are the contract's already."""
        return not self.missing and not self.lines() and plain(self.own) == self.table.name

    def lines(self) -> dict[str, str]:
        """Return contract column → own column where the names differ."""
        return {name: own for name, own in self.columns.items() if plain(own) != name}


@dataclass(frozen=True)
class Proposals:
    """A mapping for a whole source, to be looked over by someone who knows it."""

    origin: str
    found: tuple[Proposal, ...]
    unused: tuple[str, ...]
    dates: str

    def as_toml(self) -> str:
        """Return lines to paste into ``rapport.toml``."""
        parts = [f"# Proposed for {self.origin}. Look it over: names and values were compared, nobody was asked."]
        if self.dates != "iso":
            parts.append(f'dates = "{self.dates}"')
        parts += [_toml(proposal) for proposal in self.found]
        absent = [table.name for table in TABLES if table.name not in {each.table.name for each in self.found}]
        if absent:
            parts.append(f"# Nothing was found for: {', '.join(absent)}.")
        if self.unused:
            parts.append(f"# Not used: {', '.join(self.unused)}.")
        return "\n\n".join(parts) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return the mapping as plain values, ready for JSON and for ``Settings.of``."""
        return {
            "dates": self.dates,
            "mapping": {each.table.name: {"table": each.own, **each.columns} for each in self.found},
        }


def propose_mapping(source: str | Path, settings: Settings | None = None) -> Proposals:
    """Look at the tables of a folder or a database, and propose what is what."""
    engine = open_engine(settings or Settings())
    try:
        with ExitStack() as opened:
            sources = sources_of(str(source), engine.connection, opened)
            shapes = {name: shapes_of(each, engine.connection) for name, each in sources.items()}
        found, unused = _assigned(sources, shapes)
        return Proposals(spoken(str(source)), found, unused, _dates(found, shapes))
    finally:
        engine.close()


def _dates(found: tuple[Proposal, ...], shapes: Mapping[str, Shapes]) -> str:
    """Return which way of writing days reads most of the times that were found; the first of equals."""
    times = [
        (each.own, each.columns[column.name])
        for each in found
        for column in columns_of(each.table)
        if column.kind == "time" and column.name in each.columns
    ]
    return max(DATES, key=lambda form: sum(shapes[name].readable[own, form] for name, own in times))


def _assigned(
    sources: Mapping[str, Source], shapes: Mapping[str, Shapes]
) -> tuple[tuple[Proposal, ...], tuple[str, ...]]:
    """Give each table of the contract the source that fits it best, the surest first."""
    worths = []
    for place, table in enumerate(TABLES):
        for name, source in sources.items():
            proposal, worth = _matched(table, source, shapes[name])
            if worth >= _LEAST and len(proposal.missing) <= 1:
                # A table of the database's own schema before one of another schema.
                worths.append((-worth, place, "." in name, name, proposal))
    found: dict[int, Proposal] = {}
    taken: set[str] = set()
    for _, place, _, name, proposal in sorted(worths, key=lambda each: each[:4]):
        if place not in found and name not in taken:
            found[place] = proposal
            taken.add(name)
    return tuple(found[place] for place in sorted(found)), tuple(name for name in sources if name not in taken)


def _matched(table: Table, source: Source, shapes: Shapes) -> tuple[Proposal, float]:
    """Match the columns of one source with those of a table, and say what the match is worth."""
    pairs = [
        (-likeness, place, own_place, column, own)
        for place, column in enumerate(columns_of(table))
        for own_place, own in enumerate(source.types)
        if (likeness := column_likeness(table, column, own)) >= HOLDS and fits(column, own, shapes)
    ]
    names: dict[str, str] = {}
    worth = 2 * table_likeness(table, source.name)
    for likeness, _, _, column, own in sorted(pairs, key=lambda pair: pair[:3]):
        if column.name not in names and own not in names.values():
            names[column.name] = own
            worth += -likeness * (1.0 if column.required else 0.25)
    guessed = _guessed(table, source, shapes, names)
    worth += _ONLY_ONE * len(guessed)
    order = {column.name: names.get(column.name) or guessed.get(column.name) for column in columns_of(table)}
    columns = {name: own for name, own in order.items() if own is not None}
    unused = tuple(own for own in source.types if own not in columns.values())
    worth -= 0.75 * sum(name not in columns for name in table.required)
    return Proposal(table, source.name, columns, frozenset(guessed), unused), worth


def _guessed(table: Table, source: Source, shapes: Shapes, names: Mapping[str, str]) -> dict[str, str]:
    """Return required columns for which one own column alone has the values."""
    free = [own for own in source.types if own not in names.values()]
    guessed: dict[str, str] = {}
    for column in columns_of(table):
        if column.required and column.name not in names and column.kind in ("time", "number"):
            fitting = [own for own in free if fits(column, own, shapes) and _is_like(column, own, shapes)]
            fitting = [own for own in fitting if own not in guessed.values()]
            if len(fitting) == 1:
                guessed[column.name] = fitting[0]
    return guessed


def _is_like(column: Column, own: str, shapes: Shapes) -> bool:
    """Tell a time from a number and a number from a code, where either can be read as the other."""
    if column.kind == "time":
        return shapes.readable[own, "number"] < 1
    return shapes.readable[own, "time"] < 1 and shapes.readable[own, "flag"] < 1


def _toml(proposal: Proposal) -> str:
    if proposal.understood:
        return f"# {proposal.table.name}: understood as it is."
    lines = [f"[mapping.{proposal.table.name}]"]
    if plain(proposal.own) != proposal.table.name:
        lines.append(f"table = {_text(proposal.own)}")
    for name, own in proposal.lines().items():
        note = "  # by its values alone" if name in proposal.guessed else ""
        lines.append(f"{name} = {_text(own)}{note}")
    lines += [f'# {name} = "?"  # needed, and nothing was found' for name in proposal.missing]
    if proposal.unused:
        kept = "kept as attributes" if proposal.table.name == "customers" else "not used"
        lines.append(f"# {kept}: {', '.join(proposal.unused)}")
    return "\n".join(lines)


def _text(name: str) -> str:
    # A JSON string of plain letters is a TOML string too.
    return json.dumps(name, ensure_ascii=False)
