"""Says a family's evidence in one sentence that is true of the customer and agrees with the evidence."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from rapport.scoring.answer import Fact, Reason
from rapport.scoring.bundle import Bundle
from rapport.scoring.columns import Column
from rapport.scoring.leads import NOBODY
from rapport.scoring.wording import generic
from rapport.scoring.wording.choosing import Choice
from rapport.scoring.wording.numbers import fact_of, said
from rapport.scoring.wording.table import FACT, Family, Sentence, table


class Speaker:
    """The words of one bundle in one language; made once and kept."""

    def __init__(self, bundle: Bundle, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self._bundle = bundle
        self._places = {column.name: place for place, column in enumerate(bundle.columns)}
        self._choice = Choice(bundle)
        families = table().families
        self._families = [families.get(name) or generic.family(name) for name in bundle.families]
        self._usual: dict[str, Fact] = {
            column.name: self._plain(bundle.reference.usual(column), column) for column in bundle.columns
        }

    @classmethod
    def of(cls, bundle: Bundle, language: str) -> "Speaker":
        """Give the speaker of a bundle, kept since it was last asked for."""
        return _kept(bundle, language)

    def reason(self, family: int, lead: int, values: Sequence[float], *, evidence: float, points: float) -> Reason:
        """Say the evidence of one family; ``lead`` is the feature that may speak for it, -1 for none."""
        rises = evidence > 0
        words = self._families[family]
        sentence = self._choice.sentence(words.name, lead, values, rises=rises)
        if lead != NOBODY:
            column = self._bundle.columns[lead]
        elif sentence is not None:
            column = self._bundle.by_name[sentence.peers]
        else:
            return self._of_family(words, evidence=evidence, points=points)
        facts = sentence.facts if sentence else {column.name: column.name}
        given = {name: self._fact(feature, values) for name, feature in facts.items()}
        peers = self._usual[sentence.peers if sentence else column.name]
        text = self._filled(sentence, given) if sentence else self._stated(column, given[column.name], peers)
        advice = self._advice(sentence, words, column) if rises == self._bundle.is_risk else None
        return Reason(
            code=sentence.code if sentence else f"{words.code}-{column.name}",
            family=words.name,
            text=text,
            evidence=evidence,
            points=points,
            facts=given,
            peers=peers,
            actionable=column.actionable,
            advice=advice,
        )

    def _fact(self, feature: str, values: Sequence[float]) -> Fact:
        column = self._bundle.by_name[feature]
        value = values[self._places[feature]]
        if column.is_category:
            return None if value != value else column.levels[int(value)]
        return fact_of(value, column.unit)

    def _filled(self, sentence: Sentence, given: Mapping[str, Fact]) -> str:
        template = sentence.text.zh if self.language == "zh" else sentence.text.en
        return FACT.sub(lambda match: self._said(given[match[1]], sentence.facts[match[1]]), template)

    def _said(self, value: Fact, feature: str) -> str:
        return said(value, self._bundle.by_name[feature].unit, self.language, self._bundle.currency)

    def _stated(self, column: Column, value: Fact, peers: Fact) -> str:
        here, there = self._said(value, column.name), self._said(peers, column.name)
        return generic.statement(column.meaning(self.language), here, there, self.language, known=value is not None)

    def _of_family(self, words: Family, *, evidence: float, points: float) -> Reason:
        return Reason(
            code=f"{words.code}-00",
            family=words.name,
            text=generic.summary(words, self._bundle.target, self.language, rises=evidence > 0),
            evidence=evidence,
            points=points,
            facts={},
            peers=None,
            actionable=False,
            advice=None,
        )

    def _advice(self, sentence: Sentence | None, family: Family, column: Column) -> str | None:
        words = sentence.advice if sentence else None
        # Where no direction is declared nobody knows which way to push, so nothing is advised.
        if words is None and column.actionable and column.direction:
            words = family.advice.get(self._bundle.target)
        if words is None:
            return None
        return words.zh if self.language == "zh" else words.en

    @staticmethod
    def _plain(value: float | str | None, column: Column) -> Fact:
        # Quantiles are interpolated; what is 0 but for the last bit is 0.
        return fact_of(round(value, 9) + 0.0, column.unit) if isinstance(value, float) else value


@lru_cache(maxsize=8)
def _kept(bundle: Bundle, language: str) -> Speaker:
    return Speaker(bundle, language)
