"""Render a family's evidence as one sentence that is true of the customer and agrees with the evidence."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from rapport.localized import localize
from rapport.scoring.messages import value_label
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.leading_features import NO_FEATURE
from rapport.scoring.reasons.answer import Fact, FamilyEvidence, Reason, Source
from rapport.scoring.reasons.numbers import format_value, json_value, spaced
from rapport.scoring.reasons.sentences import FACT, SentenceTemplate, sentence_catalog
from rapport.scoring.reasons.template_selector import TemplateSelector

_WINDOW = re.compile(r"_(\d+d|ever|life)(?:_|$)")
_NO_DAYS = re.compile(r"\b0 days ago|(?: |^)0 天前")
_LAST_DAY = {"en": "within the last day", "zh": "一天内"}
_MEASURE_WORD = re.compile(r"\{[^{}]*\}([次笔条位张个种行件份家起分天])")
"""The Chinese measure word after a number, which what is typical needs, too."""
_CLOSE = 0.1
"""What is typical is added only where it differs by more than this share."""
_NONE = {"en": "none", "zh": "没有"}


class ReasonRenderer:
    """Renders the reasons of one bundle in one language."""

    def __init__(self, bundle: Bundle, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self._bundle = bundle
        self._positions = {column.name: position for position, column in enumerate(bundle.columns)}
        self._selector = TemplateSelector(bundle)
        self.source = _source(bundle, self.language)
        self._typical = {column.name: bundle.reference.typical_value(column) for column in bundle.columns}

    @classmethod
    def of(cls, bundle: Bundle, language: str) -> "ReasonRenderer":
        """Return the renderer of a bundle; the last few are cached."""
        return _cached(bundle, language)

    def peers(self, values: Sequence[float]) -> Mapping[str, float | None]:
        """Return what is typical of the customers that are comparable to one; empty where the bundle has no groups."""
        groups = self._bundle.reference.peers
        return groups.typical(values, self._positions) if groups else {}

    def reason(
        self,
        part: FamilyEvidence,
        values: Sequence[float],
        peers: Mapping[str, float | None] | None = None,
        used: Collection[str] = (),
    ) -> Reason | None:
        """Return the reason for one family's evidence, or None where no fact may be stated for it.

        A sentence on a topic that is already ``used`` is the last choice.
        """
        lead, evidence = part.lead, part.evidence
        name = self._bundle.families[part.family]
        sentence = self._selector.select(name, lead, values, rises=evidence > 0, used=used)
        if sentence is None:
            return None
        lead_column = self._bundle.columns[lead] if lead != NO_FEATURE else self._bundle.by_name[sentence.peers]
        shown = self._bundle.by_name[sentence.peers]
        stated = {label: self._fact(feature, values) for label, feature in sentence.facts.items()}
        typical = self._typical_fact(shown, peers or {})
        return Reason(
            code=sentence.code,
            family=name,
            text=self._text(sentence, stated, typical if peers else None, evidence),
            evidence=evidence,
            points=part.points,
            # Beside its own typical value and unit: the leading feature may be another one of the family.
            facts=stated or {shown.name: self._fact(shown.name, values)},
            peers=typical,
            actionable=lead_column.actionable,
            advice=self._advice(sentence, lead_column) if (evidence > 0) == self._bundle.is_risk else None,
            unit=shown.unit,
            window=match[1] if (match := _WINDOW.search(shown.name)) else None,
            topic=sentence.topic,
            families=(name,),
        )

    def _fact(self, feature: str, values: Sequence[float]) -> Fact:
        column = self._bundle.by_name[feature]
        value = values[self._positions[feature]]
        if column.is_category:
            return None if value != value else column.levels[int(value)]
        return json_value(value, column.unit)

    def _typical_fact(self, column: FeatureColumn, peers: Mapping[str, float | None]) -> Fact:
        typical = peers.get(column.name) if peers and not column.is_category else self._typical[column.name]
        if not isinstance(typical, float):
            return typical
        # Quantiles are interpolated: a value that is 0 except for rounding is 0, and nobody has 7.5 orders.
        digits = 0 if peers and column.unit in ("count", "days") else 9
        return json_value(round(typical, digits) + 0.0, column.unit)

    def _text(self, sentence: SentenceTemplate, facts: Mapping[str, Fact], peers: Fact, evidence: float) -> str:
        template = localize(sentence.text, self.language)
        text = FACT.sub(lambda match: self._written(match, facts[match[1]], sentence.facts[match[1]]), template)
        text = spaced(text) if self.language == "zh" else text
        text = _NO_DAYS.sub(_LAST_DAY[self.language], text)
        compared = self._comparison(sentence, facts, peers, evidence)
        if compared is None:
            return text
        if self.language == "zh":
            return _compared_in_chinese(text, compared, template, "客户" if self._bundle.is_risk else "线索")
        peers_are = "customers" if self._bundle.is_risk else "leads"
        return f"{text.rstrip('.')} (comparable {peers_are} typically: {compared})."

    def _written(self, match: re.Match[str], value: Fact, feature: str) -> str:
        column, form = self._bundle.by_name[feature], match[2]
        if isinstance(value, str) and form in ("rate", "overall"):
            rate = column.rate(value) if form == "rate" else column.overall_rate
            return format_value(rate, "share", self.language, self._bundle.currency)
        if isinstance(value, str):
            return localize(value_label(value), self.language)
        text = format_value(value, column.unit, self.language, self._bundle.currency, form)
        return text if match[3] is None else f"{text} {match[3] if text == '1' else match[4]}"

    def _comparison(
        self, sentence: SentenceTemplate, facts: Mapping[str, Fact], peers: Fact, evidence: float
    ) -> str | None:
        """Write what is typical beside the only fact of a sentence; None where it would be equal or contradict it."""
        value = next(iter(facts.values())) if len(facts) == 1 and sentence.compare else None
        if not isinstance(value, int | float) or not isinstance(peers, int | float):
            return None
        is_lead = sentence.peers in sentence.lead and next(iter(sentence.facts.values())) == sentence.peers
        if not is_lead or abs(value - peers) <= _CLOSE * abs(peers):
            return None
        column = self._bundle.by_name[sentence.peers]
        # A number that supports the evidence against all customers may lie on the other side of its own group.
        if column.direction * (value - peers) * evidence < 0:
            return None
        form = next((match[2] for match in FACT.finditer(localize(sentence.text, self.language))), None)
        own, typical = (
            format_value(each, column.unit, self.language, self._bundle.currency, form) for each in (value, peers)
        )
        if own == typical:
            return None
        return _NONE[self.language] if peers == 0 and column.unit in ("count", "money") else typical

    def _advice(self, sentence: SentenceTemplate, column: FeatureColumn) -> str | None:
        advice = sentence.advice
        families = sentence_catalog().families
        # Without a declared direction it is unknown which change would help, so there is no advice.
        if advice is None and column.actionable and column.direction and sentence.family in families:
            advice = families[sentence.family].advice.get(self._bundle.target)
        return None if advice is None else localize(advice, self.language)


def _compared_in_chinese(text: str, typical: str, template: str, peers: str) -> str:
    if typical != _NONE["zh"]:
        measure = _MEASURE_WORD.search(template)
        typical = f"为 {typical}{f' {measure[1]}' if measure else ''}"
    text, comparison = text.rstrip("。"), f"同类{peers}通常{typical}"
    return f"{text[:-1]}；{comparison}）。" if text.endswith("）") else f"{text}（{comparison}）。"


def _source(bundle: Bundle, language: str) -> Source:
    fallback = bundle.fallback
    return Source(
        name=bundle.target,
        version=bundle.version,
        card=bundle.card.card.reference if bundle.card else None,
        grade=bundle.grade,
        basis=fallback.label,
        basis_note=fallback.zh if language == "zh" else fallback.en,
    )


@lru_cache(maxsize=8)
def _cached(bundle: Bundle, language: str) -> ReasonRenderer:
    return ReasonRenderer(bundle, language)
