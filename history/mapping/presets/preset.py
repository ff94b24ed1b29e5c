"""Reading of presets, and matching of one with the tables of a source."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from rapport.errors import SettingsError, TableError
from rapport.history.contract import by_name
from rapport.history.mapping.table_proposal import expression_name
from rapport.history.reading.expressions import is_expression, parse_expression, without_unit
from rapport.history.reading.table_names import normalized_name
from rapport.history.sources.source import Source
from rapport.shipped_yaml import read_shipped

_WORDS = re.compile(r"[\s\-./()*:]+")


@dataclass(frozen=True)
class PresetMatch:
    """One contract table as the preset reads it: the source, and contract column → source column or expression."""

    table: str
    source: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Preset:
    """A system's forms of each contract table, in order of preference; ``sign`` names tables that only it has."""

    name: str
    title: str
    sign: tuple[Mapping[str, Any], ...]
    tables: Mapping[str, tuple[Mapping[str, Any], ...]]
    settings: Mapping[str, Any]

    def matches(self, sources: Mapping[str, Source]) -> list[PresetMatch]:
        """Return the contract tables that the sources have in one of the preset's forms."""
        found = []
        for table, forms in self.tables.items():
            match = next((m for form in forms if (m := _match(table, form, sources)) is not None), None)
            if match is not None:
                found.append(match)
        return found

    def recognises(self, sources: Mapping[str, Source]) -> bool:
        """Return whether one of the preset's signs is there: a table with columns that no other system has together."""
        return any(
            set(map(_bare, sign["columns"])) <= set(map(_bare, source.types))
            for sign in self.sign
            for source in _named(sign["table"], sources)
        )


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(_stored())


def load_preset(name: str) -> Preset:
    """Return a preset; SettingsError for an unknown name."""
    if name not in _stored():
        raise SettingsError(f"--preset {name}: there is no such preset. There are: {', '.join(preset_names())}.")
    return _stored()[name]


def detect_preset(sources: Mapping[str, Source]) -> Preset | None:
    """Return the only preset whose signs the sources have; None if there is none or several."""
    found = [preset for preset in _stored().values() if preset.recognises(sources) and preset.matches(sources)]
    return found[0] if len(found) == 1 else None


def presets_page() -> str:
    """Return docs/presets.md: which table of which system feeds which table of the contract."""
    lines = [
        "# Presets",
        "",
        "`rapport map HISTORY` recognises these systems by their tables and columns; `--preset NAME` says which it is.",
        "Both exports and the raw tables of connectors (Fivetran, Airbyte) are read. A preset is one file in",
        "`history/mapping/presets/`; its first form that fits is proposed, with its condition and its joins. Rows",
        "without a customer, such as private contacts, are left out, and `rapport check` says how many.",
    ]
    for preset in (_stored()[name] for name in preset_names()):
        lines += [
            "",
            f"## `{preset.name}` · {preset.title}",
            "",
            "| table | read from | condition |",
            "| --- | --- | --- |",
        ]
        for table, forms in preset.tables.items():
            for form in forms:
                where = f"`{_listed(form['where'])[0]}`" if form.get("where") else ""
                names = ", ".join(f"`{each}`" for each in form["table"].split("|"))
                lines.append(f"| `{table}` | {names} | {where} |")
    return "\n".join(lines) + "\n"


@cache
def _stored() -> dict[str, Preset]:
    folder = files("rapport.history.mapping.presets")
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".yaml"):
            read = read_shipped(entry.read_text(encoding="utf-8"))
            name = entry.name.removesuffix(".yaml")
            tables = {table: tuple(forms) for table, forms in read["tables"].items()}
            found[name] = Preset(name, read["title"], tuple(read["sign"]), tables, read.get("settings", {}))
    return found


def _match(table: str, form: Mapping[str, Any], sources: Mapping[str, Source]) -> PresetMatch | None:
    """Return the form with the names of the source; None if the source or a required column is not there."""
    for source in _named(form["table"], sources):
        types = dict(source.types)
        joins = list(_joins(form.get("join", ""), types, sources))
        columns: dict[str, str] = {}
        for name, written in form["columns"].items():
            own = next((o for each in _listed(written) if (o := _own(each, types)) is not None), None)
            if own is not None:
                columns[name] = own
        if all(name in columns for name in by_name(table).required):
            conditions = [each for each in _listed(form.get("where", [])) if _own(each, types) is not None]
            conditions = conditions[:1]
            if table != "customers" and (customer := columns.get("customer_id")):
                # Contacts, deals and meetings of nobody are usual in a CRM, and say nothing about a customer.
                conditions.append(f"{expression_name(customer) if customer in types else customer} <> ''")
            head = {"where": " and ".join(map(_bracketed, conditions))} if conditions else {}
            if joins:
                head["join"] = "; ".join(joins)
            kept = [each for each in _listed(form.get("changes", [])) if _has_history(each, sources)]
            if kept:
                head["changes"] = "; ".join(kept)
            return PresetMatch(table, source.name, head | columns)
    return None


def _bracketed(condition: str) -> str:
    return f"({condition})" if " or " in condition else condition


def _joins(written: str, types: dict[str, str], sources: Mapping[str, Source]) -> Iterator[str]:
    """Yield the joins whose tables are there, and add their columns to the types."""
    for part in (each.strip() for each in written.split(";") if each.strip()):
        other, _, keys = part.partition(" on ")
        theirs, _, own = (each.strip() for each in keys.partition("="))
        partner = next(iter(_named(other, sources)), None)
        if partner is not None and theirs in partner.types and own in types:
            types |= {column: kind for column, kind in partner.types.items() if column not in types}
            yield f"{partner.name} on {theirs} = {own}"


def _has_history(written: str, sources: Mapping[str, Source]) -> bool:
    """Return whether a history of change is there: ``table(column, column …)``."""
    table, _, columns = written.rstrip(")").partition("(")
    types = {_bare(own) for name in (table.lower(), table) if name in sources for own in sources[name].types}
    return bool(types) and all(_bare(each) in types for each in columns.split(","))


def _listed(written: object) -> list[str]:
    return list(written) if isinstance(written, list) else [str(written)]


def _own(written: str, types: Mapping[str, str]) -> str | None:
    """Return the source's column of that name, or the expression if all its columns are there."""
    if written in types:
        return written
    same = next((own for own in types if _bare(written) in (_bare(own), _bare(without_unit(own)))), None)
    if same is not None or (not is_expression(written) and "(" not in written and " " not in written.strip()):
        return same
    try:
        parse_expression(written, types, "preset", number=False)
    except TableError:
        return None
    return written


def _named(pattern: str, sources: Mapping[str, Source]) -> list[Source]:
    """Return the sources whose name, without a schema, fits one of the patterns."""
    wanted = [_bare(each) for each in pattern.split("|")]
    return [
        source
        for each in wanted
        for name, source in sources.items()
        if fnmatchcase(_bare(name.rsplit(".", 1)[-1]), each) or fnmatchcase(_bare(normalized_name(name)), each)
    ]


def _bare(name: str) -> str:
    kept = _WORDS.sub("_", name.strip().lstrip("\ufeff")) if "*" not in name else name.replace(" ", "_")
    return kept.strip("_").lower()
