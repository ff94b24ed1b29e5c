"""The mood of Chinese sentences of customers: a short list of words of our own, with what turns or strengthens them.

Longer words win over those inside them (不满意 over 满意), so no sentence has to be cut into words first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

_WORTH = 0.6
_MUCH, _LITTLE, _TURNED = 1.4, 0.6, -0.5


@dataclass(frozen=True)
class Lexicon:
    """The words that are good, and the pattern that finds a word with what stands before it."""

    good: frozenset[str]
    said: re.Pattern[str]

    def worth(self, found: re.Match[str]) -> float:
        """Return what one word is worth as it was said."""
        worth = _WORTH if (found["whole"] or found["word"]) in self.good else -_WORTH
        worth *= _MUCH if found["much"] else _LITTLE if found["little"] else 1.0
        return worth * _TURNED if found["turn"] else worth


def chinese_mood(text: str) -> float | None:
    """Return the mean worth of the words that tell a mood, -1 to 1; None where there are none."""
    lexicon = _lexicon()
    worths = [lexicon.worth(found) for found in lexicon.said.finditer(text)]
    return round(max(-1.0, min(1.0, sum(worths) / len(worths))), 4) if worths else None


@cache
def _lexicon() -> Lexicon:
    written = yaml.safe_load(files("history.moods").joinpath("chinese_words.yaml").read_text(encoding="utf-8"))
    words = {name: line.split() for name, line in written.items()}
    before = "".join(
        f"(?P<{group}>{_either(words[name])})?"
        for group, name in (("turn", "turning"), ("much", "strong"), ("little", "weak"))
    )
    known = _either([*words["good"], *words["bad"]])
    # A word that is listed with what turns it (不满意) is tried first.
    return Lexicon(frozenset(words["good"]), re.compile(f"(?P<whole>{known})|{before}的?(?P<word>{known})"))


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
