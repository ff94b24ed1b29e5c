"""The catalog of sentence templates, loaded from YAML; an inconsistent template is refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from rapport.errors import CardError
from rapport.localized import LocalizedText
from rapport.shipped_yaml import read_shipped

EvidenceDirection = Literal["up", "down", "either"]
FACT = re.compile(r"\{(\w+)(?::(\w+))?(?:\|([^|}]*)\|([^|}]*))?\}")
"""A placeholder: the name of a fact, the form to write it in, and the noun after it in singular and plural."""
_KEYS = {"family", "lead", "target", "says", "when", "text", "advice", "facts", "peers", "topic"}
_BOUNDS = ("above", "at_least", "below", "at_most")


@dataclass(frozen=True)
class ValueBound:
    """A condition on a feature, which must hold for a sentence to be true."""

    feature: str
    kind: str
    value: float


@dataclass(frozen=True, eq=False)
class SentenceTemplate:
    """One sentence that explains the evidence of a family; equal only to itself.

    Parameters
    ----------
    lead : the leading features that it explains; none: it explains a family without a leading feature.
    says : whether the statement raises ("up") or lowers ("down") the target's probability, or is neutral ("either").
    facts : the placeholder of each fact in the text, and its feature.
    peers : the feature whose typical value is shown beside it.
    topic : the fact that it states; sentences with the same topic never appear in one answer.
    compare : whether the text may add what is typical of comparable customers.
    unknown : the features that must be unknown for the sentence to be true.
    states_rate : whether it states the outcome rate of a category, which must lie on the side of the evidence.
    neutral : whether it stands in where the words of the feature's own sentence speak against the evidence.
    """

    code: str
    family: str
    lead: tuple[str, ...]
    target: str | None
    says: EvidenceDirection
    when: tuple[ValueBound, ...]
    text: LocalizedText
    advice: LocalizedText | None
    facts: Mapping[str, str]
    peers: str
    topic: str
    compare: bool = True
    unknown: tuple[str, ...] = ()
    states_rate: bool = False
    neutral: bool = False

    @property
    def features(self) -> frozenset[str]:
        """Return every feature that the sentence reads."""
        return frozenset((*self.facts.values(), *(bound.feature for bound in self.when), *self.unknown, self.peers))


@dataclass(frozen=True)
class FamilyText:
    """The texts of a family: its code, its name, and its general advice."""

    name: str
    code: str
    title: LocalizedText
    advice: Mapping[str, LocalizedText]


@dataclass(frozen=True)
class SentenceCatalog:
    """All sentence templates, in the order in which they are tried."""

    families: Mapping[str, FamilyText]
    sentences: tuple[SentenceTemplate, ...]

    def code_of(self, family: str) -> str:
        """Return the code of a family; one that this version does not know is abbreviated."""
        return self.families[family].code if family in self.families else family[:3].upper()


@cache
def sentence_catalog() -> SentenceCatalog:
    """Load the sentences of Rapport."""
    text = resources.files("rapport.scoring.reasons").joinpath("sentences.yaml").read_text(encoding="utf-8")
    return parse_catalog(read_shipped(text))


def parse_catalog(written: Mapping[str, Any]) -> SentenceCatalog:
    """Build the catalog from the content of a YAML file."""
    families = {
        name: FamilyText(
            name,
            lines["code"],
            LocalizedText(**lines["title"]),
            {target: LocalizedText(**words) for target, words in lines.get("advice", {}).items()},
        )
        for name, lines in written["families"].items()
    }
    return SentenceCatalog(families, tuple(_sentences(written["sentences"], families)))


def _sentences(written: Mapping[str, Any], families: Mapping[str, FamilyText]) -> Iterator[SentenceTemplate]:
    for code, lines in written.items():
        if unknown := sorted(set(lines) - _KEYS):
            raise CardError(
                f"sentence {code}: {', '.join(unknown)} is not a known key. Keys: {', '.join(sorted(_KEYS))}."
            )
        if lines["family"] not in families or not code.startswith(families[lines["family"]].code):
            raise CardError(f"sentence {code}: its code must start with the code of its family '{lines['family']}'.")
        yield _checked(_sentence(code, lines))


def _sentence(code: str, lines: Mapping[str, Any]) -> SentenceTemplate:
    lead = tuple(lines["lead"])
    return SentenceTemplate(
        code=code,
        family=lines["family"],
        lead=lead,
        target=lines.get("target"),
        says=lines["says"],
        when=tuple(_bounds(lines.get("when", {}))),
        text=LocalizedText(**lines["text"]),
        advice=LocalizedText(**lines["advice"]) if "advice" in lines else None,
        facts=lines.get("facts", {}),
        peers=lines["peers"] if "peers" in lines else lead[0],
        topic=lines.get("topic", code),
    )


def _bounds(written: Mapping[str, Mapping[str, float]]) -> Iterator[ValueBound]:
    for feature, bounds in written.items():
        for kind, value in bounds.items():
            if kind not in _BOUNDS:
                raise CardError(f"the condition on {feature} is '{kind}'; choose one of {', '.join(_BOUNDS)}.")
            yield ValueBound(feature, kind, float(value))


def _checked(sentence: SentenceTemplate) -> SentenceTemplate:
    for text in (sentence.text.en, sentence.text.zh):
        if {match[1] for match in FACT.finditer(text)} != set(sentence.facts):
            facts = ", ".join(sentence.facts) or "(none)"
            raise CardError(f"sentence {sentence.code}: “{text}” must name exactly the facts {facts}.")
    return sentence
