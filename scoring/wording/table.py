"""The table of sentences, read from YAML; a sentence that does not hold together is refused at reading."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from rapport.history.contract import Words

from rapport.errors import CardError

Says = Literal["up", "down", "either"]
FACT = re.compile(r"\{(\w+)\}")
_KEYS = {"family", "lead", "target", "says", "when", "text", "advice", "facts", "peers"}
_BOUNDS = ("above", "at_least", "below", "at_most")


@dataclass(frozen=True)
class Bound:
    """What a feature must keep for a sentence to be true of it."""

    feature: str
    kind: str
    value: float

    def holds(self, value: float) -> bool:
        """Tell whether ``value`` keeps the bound; an unknown one does not."""
        if self.kind == "above":
            return value > self.value
        if self.kind == "at_least":
            return value >= self.value
        return value < self.value if self.kind == "below" else value <= self.value


@dataclass(frozen=True)
class Sentence:
    """One way of saying a family's evidence.

    Parameters
    ----------
    lead : the features that it may speak for; none: it speaks where no single feature may.
    says : whether what it says raises ("up") or lowers ("down") the target's probability, or only states a fact.
    facts : the name of each fact in the text, and the feature it is read from.
    peers : the feature whose usual value stands beside it.
    """

    code: str
    family: str
    lead: tuple[str, ...]
    target: str | None
    says: Says
    when: tuple[Bound, ...]
    text: Words
    advice: Words | None
    facts: Mapping[str, str]
    peers: str

    @property
    def features(self) -> frozenset[str]:
        """Name every feature that the sentence reads."""
        return frozenset((*self.facts.values(), *(bound.feature for bound in self.when), self.peers))


@dataclass(frozen=True)
class Family:
    """The words of a family: its code, its name, and what to do about it in general."""

    name: str
    code: str
    title: Words
    advice: Mapping[str, Words]


@dataclass(frozen=True)
class Table:
    """All sentences, in the order in which they are tried."""

    families: Mapping[str, Family]
    sentences: tuple[Sentence, ...]


@cache
def table() -> Table:
    """Read the sentences that Rapport speaks."""
    text = resources.files("rapport.scoring.wording").joinpath("sentences.yaml").read_text(encoding="utf-8")
    return table_of(yaml.safe_load(text))


def table_of(written: Mapping[str, Any]) -> Table:
    """Make the table of what a YAML file says."""
    families = {
        name: Family(
            name,
            lines["code"],
            Words(**lines["title"]),
            {target: Words(**words) for target, words in lines.get("advice", {}).items()},
        )
        for name, lines in written["families"].items()
    }
    return Table(families, tuple(_sentences(written["sentences"], families)))


def _sentences(written: Mapping[str, Any], families: Mapping[str, Family]) -> Iterator[Sentence]:
    for code, lines in written.items():
        if unknown := sorted(set(lines) - _KEYS):
            raise CardError(
                f"sentence {code}: {', '.join(unknown)} is not understood. Known: {', '.join(sorted(_KEYS))}."
            )
        if lines["family"] not in families or not code.startswith(families[lines["family"]].code):
            raise CardError(f"sentence {code}: its code must begin with the code of its family '{lines['family']}'.")
        yield _whole(_sentence(code, lines))


def _sentence(code: str, lines: Mapping[str, Any]) -> Sentence:
    lead = tuple(lines["lead"])
    return Sentence(
        code=code,
        family=lines["family"],
        lead=lead,
        target=lines.get("target"),
        says=lines["says"],
        when=tuple(_bounds(lines.get("when", {}))),
        text=Words(**lines["text"]),
        advice=Words(**lines["advice"]) if "advice" in lines else None,
        facts=lines.get("facts", {}),
        peers=lines["peers"] if "peers" in lines else lead[0],
    )


def _bounds(written: Mapping[str, Mapping[str, float]]) -> Iterator[Bound]:
    for feature, bounds in written.items():
        for kind, value in bounds.items():
            if kind not in _BOUNDS:
                raise CardError(f"a sentence's bound on {feature} is '{kind}'; choose one of {', '.join(_BOUNDS)}.")
            yield Bound(feature, kind, float(value))


def _whole(sentence: Sentence) -> Sentence:
    for text in (sentence.text.en, sentence.text.zh):
        if set(FACT.findall(text)) != set(sentence.facts):
            facts = ", ".join(sentence.facts) or "(none)"
            raise CardError(f"sentence {sentence.code}: “{text}” must name exactly the facts {facts}.")
    return sentence
