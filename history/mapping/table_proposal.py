"""What is proposed for one table of the contract, and how sure each column is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rapport.history.contract import Table
from rapport.history.mapping.messages import comment
from rapport.history.mapping.name_matching import synonyms
from rapport.history.reading.table_names import NOT_COLUMNS, names_of, normalized_name
from rapport.history.sources.source import Source

_LONGEST_SAMPLE = 24


@dataclass(frozen=True)
class TableProposal:
    """The source table and columns of one contract table; ``by_values`` are columns matched by their values alone.

    ``confidence`` (0 to 1) and ``samples`` belong to the columns; a preset knows its columns and is certain of them.
    """

    table: Table
    source: str
    columns: Mapping[str, str]
    by_values: frozenset[str]
    unused: tuple[str, ...]
    confidence: Mapping[str, float] = field(default_factory=dict)
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the required columns without a match."""
        return tuple(name for name in self.table.required if name not in self.columns)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the source table and those that are joined to it."""
        joins = self.columns.get("join", "").split(";")
        return (self.source, *(each.partition(" on ")[0].strip() for each in joins if each.strip()))

    @property
    def needs_no_mapping(self) -> bool:
        """Return whether the names are those of the contract already."""
        return not self.missing and not self.renamed_columns() and normalized_name(self.source) == self.table.name

    def renamed_columns(self) -> dict[str, str]:
        """Return contract column → source column where the names differ."""
        return {name: own for name, own in self.columns.items() if normalized_name(own) != name}

    def with_columns(self, columns: Mapping[str, str], confidence: float = 1.0) -> "TableProposal":
        """Return the proposal with other columns or conditions."""
        all_columns = {**self.columns, **columns}
        unused = tuple(own for own in self.unused if own not in columns.values())
        certain = {**self.confidence, **dict.fromkeys(columns, confidence)}
        left = self.by_values - columns.keys()
        return replace(self, columns=all_columns, unused=unused, confidence=certain, by_values=left)

    def as_toml(self, language: str = "en") -> str:
        """Return the lines of ``[mapping.*]``, each column with its confidence and sample values."""
        note = partial(self._note, language=language)
        if self.needs_no_mapping:
            known = comment(language, "recognised", self.table.name)
            return "\n".join([known, *(f"#   {name}{note(name)}" for name in self.columns)])
        lines = [f"[mapping.{self.table.name}]"]
        if normalized_name(self.source) != self.table.name:
            lines.append(f"table = {toml_text(self.source)}")
        lines += [f"{name} = {toml_text(own)}{note(name)}" for name, own in self.renamed_columns().items()]
        lines += [comment(language, "missing", f'{name} = "?"') for name in self.missing]
        if self.unused:
            kept = "attributes" if self.table.name == "customers" else "unused_columns"
            lines.append(comment(language, kept, ", ".join(self.unused)))
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return each column with its source, confidence and samples."""
        return {
            name: {
                "source": own,
                "confidence": round(self.confidence.get(name, 1.0), 2),
                "samples": list(self.samples.get(name, ())),
            }
            for name, own in self.columns.items()
            if name not in NOT_COLUMNS
        }

    def _note(self, name: str, language: str) -> str:
        if name not in self.samples:
            return ""
        values = ", ".join(_shortened(each) for each in self.samples[name]) or "–"
        found = f"{self.confidence.get(name, 1.0):.0%}: {values}"
        return f"  {comment(language, 'by_values', found) if name in self.by_values else f'# {found}'}"


def _shortened(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST_SAMPLE else f"{line[: _LONGEST_SAMPLE - 1]}…"


def toml_text(text: str) -> str:
    """Return a text in TOML."""
    # A JSON string without control characters is also a TOML string.
    return json.dumps(text, ensure_ascii=False)


def expression_name(own: str) -> str:
    """Return a column's name as expressions write it."""
    return own if re.fullmatch(r"[^\W\d]\w*", own) else '"' + own.replace('"', '""') + '"'


def role_columns(role: str, source: Source) -> list[str]:
    """Return the columns of a source that have a role by their names, such as ``unit_price``."""
    return [own for own in source.types if names_of(own) & {*synonyms()["roles"][role]}]
