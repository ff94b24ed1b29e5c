"""The file of a further language: gettext entries, read by Babel."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel.core import Locale, UnknownLocaleError
from babel.messages.pofile import PoFileError, read_po

_PLACEHOLDER = re.compile(r"\{(\w*)")


@dataclass(frozen=True)
class TranslationFile:
    """The translations of a file by context and English text, the locale of its dates, and its plural rule."""

    texts: Mapping[tuple[str | None, str], str]
    locale: str
    plural: Callable[[str], int]

    def get(self, text: str, context: str | None = None) -> str | None:
        """Return the translation of a text; None where the file has none."""
        return self.texts.get((context, text))


def read_translations(path: Path) -> TranslationFile:
    """Read the translations of a language.

    A draft of a translation (``fuzzy``) counts as none, and so does one with a placeholder that the English text lacks:
    it could not be filled.
    """
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=_locale(path.stem), abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise ValueError(f"{path.name}: not a gettext file ({error}).") from error
    texts = {
        (entry.context, str(entry.id)): str(entry.string)
        for entry in catalogue
        if entry.id and entry.string and not entry.fuzzy and _placeholders(entry.string) <= _placeholders(entry.id)
    }
    return TranslationFile(texts, str(_locale(path.stem) or "en"), _plural_rule(catalogue.plural_expr))


def _placeholders(text: object) -> set[str]:
    return set(_PLACEHOLDER.findall(str(text)))


def _locale(code: str) -> Locale | None:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return None


def _plural_rule(expression: str) -> Callable[[str], int]:
    rule = gettext.c2py(expression)

    def position(number: str) -> int:
        try:
            return int(rule(int(number.replace(",", ""))))
        except ValueError:
            # A number with a fraction takes the last form.
            return 99

    return position
