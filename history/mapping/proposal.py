"""A proposal for ``[mapping.*]`` in ``rapport.toml``: how a company's tables and columns fit the contract."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rapport.errors import TableError
from rapport.history.contract import TABLES, Column, Table, by_name, columns_of
from rapport.history.mapping.name_matching import (
    CONTAINED,
    ColumnFormats,
    accepts,
    column_similarity,
    detect_formats,
    table_similarity,
    written_forms,
)
from rapport.history.mapping.presets import detect_preset, load_preset
from rapport.history.mapping.presets.preset import Preset
from rapport.history.reading.database import Database, open_database
from rapport.history.reading.number_forms import NumberForm
from rapport.history.reading.table_names import normalized_name
from rapport.history.reading.time_forms import TimeForm
from rapport.history.settings import Settings
from rapport.history.sources.discovery import find_sources
from rapport.history.sources.postgres import redacted_url
from rapport.history.sources.source import Source

# Score of a column that is the only one of its kind, whatever its name.
_ONLY_CANDIDATE = 0.3
_MIN_SCORE = 1.2


@dataclass(frozen=True)
class TableProposal:
    """The source table and columns of one contract table; ``by_values`` are columns matched by their values alone."""

    table: Table
    source: str
    columns: Mapping[str, str]
    by_values: frozenset[str]
    unused: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the required columns without a match."""
        return tuple(name for name in self.table.required if name not in self.columns)

    @property
    def needs_no_mapping(self) -> bool:
        """Return whether the names are those of the contract already."""
        return not self.missing and not self.renamed_columns() and normalized_name(self.source) == self.table.name

    def renamed_columns(self) -> dict[str, str]:
        """Return contract column → source column where the names differ."""
        return {name: own for name, own in self.columns.items() if normalized_name(own) != name}


@dataclass(frozen=True)
class MappingProposal:
    """A mapping for a whole source, to be reviewed by someone who knows it."""

    origin: str
    tables: tuple[TableProposal, ...]
    unused: tuple[str, ...]
    date_format: str
    decimal: str = ""
    questions: tuple[str, ...] = ()
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_toml(self) -> str:
        """Return lines to paste into ``rapport.toml``."""
        parts = [f"# Proposed for {self.origin}. Review it: it was derived from names and values."]
        if self.preset:
            parts.append(f"# Recognised as {self.preset}.")
        parts += [f"{name} = {_text(str(value))}" for name, value in self.settings.items()]
        if self.date_format != "iso":
            parts.append(f'date_format = "{self.date_format}"')
        if self.decimal:
            parts.append(f'decimal = "{self.decimal}"')
        parts += [f"# question: {each}" for each in self.questions]
        parts += [_toml(proposal) for proposal in self.tables]
        absent = [table.name for table in TABLES if table.name not in {each.table.name for each in self.tables}]
        if absent:
            parts.append(f"# Nothing was found for: {', '.join(absent)}.")
        if self.unused:
            parts.append(f"# Not used: {', '.join(self.unused)}.")
        return "\n\n".join(parts) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return the mapping as plain values, ready for JSON and for ``Settings.of``."""
        return {
            "date_format": self.date_format,
            "decimal": self.decimal,
            "questions": list(self.questions),
            "preset": self.preset,
            **self.settings,
            "mapping": {each.table.name: {"table": each.source, **each.columns} for each in self.tables},
        }


def propose_mapping(source: str | Path, settings: Settings | None = None, preset: str | None = None) -> MappingProposal:
    """Compare the tables of a folder or a database with the contract, and propose a mapping.

    A ``preset`` names the system that wrote the tables; without one it is found by its tables and columns.
    """
    database = open_database(settings or Settings())
    try:
        with ExitStack() as resources:
            sources = find_sources(str(source), database.connection, resources, (settings or Settings()).encoding)
            known = load_preset(preset) if preset else detect_preset(sources)
            if known is not None:
                return _by_preset(str(source), known, sources, database, settings or Settings())
            formats = {name: detect_formats(each, database.connection) for name, each in sources.items()}
            tables, unused = _assign(sources, formats)
            decided = _decisions(tables, sources, database, settings or Settings())
        return MappingProposal(redacted_url(str(source)), tables, unused, *decided)
    finally:
        database.close()


def _by_preset(
    origin: str, preset: Preset, sources: Mapping[str, Source], database: Database, settings: Settings
) -> MappingProposal:
    """Return the mapping of a preset; nothing else is proposed, since the system's other tables are known too."""
    matches = preset.matches(sources)
    if not matches:
        raise TableError(
            f"{redacted_url(origin)}: has no table of the preset {preset.name}. It has: {', '.join(sorted(sources))}."
        )
    tables = []
    for match in matches:
        table, types = by_name(match.table), sources[match.source].types
        unused = tuple(own for own in types if own not in match.columns.values())
        tables.append(TableProposal(table, match.source, match.columns, frozenset(), unused))
    plain = [replace(each, columns=_plain_columns(each, sources)) for each in tables]
    usual = preset.settings.get("date_format", settings.date_format)
    form, decimal, questions = _decisions(tuple(plain), sources, database, replace(settings, date_format=usual))
    used = {match.source for match in matches}
    return MappingProposal(
        redacted_url(origin),
        tuple(tables),
        tuple(name for name in sources if name not in used),
        usual if form == "iso" and usual != "iso" else form,
        decimal,
        questions,
        preset=preset.name,
        settings={name: value for name, value in preset.settings.items() if name != "date_format"},
    )


