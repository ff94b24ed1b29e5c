"""Render a family's evidence as one sentence that is true of the customer and agrees with the evidence."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapport.languages import grammar
from rapport.localized import localize
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.leading_features import NO_FEATURE
from rapport.scoring.reasons.answer import FamilyEvidence, Reason, Source
from rapport.scoring.reasons.answer_fields import Fact
from rapport.scoring.reasons.numbers import json_reader
from rapport.scoring.reasons.sentence_writer import SentenceWriter
from rapport.scoring.reasons.sentences import SentenceTemplate, sentence_catalog
from rapport.scoring.reasons.template_selector import TemplateSelector


class ReasonRenderer:
    """Renders the reasons of one bundle in one language."""

    def __init__(self, bundle: Bundle, language: str) -> None:
        self.language = grammar(language).code
        self._bundle, self._is_risk, self.families = bundle, bundle.is_risk, bundle.families
        self._positions = {column.name: position for position, column in enumerate(bundle.columns)}
        self._selector = TemplateSelector(bundle)
        self.source = _source(bundle, self.language)
        self._typical = {
            column.name: _stated(bundle.reference.typical_value(column), column, 9) for column in bundle.columns
        }
        self._peers: dict[str, Mapping[str, Fact]] = {}
        self._writers: dict[SentenceTemplate, SentenceWriter] = {}
        self._led: dict[tuple[SentenceTemplate, int], _LedSentence] = {}

    @classmethod
    def of(cls, bundle: Bundle, language: str) -> "ReasonRenderer":
        """Return the renderer of a bundle; the last few are cached."""
        return _cached(bundle, language)

    def peers(self, values: Sequence[float]) -> Mapping[str, Fact] | None:
        """Return what is typical of the customers that are comparable to one; None where no group of them is known."""
        groups = self._bundle.reference.peers
        group = groups.group_of(values, self._positions) if groups else None
        if groups is None or group is None:
            return None
        if group not in self._peers:
            medians = groups.typical(group)
            self._peers[group] = {
                column.name: self._typical[column.name]
                if column.is_category
                # Nobody has 7.5 orders.
                else _stated(medians.get(column.name), column, 0 if column.unit in ("count", "days") else 9)
                for column in self._bundle.columns
            }
        return self._peers[group]

    def sentence(
        self, part: FamilyEvidence, values: Sequence[float], used: Collection[str] = ()
    ) -> SentenceTemplate | None:
        """Return the sentence for one family's evidence, or None where no fact may be stated for it.

        A sentence on a topic that is already ``used`` is the last choice.
        """
        family = self.families[part.family]
        return self._selector.select(family, part.lead, values, rises=part.evidence > 0, used=used)

    def reason(
        self,
        sentence: SentenceTemplate,
        part: FamilyEvidence,
        values: Sequence[float],
        peers: Mapping[str, Fact] | None = None,
        families: tuple[str, ...] = (),
        *,
        contrary: bool = False,
    ) -> Reason:
        """Return the reason that states by a sentence the evidence of one family, or of all ``families``."""
        writer, actionable, advice = self._led.get((sentence, part.lead)) or self._new_led(sentence, part.lead)
        # Beside its own typical value and unit: the leading feature may be another one of the family.
        facts, family, shown = writer.facts(values), self.families[part.family], writer.shown
        typical = (peers or self._typical)[shown.name]
        text = writer.text(facts, typical if peers else None, part.evidence)
        # By position, in the order of its fields: by name takes twice as long, for each reason of each answer.
        return Reason(
            sentence.code, family, text, part.evidence, part.points, facts, typical, actionable,
            advice if (part.evidence > 0) == self._is_risk else None, shown.unit, writer.window, contrary,
            sentence.topic, families or (family,),
        )  # fmt: skip

    def _new_led(self, sentence: SentenceTemplate, lead: int) -> "_LedSentence":
        writer = self._writers.get(sentence)
        if writer is None:
            writer = self._writers.setdefault(sentence, SentenceWriter(sentence, self._bundle, self.language))
        column = self._bundle.columns[lead] if lead != NO_FEATURE else writer.shown
        found = _LedSentence(writer, column.actionable, self._advice(sentence, column))
        return self._led.setdefault((sentence, lead), found)

    def _advice(self, sentence: SentenceTemplate, column: FeatureColumn) -> str | None:
        advice = sentence.advice
        families = sentence_catalog().families
        # Without a declared direction it is unknown which change would help, so there is no advice.
        if advice is None and column.actionable and column.direction and sentence.family in families:
            advice = families[sentence.family].advice.get(self._bundle.target)
        return None if advice is None else localize(advice, self.language)


class _LedSentence(NamedTuple):
    """What writes a sentence, and what holds for every customer for whom the same feature leads it."""

    writer: SentenceWriter
    actionable: bool
    advice: str | None


def _stated(typical: float | str | None, column: FeatureColumn, digits: int) -> Fact:
    # Quantiles are interpolated: a value that is 0 except for rounding is 0.
    return json_reader(column.unit)(round(typical, digits) + 0.0) if isinstance(typical, float) else typical


def _source(bundle: Bundle, language: str) -> Source:
    fallback = bundle.fallback
    return Source(
        name=bundle.target,
        version=bundle.version,
        card=bundle.card.card.reference if bundle.card else None,
        grade=bundle.grade,
        basis=fallback.label,
        basis_note=localize(fallback.reason, language),
    )


@lru_cache(maxsize=8)
def _cached(bundle: Bundle, language: str) -> ReasonRenderer:
    return ReasonRenderer(bundle, language)
