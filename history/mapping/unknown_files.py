"""Files that fit no table of the contract: what to write, where nothing that a model needs was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

from rapport.history.mapping.messages import message
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# One of these is needed: otherwise nobody's past is known.
_NEEDED = frozenset(("orders", "contracts", "opportunities"))
# More files than these are a system's schema, of which most tables are not meant.
_MOST, _SHOWN = 5, 20
_MONTH = re.compile(
    r"((19|20)\d\d)[-./_年 ]?(0?[1-9]|1[0-2])月?|(0?[1-9]|1[0-2])[-./](19|20)\d\d|(1[0-2]|[1-9])月(份)?"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-./_ ']*(\d\d)?(\d\d)?"
)
_FEWEST_MONTHS = 6


def questions_of(
    sources: Mapping[str, Source], unused: Sequence[str], found: Set[str], doubts: Sequence[LocalizedText]
) -> list[LocalizedText]:
    """Return a question about each unused file, if no table says what customers bought and no doubt names it."""
    if _NEEDED & found or len(unused) > _MOST:
        return []
    open_ones = [name for name in unused if not any(each.en.startswith(f"{name} ") for each in doubts)]
    return [_question(name, list(sources[name].types)) for name in open_ones]


def _question(source: str, columns: Sequence[str]) -> LocalizedText:
    months = [each for each in columns if _MONTH.fullmatch(each.strip().lower())]
    if len(months) >= _FEWEST_MONTHS:
        return message("doubt.months", source=source, example=f"{months[0]} … {months[-1]}")
    more = " …" if len(columns) > _SHOWN else ""
    return message("doubt.unknown", source=source, columns=", ".join(columns[:_SHOWN]) + more)