def _plain_columns(proposal: TableProposal, sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the columns without expressions and those of other tables."""
    types = sources[proposal.source].types
    return {name: own for name, own in proposal.columns.items() if own in types}


def _decisions(
    tables: tuple[TableProposal, ...], sources: Mapping[str, Source], database: Database, settings: Settings
) -> tuple[str, str, tuple[str, ...]]:
    """Return the date format and the decimal mark that all values of the files show, and the questions left open."""
    orders: set[str] = set()
    decimals: set[str] = set()
    questions: list[str] = []
    for proposal in tables:
        for column in written_forms(proposal.table, sources[proposal.source], proposal.columns, database, settings):
            form, where = column.form, f"{proposal.source}: {proposal.columns[column.column.name]}"
            if isinstance(form, NumberForm):
                decimals.add(form.decimal)
                questions += [f'{where} has values such as 4.400: set decimal = "." or ",".'] * (form.decimal == "?")
            if isinstance(form, TimeForm) and form.found.slashed:
                orders.add(form.order)
                asked = f'{where} has dates such as 03/04/2026: set date_format = "day_first" or "month_first".'
                questions += [asked] * (form.order == "?")
    return _only(orders, "iso"), _only(decimals - {"."}, ""), tuple(questions)


def _only(found: set[str], otherwise: str) -> str:
    """Return what is found if all columns agree; a setting holds for all files."""
    return found.copy().pop() if len(found) == 1 and found != {"?"} else otherwise


def _assign(
    sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> tuple[tuple[TableProposal, ...], tuple[str, ...]]:
    """Assign to each contract table the source that matches it best, the highest score first."""
    candidates = []
    for position, table in enumerate(TABLES):
        for name, source in sources.items():
            proposal, score = _match(table, source, formats[name])
            if score >= _MIN_SCORE and len(proposal.missing) <= 1:
                # A table of the default schema comes before one of another schema.
                candidates.append((-score, position, "." in name, name, proposal))
    found: dict[int, TableProposal] = {}
    taken: set[str] = set()
    for _, position, _, name, proposal in sorted(candidates, key=lambda each: each[:4]):
        if position not in found and name not in taken:
            found[position] = proposal
            taken.add(name)
    return tuple(found[position] for position in sorted(found)), tuple(name for name in sources if name not in taken)


def _match(table: Table, source: Source, formats: ColumnFormats) -> tuple[TableProposal, float]:
    """Match the columns of one source with those of a table, and score the match."""
    pairs = [
        (-similarity, position, own_position, column, own)
        for position, column in enumerate(columns_of(table))
        for own_position, own in enumerate(source.types)
        if (similarity := column_similarity(table, column, own)) >= CONTAINED and accepts(column, own, formats)
    ]
    names: dict[str, str] = {}
    score = 2 * table_similarity(table, source.name)
    for similarity, _, _, column, own in sorted(pairs, key=lambda pair: pair[:3]):
        if column.name not in names and own not in names.values():
            names[column.name] = own
            score += -similarity * (1.0 if column.required else 0.25)
    by_values = _match_by_values(table, source, formats, names)
    score += _ONLY_CANDIDATE * len(by_values)
    order = {column.name: names.get(column.name) or by_values.get(column.name) for column in columns_of(table)}
    columns = {name: own for name, own in order.items() if own is not None}
    unused = tuple(own for own in source.types if own not in columns.values())
    score -= 0.75 * sum(name not in columns for name in table.required)
    return TableProposal(table, source.name, columns, frozenset(by_values), unused), score


def _match_by_values(table: Table, source: Source, formats: ColumnFormats, names: Mapping[str, str]) -> dict[str, str]:
    """Return required columns for which exactly one source column has fitting values."""
    free = [own for own in source.types if own not in names.values()]
    matched: dict[str, str] = {}
    for column in columns_of(table):
        if column.required and column.name not in names and column.kind in ("time", "number"):
            fitting = [own for own in free if accepts(column, own, formats) and _is_specific(column, own, formats)]
            fitting = [own for own in fitting if own not in matched.values()]
            if len(fitting) == 1:
                matched[column.name] = fitting[0]
    return matched


def _is_specific(column: Column, own: str, formats: ColumnFormats) -> bool:
    """Return whether values can be read only as the column's type, where a time could also be a number or a flag."""
    if column.kind == "time":
        return formats.readable[own, "number"] < 1
    return formats.readable[own, "time"] < 1 and formats.readable[own, "flag"] < 1


def _toml(proposal: TableProposal) -> str:
    if proposal.needs_no_mapping:
        return f"# {proposal.table.name}: recognised without a mapping."
    lines = [f"[mapping.{proposal.table.name}]"]
    if normalized_name(proposal.source) != proposal.table.name:
        lines.append(f"table = {_text(proposal.source)}")
    for name, own in proposal.renamed_columns().items():
        note = "  # matched by values only" if name in proposal.by_values else ""
        lines.append(f"{name} = {_text(own)}{note}")
    lines += [f'# {name} = "?"  # required, no match found' for name in proposal.missing]
    if proposal.unused:
        kept = "kept as attributes" if proposal.table.name == "customers" else "not used"
        lines.append(f"# {kept}: {', '.join(proposal.unused)}")
    return "\n".join(lines)


def _text(name: str) -> str:
    # A JSON string without control characters is also a TOML string.
    return json.dumps(name, ensure_ascii=False)
