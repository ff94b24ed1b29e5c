"""Render a family's evidence as one sentence that is true of the customer and agrees with the evidence."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from rapport.localized import localize
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.leading_features import NO_FEATURE
from rapport.scoring.reasons import generic_sentences
from rapport.scoring.reasons.answer import Fact, Reason
from rapport.scoring.reasons.numbers import format_value, json_value
from rapport.scoring.reasons.sentences import FACT, FamilyText, SentenceTemplate, sentence_catalog
from rapport.scoring.reasons.template_selector import TemplateSelector


class ReasonRenderer:
    """Renders the reasons of one bundle in one language."""

    def __init__(self, bundle: Bundle, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self._bundle = bundle
        self._positions = {column.name: position for position, column in enumerate(bundle.columns)}
        self._selector = TemplateSelector(bundle)
        families = sentence_catalog().families
        self._families = [families.get(name) or generic_sentences.generic_family(name) for name in bundle.families]
        self._typical: dict[str, Fact] = {
            column.name: self._json(bundle.reference.typical_value(column), column) for column in bundle.columns
        }

    @classmethod
    def of(cls, bundle: Bundle, language: str) -> "ReasonRenderer":
        """Return the renderer of a bundle; the last few are cached."""
        return _cached(bundle, language)

    def reason(self, family: int, lead: int, values: Sequence[float], *, evidence: float, points: float) -> Reason:
        """Return the reason for one family's evidence; ``lead`` is the leading feature, -1 for none."""
        rises = evidence > 0
        family_text = self._families[family]
        sentence = self._selector.select(family_text.name, lead, values, rises=rises)
        if lead != NO_FEATURE:
            column = self._bundle.columns[lead]
        elif sentence is not None:
            column = self._bundle.by_name[sentence.peers]
        else:
            return self._family_reason(family_text, evidence=evidence, points=points)
        features = sentence.facts if sentence else {column.name: column.name}
        facts = {name: self._fact(feature, values) for name, feature in features.items()}
        peers = self._typical[sentence.peers if sentence else column.name]
        text = self._fill(sentence, facts) if sentence else self._statement(column, facts[column.name], peers)
        advice = self._advice(sentence, family_text, column) if rises == self._bundle.is_risk else None
        return Reason(
            code=sentence.code if sentence else f"{family_text.code}-{column.name}",
            family=family_text.name,
            text=text,
            evidence=evidence,
            points=points,
            facts=facts,
            peers=peers,
            actionable=column.actionable,
            advice=advice,
        )

    def _fact(self, feature: str, values: Sequence[float]) -> Fact:
        column = self._bundle.by_name[feature]
        value = values[self._positions[feature]]
        if column.is_category:
            return None if value != value else column.levels[int(value)]
        return json_value(value, column.unit)

    def _fill(self, sentence: SentenceTemplate, facts: Mapping[str, Fact]) -> str:
        template = localize(sentence.text, self.language)
        return FACT.sub(lambda match: self._format(facts[match[1]], sentence.facts[match[1]]), template)

    def _format(self, value: Fact, feature: str) -> str:
        return format_value(value, self._bundle.by_name[feature].unit, self.language, self._bundle.currency)

    def _statement(self, column: FeatureColumn, value: Fact, peers: Fact) -> str:
        own, typical = self._format(value, column.name), self._format(peers, column.name)
        meaning = column.meaning(self.language)
        return generic_sentences.feature_statement(meaning, own, typical, self.language, known=value is not None)

    def _family_reason(self, family: FamilyText, *, evidence: float, points: float) -> Reason:
        text = generic_sentences.family_summary(family, self._bundle.target, self.language, rises=evidence > 0)
        return Reason(
            code=f"{family.code}-00",
            family=family.name,
            text=text,
            evidence=evidence,
            points=points,
            facts={},
            peers=None,
            actionable=False,
            advice=None,
        )

    def _advice(self, sentence: SentenceTemplate | None, family: FamilyText, column: FeatureColumn) -> str | None:
        advice = sentence.advice if sentence else None
        # Without a declared direction it is unknown which change would help, so there is no advice.
        if advice is None and column.actionable and column.direction:
            advice = family.advice.get(self._bundle.target)
        return None if advice is None else localize(advice, self.language)

    @staticmethod
    def _json(value: float | str | None, column: FeatureColumn) -> Fact:
        # Quantiles are interpolated; a value that is 0 except for rounding is 0.
        return json_value(round(value, 9) + 0.0, column.unit) if isinstance(value, float) else value


@lru_cache(maxsize=8)
def _cached(bundle: Bundle, language: str) -> ReasonRenderer:
    return ReasonRenderer(bundle, language)
