"""Names of people and companies in a text whose known names are blanked: whatever is left is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from rapport.serving.api.agents.patterns import table

_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•\-–—*(\"“«])\s*$")
_CAPITALISED = re.compile(r"(?<![A-Za-z])[A-Z][a-z]+(?:[ -][A-Z][a-z]+)*(?![A-Za-z])")
_NAMING = re.compile(
    r" (?:competes|bids|is (?:bidding|competing)|is (?:the|a|our|their) (?:\w+ )?(?:competitor|rival|contact|owner))\b"
)


@cache
def _chinese() -> re.Pattern[str]:
    """Return the expression of Chinese names: a surname between words that stand around people, or a company."""
    part = table()["chinese_names"]
    one = rf"[{part['surnames']}][\u4e00-\u9fff]{{1,2}}"
    person = rf"(?!{part['words']}){one}?"
    return re.compile(
        rf"(?<![\u4e00-\u9fff])(?P<start>{person})(?:{part['titles']}|{part['after']}|\s)"
        rf"|(?<=[A-Za-z.,;:!?] )(?P<latin>{one})(?=[ ,.!?:;]|$)"
        rf"|^(?P<first>{one})(?=,? [a-z])"
        rf"|(?P<titled>{one}?)(?:{part['titles']})"
        rf"|(?:{part['before']})(?P<name>{person})(?=[，。、；！？：,.!?:\s]|$|{part['after']})"
        r"|(?P<company>[\u4e00-\u9fff]{2,14}?(?:有限公司|股份公司|集团公司|集团))"
    )


def _opens_sentence(text: str, found: re.Match[str]) -> bool:
    """Return whether the word has its capital from opening a sentence: not in Chinese, nor before verbs of rivals."""
    if _NAMING.match(text, found.end()) or re.match(r"\s*[\u4e00-\u9fff]", text[found.end() :]):
        return False
    return bool(_SENTENCE_START.search(text[: found.start()]))


def unknown_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of what looks like a name."""
    for found in _CAPITALISED.finditer(text):
        words = [word for word in re.split(r"[ -]", found.group()) if word not in table()["common"]]
        single = len(words) == 1
        if words and not (single and _opens_sentence(text, found)):
            yield found.start(), " ".join(words)
    for found in _chinese().finditer(text):
        kind = next(name for name, value in found.groupdict().items() if value)
        yield found.start(kind), found.group(kind)
