"""Select the sentence template that is true of a customer and agrees with the evidence."""

from collections.abc import Collection, Iterator, Sequence

from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.leading_features import NO_FEATURE
from rapport.scoring.reasons.feature_sentences import feature_templates
from rapport.scoring.reasons.sentences import SentenceTemplate, sentence_catalog


class TemplateSelector:
    """The templates that one bundle can use, by leading feature, and by family where no feature leads."""

    def __init__(self, bundle: Bundle) -> None:
        self._columns = bundle.columns
        self._positions = {column.name: position for position, column in enumerate(bundle.columns)}
        self._centres = [bundle.reference.median_and_mean(column) for column in bundle.columns]
        self._usable: dict[int | str, list[SentenceTemplate]] = {}
        for sentence in sentence_catalog().sentences:
            if sentence.target in (None, bundle.target) and sentence.features <= self._positions.keys():
                for key in self._keys(sentence):
                    self._usable.setdefault(key, []).append(sentence)
        self._own: dict[int, list[SentenceTemplate]] = {}
        for sentence in feature_templates(bundle.columns, bundle.target):
            self._own.setdefault(self._positions[sentence.peers], []).append(sentence)

    def select(
        self, family: str, lead: int, values: Sequence[float], *, rises: bool, used: Collection[str] = ()
    ) -> SentenceTemplate | None:
        """Return the first template that fits, or None; ``lead`` is -1 where no feature leads the family.

        Where the leading fact is unknown, a sentence about the whole family comes before "it never happened". A
        template whose topic is already ``used`` is returned only if no other one fits.
        """
        first = None
        for sentence in self._fitting(family, lead, values, rises=rises):
            if sentence.topic not in used:
                return sentence
            first = first or sentence
        return first

    def _fitting(self, family: str, lead: int, values: Sequence[float], *, rises: bool) -> Iterator[SentenceTemplate]:
        directions = ("either", "up" if rises else "down")
        unknown = lead == NO_FEATURE or values[lead] != values[lead]
        usable = self._usable.get(lead, []) if lead != NO_FEATURE else []
        for sentence in [*usable, *(self._usable.get(family, []) if unknown else [])]:
            fits = sentence.says in directions and self._is_true(sentence, values)
            if fits and self._agrees(sentence, values, rises):
                yield sentence
        # The variants of a feature exclude each other: only the first one that is true says what the value is.
        own = next((each for each in self._own.get(lead, []) if self._is_stated(each, lead, values, rises)), None)
        if own is not None and self._agrees(own, values, rises):
            yield own

    def _keys(self, sentence: SentenceTemplate) -> Iterator[int | str]:
        if not sentence.lead:
            yield sentence.family
        yield from (self._positions[name] for name in sentence.lead if name in self._positions)

    def _is_stated(self, sentence: SentenceTemplate, lead: int, values: Sequence[float], rises: bool) -> bool:
        if not self._is_true(sentence, values):
            return False
        if not sentence.states_rate:
            return True
        column = self._columns[lead]
        rate, overall = column.level_rates[int(values[lead])], column.overall_rate
        return rate is not None and overall is not None and (rate > overall if rises else rate < overall)

    def _is_true(self, sentence: SentenceTemplate, values: Sequence[float]) -> bool:
        # Only nan differs from itself: a sentence cannot state an unknown fact.
        facts = [values[self._positions[name]] for name in sentence.facts.values()]
        bounds = ((bound, values[self._positions[bound.feature]]) for bound in sentence.when)
        unknown = (values[self._positions[name]] for name in sentence.unknown)
        known = all(value == value for value in facts) and all(value != value for value in unknown)
        return known and all(bound.holds(value) for bound, value in bounds)

    def _agrees(self, sentence: SentenceTemplate, values: Sequence[float], rises: bool) -> bool:
        """Check the declared direction of each fact that could have led, as was done for the leading feature."""
        for name in sentence.facts.values():
            position = self._positions[name]
            if name in sentence.lead and self._expected_sign(position, values[position]) * (1 if rises else -1) < 0:
                return False
        return True

    def _expected_sign(self, position: int, value: float) -> int:
        median, mean = self._centres[position]
        centre = median if value != median else mean
        return self._columns[position].direction * ((value > centre) - (value < centre))
