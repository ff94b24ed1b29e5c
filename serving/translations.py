"""The texts of the service by language, a folder each: labels, sentences and the names of data values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from rapport.localized import localize
from rapport.scoring.messages import MESSAGES, value_label
from rapport.scoring.reasons.sentences import sentence_catalog
from rapport.shipped_yaml import read_shipped

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = ("en", "zh")
_WHOLE_NUMBER = re.compile(r"(\d)\.0\b")


# A value stands between two marks until a Chinese text has a space between its characters and Latin letters or numbers.
_MARK = "\0"
_BORDER = re.compile(r"(?<=[\u3400-\u9fff])\0(?=[A-Za-z0-9¥$€£−+<>])|(?<=[A-Za-z0-9%])\0(?=[\u3400-\u9fff])")


class PluralFormatter(Formatter):
    """Fills in values; ``{n:order|orders}`` is the first form for 1 and the second for any other number."""

    def format_field(self, value: object, format_spec: str) -> Any:
        """Return a value, or the form that its number needs."""
        one, bar, many = format_spec.partition("|")
        if bar:
            return one if str(value) == "1" else many
        return f"{_MARK}{super().format_field(value, format_spec)}{_MARK}"

    def filled(self, text: str, values: Mapping[str, object]) -> str:
        """Return a text with its values; the value itself never changes, only what is around it."""
        return _BORDER.sub(" ", self.vformat(text, (), values)).replace(_MARK, "")


_FORMATTER = PluralFormatter()


@cache
def translations(language: str) -> Translations:
    """Return the texts of a language, read once; every language other than ours reads English."""
    return Translations(language if language in LANGUAGES else LANGUAGES[0])


class Translations:
    """The texts of one language; each file of its folder is an area."""

    def __init__(self, language: str) -> None:
        self.language = language
        names = {key: localize(text, language) for key, text in MESSAGES.texts.items() if key.startswith("member.")}
        self.texts: dict[str, str] = {key: name[0].upper() + name[1:] for key, name in names.items()}
        families = sentence_catalog().families
        self.texts |= {f"family.{name}": localize(family.title, language) for name, family in families.items()}
        for path in sorted((TEXTS / language).glob("*.yaml")):
            self.texts |= read_shipped(path.read_text(encoding="utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with its values filled in."""
        text = self.texts[key]
        return _FORMATTER.filled(text, values) if values else text

    def has(self, key: str) -> bool:
        """Whether there is a text for a key."""
        return key in self.texts

    def label(self, kind: str, value: object) -> str:
        """Return the label of a data value (a tier, a family, an industry); the value itself when it has none."""
        own = self.texts.get(f"{kind}.{value}")
        return localize(value_label(str(value)), self.language) if own is None else own

    def event_detail(self, detail: str) -> str:
        """Translate the known words of an event's detail; a company's own words stay.

        Parts are separated by " · "; the first word of a part may be known ("due 2026-01-31").
        """
        return " · ".join(self._translate_part(part) for part in detail.split(" · "))

    def _translate_part(self, part: str) -> str:
        # The database writes whole numbers as 29.0.
        part = _WHOLE_NUMBER.sub(r"\1", part).replace("× -", "× −")
        whole = self.texts.get(f"event_detail.{part}")
        if whole is not None:
            return whole
        first, _, rest = part.partition(" ")
        known = self.texts.get(f"event_detail.{first}") if rest[:1].isdigit() else None
        return f"{known} {rest}" if known else localize(value_label(part), self.language)
