"""Write one sentence template for one bundle in one language: what no customer changes is looked up once."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from rapport.languages import grammar
from rapport.localized import LocalizedText, localize
from rapport.scoring.messages import value_label
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.reasons.answer_fields import Fact
from rapport.scoring.reasons.numbers import comparable_formatter, format_value, json_reader, value_formatter
from rapport.scoring.reasons.sentences import FACT, SentenceTemplate

_WINDOW = re.compile(r"_(\d+d|ever|life)(?:_|$)")
_NO_DAYS, _LAST_DAY = LocalizedText("0 days ago", "0 天前"), LocalizedText("within the last day", "一天内")
_COMPARED = {
    True: LocalizedText("{text} (comparable customers typically: {typical}).", ""),
    False: LocalizedText("{text} (comparable leads typically: {typical}).", ""),
}
"""A sentence with what is typical, about churn or not; Chinese puts it inside a bracket that the sentence has."""
_MEASURE_WORD = re.compile(r"\{[^{}]*\}([次笔条位张个种行件份家起分天])")
"""The Chinese measure word after a number, which what is typical needs, too."""
_CLOSE = 0.1
"""What is typical is added only where it differs by more than this share."""
_NONE = LocalizedText("none", "没有")


class SentenceWriter:
    """Writes the sentence of one template about any customer, with its facts."""

    def __init__(self, template: SentenceTemplate, bundle: Bundle, language: str) -> None:
        self.template, self._bundle, self._language = template, bundle, language
        self.shown = bundle.by_name[template.peers]
        self.window = match[1] if (match := _WINDOW.search(self.shown.name)) else None
        positions = {column.name: position for position, column in enumerate(bundle.columns)}
        stated = template.facts or {self.shown.name: self.shown.name}
        self._facts = [(label, positions[name], _fact_reader(bundle.by_name[name])) for label, name in stated.items()]
        self._localized = localize(template.text, language)
        # The text before the first fact; then each fact's label, its writer, and the text after it.
        self._start = self._localized.partition("{")[0]
        self._parts = list(self._split())
        own = grammar(language)
        self._spaced, self._full_stop, self._is_chinese = own.spaced, own.full_stop, own.is_chinese
        # Chinese has a space before a number, which goes with it.
        before, self._zero_days = "(?: |^)" if own.is_chinese else r"(?<!\w)", localize(_NO_DAYS, language)
        self._no_days, self._last_day = re.compile(before + re.escape(self._zero_days)), localize(_LAST_DAY, language)
        self._compared, form = self._compares()
        how = self.shown.unit, language, bundle.currency, form
        self._number, self._typical = value_formatter(*how), comparable_formatter(*how)
        found = _MEASURE_WORD.search(self._localized)
        self._measure = f" {found[1]}" if found else ""

    def facts(self, values: Sequence[float]) -> dict[str, Fact]:
        """Return the facts of a customer by label; of a sentence that states none, the fact whose peers are shown."""
        return {label: read(values[at]) for label, at, read in self._facts}

    def text(self, facts: Mapping[str, Fact], peers: Fact, evidence: float) -> str:
        """Return the sentence; what is typical of ``peers`` is added where it supports the evidence."""
        text = self._start
        for label, write, after in self._parts:
            text += write(facts[label]) + after
        text = self._spaced(text)
        if self._zero_days in text:
            text = self._no_days.sub(self._last_day, text)
        compared = None if self._compared is None else self._comparison(facts[self._compared], peers, evidence)
        if compared is None:
            return text
        if self._is_chinese:
            return self._compared_in_chinese(text, compared)
        template = localize(_COMPARED[self._bundle.is_risk], self._language)
        return template.format(text=text.rstrip(self._full_stop), typical=compared)

    def _split(self) -> Iterator[tuple[str, Callable[[Fact], str], str]]:
        for match in FACT.finditer(self._localized):
            column = self._bundle.by_name[self.template.facts[match[1]]]
            after = self._localized[match.end() :].partition("{")[0]
            yield match[1], self._writer(column, *match.group(2, 3)), after

    def _writer(self, column: FeatureColumn, form: str | None, nouns: str | None) -> Callable[[Fact], str]:
        language, currency = self._language, self._bundle.currency
        number = value_formatter(column.unit, language, currency, form)

        def category(value: Fact) -> str:
            if isinstance(value, str) and form in ("rate", "overall"):
                rate = column.rate(value) if form == "rate" else column.overall_rate
                return format_value(rate, "share", language, currency)
            return localize(value_label(value), language) if isinstance(value, str) else number(value)

        forms, form_of = (nouns or "")[1:].split("|"), grammar(language).form

        def counted(value: Fact) -> str:
            return f"{(text := number(value))} {form_of(text, forms)}"

        if column.is_category:
            return category
        return counted if nouns else number

    def _compares(self) -> tuple[str | None, str | None]:
        """Return the label and the form of the only fact where it led; no other is compared with what is typical."""
        facts, shown = self.template.facts, self.shown.name
        if not self.template.compare or list(facts.values()) != [shown] or shown not in self.template.lead:
            return None, None
        return next(iter(facts)), next((match[2] for match in FACT.finditer(self._localized)), None)

    def _comparison(self, value: Fact, peers: Fact, evidence: float) -> str | None:
        """Write what is typical beside the fact; None where it would be equal or contradict it."""
        if not isinstance(value, int | float) or not isinstance(peers, int | float):
            return None
        column = self.shown
        # A number that supports the evidence against all customers may lie on the other side of its own group.
        if abs(value - peers) <= _CLOSE * abs(peers) or column.direction * (value - peers) * evidence < 0:
            return None
        typical = self._typical(value, peers)
        # "Typically: 0 days" is said of nobody.
        if typical == self._number(value) or (peers == 0 and column.unit == "days"):
            return None
        return localize(_NONE, self._language) if peers == 0 and column.unit in ("count", "money") else typical

    def _compared_in_chinese(self, text: str, typical: str) -> str:
        if typical != _NONE.zh:
            typical = f"为 {typical}{self._measure}"
        peers = "客户" if self._bundle.is_risk else "线索"
        text, comparison = text.rstrip("。"), f"同类{peers}通常{typical}"
        return f"{text[:-1]}；{comparison}）。" if text.endswith("）") else f"{text}（{comparison}）。"


def _fact_reader(column: FeatureColumn) -> Callable[[float], Fact]:
    if not column.is_category:
        return json_reader(column.unit)
    levels = column.levels
    return lambda value: None if value != value else levels[int(value)]
