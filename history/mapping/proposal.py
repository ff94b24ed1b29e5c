"""A proposal for ``[mapping.*]`` in ``rapport.toml``: how a company's tables and columns fit the contract."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rapport.errors import TableError
from rapport.history.contract import TABLES, Table, by_name, columns_of
from rapport.history.mapping.grouped_files import filled_down, heads_of
from rapport.history.mapping.messages import comment, message, question_line
from rapport.history.mapping.name_matching import detect_formats, table_similarity, written_forms
from rapport.history.mapping.order_lines import MatchedSources, with_order_lines
from rapport.history.mapping.presets import detect_preset, load_preset
from rapport.history.mapping.presets.preset import Preset
from rapport.history.mapping.refinement import refined, with_samples
from rapport.history.mapping.table_matching import assign
from rapport.history.mapping.table_proposal import TableProposal, toml_text
from rapport.history.mapping.unknown_files import questions_of
from rapport.history.reading.database import Database, open_database
from rapport.history.reading.expressions import parse_expression
from rapport.history.reading.number_forms import NumberForm
from rapport.history.reading.table_names import normalized_name
from rapport.history.reading.time_forms import TimeForm
from rapport.history.settings import Settings
from rapport.history.sources.discovery import find_sources
from rapport.history.sources.postgres import redacted_url
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText


@dataclass(frozen=True)
class MappingProposal:
    """A mapping for a whole source, to be reviewed by someone who knows it."""

    origin: str
    tables: tuple[TableProposal, ...]
    unused: tuple[str, ...]
    date_format: str
    decimal: str = ""
    questions: tuple[LocalizedText, ...] = ()
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    doubts: tuple[LocalizedText, ...] = ()

    def as_toml(self, language: str = "en") -> str:
        """Return lines to paste into ``rapport.toml``."""
        say = partial(comment, language)
        parts = [say("proposed", self.origin)]
        if self.preset:
            parts.append(say("preset", self.preset))
        parts += [f"{name} = {toml_text(str(value))}" for name, value in self.settings.items()]
        if self.date_format != "iso":
            parts.append(f'date_format = "{self.date_format}"')
        if self.decimal:
            parts.append(f'decimal = "{self.decimal}"')
        parts += [question_line(each, language) for each in (*self.questions, *self.doubts)]
        parts += [proposal.as_toml(language) for proposal in self.tables]
        absent = [table.name for table in TABLES if table.name not in {each.table.name for each in self.tables}]
        if absent:
            parts.append(say("absent", ", ".join(absent)))
        if self.unused:
            parts.append(say("unused", ", ".join(self.unused)))
        return "\n\n".join(parts) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return the mapping as plain values for JSON."""
        return {
            "date_format": self.date_format,
            "decimal": self.decimal,
            "questions": [each.en for each in self.questions],
            "doubts": [each.en for each in self.doubts],
            "columns": {each.table.name: each.as_dict() for each in self.tables},
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
            encoding = (settings or Settings()).encoding
            unreadable: dict[str, TableError] = {}
            sources = find_sources(str(source), database.connection, resources, encoding, unreadable)
            rejected = _doubts_of_unreadable(unreadable)
            known = load_preset(preset) if preset else detect_preset(sources)
            if known is not None:
                return _by_preset(str(source), known, sources, database, settings or Settings())
            formats = {name: detect_formats(each, database.connection) for name, each in sources.items()}
            heads = heads_of(sources, formats, database.connection)
            matched = MatchedSources(assign(sources, formats), sources, formats)
            matched = with_order_lines(matched, database.connection)
            sources = dict(matched.sources)
            tables, doubts = refined(matched.tables, sources, matched.formats, database.connection)
            tables = filled_down(tables, heads)
            doubts = (*rejected, *matched.doubts, *doubts, *_grouped(heads))
            unused = tuple(name for name in sources if not any(name in each.sources for each in tables))
            doubts += (*questions_of(sources, unused, {each.table.name for each in tables}, doubts),)
            plain = tuple(_plain(each, sources) for each in tables)
            decided = _decisions(plain, sources, database, settings or Settings())
        by = _churn_of({each.table.name: each.columns for each in tables})
        return MappingProposal(redacted_url(str(source)), tables, unused, *decided, settings=by, doubts=doubts)
    finally:
        database.close()


def _churn_of(tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the setting of churn where no table has orders: contracts with an end, or that run on until cancelled."""
    contracts = tables.get("contracts", {})
    if "orders" in tables or not {"ends_at", "cancelled_at"} & {*contracts}:
        return {}
    return {"churn": "contracts" if "ends_at" in contracts else "subscriptions"}


def _doubts_of_unreadable(unreadable: Mapping[str, TableError]) -> tuple[LocalizedText, ...]:
    """Return a doubt for each file that cannot be read; one that may be a table of the contract stops the proposal."""
    for name, error in unreadable.items():
        if any(table_similarity(table, name) for table in TABLES):
            raise error
    sentences = [LocalizedText.of(error.sentence) for error in unreadable.values()]
    return tuple(message("doubt.unreadable", reason=each) for each in sentences)


def _by_preset(
    origin: str, preset: Preset, sources: Mapping[str, Source], database: Database, settings: Settings
) -> MappingProposal:
    """Return the mapping of a preset; nothing else is proposed, since the system's other tables are known too."""
    matches = preset.matches(sources)
    if not matches:
        raise TableError(
            f"{redacted_url(origin)}: has no table of the preset {preset.name}. It has: {', '.join(sorted(sources))}."
        )
    found = [own for table in TABLES if (own := _contract_table(table, sources)) is not None]
    taken = {each.table.name for each in found}
    matches = [match for match in matches if match.table not in taken]
    for match in matches:
        table, types = by_name(match.table), sources[match.source].types
        unused = tuple(own for own in types if own not in match.columns.values())
        found.append(TableProposal(table, match.source, match.columns, frozenset(), unused))
    found.sort(key=lambda each: TABLES.index(each.table))
    formats = {each.source: detect_formats(sources[each.source], database.connection) for each in found}
    heads = heads_of({name: sources[name] for name in formats}, formats, database.connection)
    tables = filled_down(with_samples(tuple(found), sources, database.connection), heads)
    plain = [_plain(each, sources) for each in tables]
    usual = preset.settings.get("date_format", settings.date_format)
    form, decimal, questions = _decisions(tuple(plain), sources, database, replace(settings, date_format=usual))
    used = {each.source for each in found}
    return MappingProposal(
        redacted_url(origin),
        tables,
        tuple(name for name in sources if name not in used),
        usual if form == "iso" and usual != "iso" else form,
        decimal,
        questions,
        preset=preset.name,
        doubts=_grouped(heads),
        settings={name: value for name, value in preset.settings.items() if name != "date_format"},
    )


def _grouped(heads: Mapping[str, list[str]]) -> tuple[LocalizedText, ...]:
    written = {own: LocalizedText.listed(names) for own, names in heads.items()}
    return tuple(message("doubt.grouped", source=own, heads=names) for own, names in written.items())


def _contract_table(table: Table, sources: Mapping[str, Source]) -> TableProposal | None:
    """Return the source that has the name and the columns of a contract table: it is that table in every system."""
    for source in sources.values():
        own = {normalized_name(each): each for each in source.types}
        if normalized_name(source.name) == table.name and own.keys() >= {*table.required}:
            columns = {column.name: own[column.name] for column in columns_of(table) if column.name in own}
            unused = tuple(each for each in source.types if each not in columns.values())
            return TableProposal(table, source.name, columns, frozenset(), unused)
    return None


def _plain(proposal: TableProposal, sources: Mapping[str, Source]) -> TableProposal:
    """Return the proposal with columns of its own source alone: of an expression of a time that of the day."""
    types = sources[proposal.source].types
    plain = {}
    for name, own in proposal.columns.items():
        if own in types:
            plain[name] = own
        elif name == proposal.table.time and (day := _first_column(own, types)):
            plain[name] = day
    return replace(proposal, columns=plain)


def _first_column(written: str, types: Mapping[str, str]) -> str | None:
    """Return the first column of an expression; None if it uses those of another table, too."""
    try:
        return next(iter(parse_expression(written, types, "", number=False).columns), None)
    except TableError:
        return None


def _decisions(
    tables: tuple[TableProposal, ...], sources: Mapping[str, Source], database: Database, settings: Settings
) -> tuple[str, str, tuple[LocalizedText, ...]]:
    """Return the date format and the decimal mark that all values of the files show, and the questions left open."""
    orders: set[str] = set()
    decimals: set[str] = set()
    questions: list[LocalizedText] = []
    for proposal in tables:
        for column in written_forms(proposal.table, sources[proposal.source], proposal.columns, database, settings):
            form, where = column.form, f"{proposal.source}: {proposal.columns[column.column.name]}"
            if isinstance(form, NumberForm):
                decimals.add(form.decimal)
                questions += [message("ask.decimal", where=where)] * (form.decimal == "?")
            if isinstance(form, TimeForm) and form.found.slashed:
                orders.add(form.order)
                questions += [message("ask.date_format", where=where)] * (form.order == "?")
    return _only(orders, "iso"), _only(decimals - {"."}, ""), tuple(questions)


def _only(found: set[str], otherwise: str) -> str:
    """Return what is found if all columns agree; a setting holds for all files."""
    return found.copy().pop() if len(found) == 1 and found != {"?"} else otherwise
