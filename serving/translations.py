"""The texts of the service by language, a folder each: labels, sentences and the names of data values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rapport.languages import CODES, OWN, translated
from rapport.localized import PluralFormatter, localize
from rapport.scoring.messages import MESSAGES, value_label
from rapport.scoring.reasons.sentences import sentence_catalog
from rapport.shipped_yaml import read_shipped

TEXTS = Path(__file__).parent / "texts"
_WHOLE_NUMBER = re.compile(r"(\d)\.0\b")


# A value stands between two marks until a Chinese text has a space between its characters and Latin letters or numbers.
_MARK = "\0"
_BORDER = re.compile(r"(?<=[\u3400-\u9fff])\0(?=[A-Za-z0-9¥$€£−+<>])|(?<=[A-Za-z0-9%])\0(?=[\u3400-\u9fff])")


class SpacedFormatter(PluralFormatter):
    """Fills in values, with the spaces that Chinese puts around them."""

    def format_field(self, value: object, format_spec: str) -> Any:
        """Return a value, or the form that its number needs."""
        text = super().format_field(value, format_spec)
        return text if "|" in format_spec else f"{_MARK}{text}{_MARK}"

    def filled(self, text: str, values: Mapping[str, object]) -> str:
        """Return a text with its values; the value itself never changes, only what is around it."""
        return _BORDER.sub(" ", self.vformat(text, (), values)).replace(_MARK, "")


@cache
def translations(language: str) -> Translations:
    """Return the texts of a language, read once; every language other than ours reads English."""
    return Translations(language if language in CODES else CODES[0])


def written_texts(language: str) -> dict[str, str]:
    """Return the texts of the folder of a language by key."""
    files = sorted((TEXTS / language).glob("*.yaml"))
    return {key: text for path in files for key, text in read_shipped(path.read_text(encoding="utf-8")).items()}


class Translations:
    """The texts of one language; each file of its folder is an area. A further language translates the English ones."""

    def __init__(self, language: str) -> None:
        self.language = language
        names = {key: localize(text, language) for key, text in MESSAGES.texts.items() if key.startswith("member.")}
        self.texts: dict[str, str] = {key: name[0].upper() + name[1:] for key, name in names.items()}
        families = sentence_catalog().families
        self.texts |= {f"family.{name}": localize(family.title, language) for name, family in families.items()}
        self._formatter = SpacedFormatter(language)
        for key, text in written_texts(language if language in OWN else OWN[0]).items():
            self.texts[key] = translated(text, language, key)

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with its values filled in."""
        text = self.texts[key]
        return self._formatter.filled(text, values) if values else text

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
