"""The languages of the product, and how each one writes.

English and Chinese are part of the code. Each further language is one gettext file in this folder, ``<code>.po``: its
entries in the context ``grammar`` say how it writes, all others translate the English texts. A text that it does not
translate is shown in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

OWN = ("en", "zh")
FURTHER = tuple(sorted({path.stem for path in Path(__file__).parent.glob("*.po")} - set(OWN)))
CODES = (*OWN, *FURTHER)
if TYPE_CHECKING:
    LanguageCode = str
else:
    LanguageCode = Literal[CODES]

GRAMMAR = "grammar"
"""The context of the entries that say how a language writes; their ids are the fields of `Grammar`."""
_BORDER = re.compile(r"(?<=[\u3400-\u9fff])(?=[0-9¥$€£−])|(?<=[0-9%])(?=[\u3400-\u9fff])")


def _one_or_many(number: str) -> int:
    return int(number != "1")


@dataclass(frozen=True)
class Grammar:
    """How a language writes.

    Parameters
    ----------
    code, tag, locale : of the language in settings and requests, in HTML (BCP 47), and in Babel.
    name : what its speakers call it.
    comma, semicolon, colon, full_stop, sentence_space : what separates the items of a list, clauses, a head from its
        text, and sentences.
    thousand, million, billion : what stands behind a short amount of money.
    plural : from a number as text to the position of the noun's form.
    """

    code: str
    tag: str
    locale: str
    name: str
    comma: str = ", "
    semicolon: str = "; "
    colon: str = ": "
    full_stop: str = "."
    sentence_space: str = " "
    thousand: str = "k"
    million: str = "m"
    billion: str = "bn"
    plural: Callable[[str], int] = _one_or_many

    @property
    def is_chinese(self) -> bool:
        """Tell whether numbers stand between characters, and money is counted in 万 and 亿."""
        return self.code == "zh"

    def spaced(self, text: str) -> str:
        """Return a text with the spaces that the language puts around numbers."""
        return _BORDER.sub(" ", text) if self.is_chinese else text

    def sentences(self, *texts: str) -> str:
        """Join sentences; one that is empty is left out."""
        return self.sentence_space.join(text for text in texts if text)

    def form(self, number: object, forms: list[str]) -> str:
        """Return the form of a noun that a number needs; the last one where the language has no further."""
        return forms[min(self.plural(str(number)), len(forms) - 1)]


ENGLISH = Grammar("en", "en", "en", "English")
CHINESE = Grammar("zh", "zh-Hans", "zh", "中文", "、", "；", "：", "。", "")
WRITTEN = tuple(field.name for field in fields(Grammar) if field.name not in ("code", "tag", "locale", "plural"))
"""What a file of a further language says about how it writes."""


@cache
def grammar(code: str) -> Grammar:
    """Return how a language writes; a code that is not one of ours writes English."""
    if code in OWN or code not in FURTHER:
        return CHINESE if code == "zh" else ENGLISH
    written = _file(code)
    own = {name: written.get(name, GRAMMAR) for name in WRITTEN}
    return replace(
        ENGLISH, code=code, tag=code.replace("_", "-"), locale=written.locale, plural=written.plural,
        **{"name": code} | {name: text for name, text in own.items() if text is not None},
    )  # fmt: skip


def translated(text: str, code: str, context: str | None = None) -> str:
    """Return an English text or template in a further language; in English where its file has no translation."""
    if code not in FURTHER:
        return text
    found = _file(code).get(text, context) if context else None
    return found or _file(code).get(text) or text


def in_every_language(write: Callable[[str], str]) -> Mapping[str, str]:
    """Return what a function writes, by the code of each further language."""
    return {code: write(code) for code in FURTHER}


@cache
def _file(code: str) -> TranslationFile:
    # A process that shows no further language does without Babel's reader.
    from rapport.languages.translation_file import read_translations  # noqa: PLC0415

    return read_translations(Path(__file__).parent / f"{code}.po")


if TYPE_CHECKING:
    from rapport.languages.translation_file import TranslationFile
