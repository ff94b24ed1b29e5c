"""The catalog of sentence templates, loaded from YAML; an inconsistent template is refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from rapport.localized import LocalizedText
from rapport.scoring.cards.config_errors import ConfigError
from rapport.scoring.cards.config_models import ConfigModel, Localized, Number, Text, parse_config
from rapport.shipped_yaml import read_shipped

EvidenceDirection = Literal["up", "down", "either"]
BoundKind = Literal["above", "at_least", "below", "at_most"]
FACT = re.compile(r"\{(\w+)(?::(\w+))?((?:\|[^|}]*)+)?\}")
"""A placeholder: the name of a fact, the form to write it in, and the forms of the noun after it, singular first."""


@dataclass(frozen=True)
class ValueBound:
    """A condition on a feature, which must hold for a sentence to be true."""

    feature: str
    kind: BoundKind
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
class FamilyText(ConfigModel):
    """The texts of a family: its code, its name, and its general advice by target."""

    code: Text
    title: Localized
    advice: Mapping[str, Localized] = field(default_factory=dict)


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


def parse_catalog(written: object) -> SentenceCatalog:
    """Build the catalog from the content of a YAML file."""
    file = parse_config(_File, written, "sentences.yaml")
    return SentenceCatalog(file.families, tuple(_template(code, each) for code, each in file.sentences.items()))


@dataclass(frozen=True)
class _Sentence(ConfigModel):
    """A sentence as the file holds it, under its code."""

    family: Text
    lead: tuple[Text, ...]
    says: EvidenceDirection
    text: Localized
    target: Text | None = None
    when: Mapping[str, Mapping[BoundKind, Number]] = field(default_factory=dict)
    advice: Localized | None = None
    facts: Mapping[str, Text] = field(default_factory=dict)
    peers: Text | None = None
    topic: Text | None = None

    def __post_init__(self) -> None:
        for text in (self.text.en, self.text.zh):
            if {match[1] for match in FACT.finditer(text)} != set(self.facts):
                raise ConfigError("sentence_facts", text=text, facts=", ".join(self.facts) or "–")
        if not (self.peers or self.lead):
            raise ConfigError("sentence_peers")


@dataclass(frozen=True)
class _File(ConfigModel):
    families: Mapping[str, FamilyText]
    sentences: Mapping[str, _Sentence]

    def __post_init__(self) -> None:
        codes = {name: family.code for name, family in self.families.items()}
        for code, sentence in self.sentences.items():
            if not code.startswith(codes.get(sentence.family, "?")):
                raise ConfigError("sentence_code", family=sentence.family, at=("sentences", code))


def _template(code: str, written: _Sentence) -> SentenceTemplate:
    return SentenceTemplate(
        code=code,
        family=written.family,
        lead=written.lead,
        target=written.target,
        says=written.says,
        when=tuple(_bounds(written.when)),
        text=written.text,
        advice=written.advice,
        facts=written.facts,
        peers=written.peers or written.lead[0],
        topic=written.topic or code,
    )


def _bounds(written: Mapping[str, Mapping[BoundKind, float]]) -> Iterator[ValueBound]:
    for feature, bounds in written.items():
        for kind, value in bounds.items():
            yield ValueBound(feature, kind, value)
