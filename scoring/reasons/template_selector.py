"""Select the sentence template that is true of a customer and agrees with the evidence."""

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.leading_features import NO_FEATURE
from rapport.scoring.reasons.feature_sentences import feature_templates
from rapport.scoring.reasons.sentences import SentenceTemplate, sentence_catalog

# An unknown value is nan, which meets no condition.
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}
_RISES: Mapping[str, tuple[bool, ...]] = {"either": (True, False), "up": (True,), "down": (False,)}


@dataclass(frozen=True)
class _Candidate:
    """A template with the positions of its facts and of what must be unknown, and what its evidence must agree with.

    ``facts`` are those without a bound, which no unknown value meets. ``leads`` are the facts that could have led,
    where a direction is declared: position, direction, median and mean.
    """

    template: SentenceTemplate
    facts: tuple[int, ...]
    leads: tuple[tuple[int, int, float, float], ...]
    unknown: tuple[int, ...]
    bounds: tuple[tuple[int, Callable[[float, float], bool], float], ...]

    def is_true(self, values: Sequence[float]) -> bool:
        """Tell whether the sentence is true; it cannot state an unknown fact."""
        # Plain loops, what fails most often first: this runs many times for each answer. Only nan differs from itself.
        for at, holds, limit in self.bounds:
            if not holds(values[at], limit):
                return False
        for at in self.facts:
            if values[at] != values[at]:
                return False
        for at in self.unknown:  # noqa: SIM110 - a generator would cost more than what it checks
            if values[at] == values[at]:
                return False
        return True

    def agrees(self, values: Sequence[float], rises: bool) -> bool:
        """Check the declared direction of each fact that could have led, as was done for the leading feature."""
        for at, direction, median, mean in self.leads:
            value = values[at]
            centre = median if value != median else mean
            side = (value > centre) - (value < centre)
            if direction * side * (1 if rises else -1) < 0:
                return False
        return True


class TemplateSelector:
    """The templates that one bundle can use, by leading feature, and by family where no feature leads."""

    def __init__(self, bundle: Bundle) -> None:
        self._columns = bundle.columns
        self._positions = {column.name: position for position, column in enumerate(bundle.columns)}
        self._centres = [bundle.reference.median_and_mean(column) for column in bundle.columns]
        # By whether the evidence rises, and by leading feature or family.
        self._usable: dict[tuple[bool, int | str], tuple[_Candidate, ...]] = {}
        for sentence in sentence_catalog().sentences:
            if sentence.target in (None, bundle.target) and sentence.features <= self._positions.keys():
                candidate = self._candidate(sentence)
                for rises, key in product(_RISES[sentence.says], self._keys(sentence)):
                    self._usable[rises, key] = (*self._usable.get((rises, key), ()), candidate)
        self._own: dict[int, list[_Candidate]] = {}
        for sentence in feature_templates(bundle.columns, bundle.target):
            self._own.setdefault(self._positions[sentence.peers], []).append(self._candidate(sentence))

    def select(
        self, family: str, lead: int, values: Sequence[float], *, rises: bool, used: Collection[str] = ()
    ) -> SentenceTemplate | None:
        """Return the first template that fits, or None; ``lead`` is -1 where no feature leads the family.

        Where the leading fact is unknown, a sentence about the whole family comes before "it never happened". A
        template whose topic is already ``used`` is returned only if no other one fits.
        """
        first, candidates = None, self._usable.get((rises, lead), ())
        if lead == NO_FEATURE or values[lead] != values[lead]:
            candidates = (*candidates, *self._usable.get((rises, family), ()))
        for each in candidates:
            if each.is_true(values) and each.agrees(values, rises):
                if each.template.topic not in used:
                    return each.template
                first = first or each.template
        own = self._own_template(lead, values, rises) if lead in self._own else None
        return first if own is None or (first is not None and own.topic in used) else own

    def _own_template(self, lead: int, values: Sequence[float], rises: bool) -> SentenceTemplate | None:
        """Return the feature's own template that fits.

        The variants of a feature exclude each other: only the first one that is true says what the value is. Where
        its words speak against the evidence, the neutral one says it instead.
        """
        spoken_against = False
        for each in self._own[lead]:
            if each.template.neutral != spoken_against or not each.is_true(values):
                continue
            if each.template.states_rate and not self._rate_agrees(lead, values, rises):
                continue
            if rises in _RISES[each.template.says]:
                return each.template if each.agrees(values, rises) else None
            spoken_against = True
        return None

    def _candidate(self, sentence: SentenceTemplate) -> _Candidate:
        at, bounded = self._positions, {bound.feature for bound in sentence.when}
        return _Candidate(
            sentence,
            facts=tuple(at[name] for name in sentence.facts.values() if name not in bounded),
            leads=tuple(
                (position, self._columns[position].direction, *self._centres[position])
                for position in (at[name] for name in sentence.facts.values() if name in sentence.lead)
                if self._columns[position].direction
            ),
            unknown=tuple(at[name] for name in sentence.unknown),
            bounds=tuple((at[bound.feature], _HOLDS[bound.kind], bound.value) for bound in sentence.when),
        )

    def _keys(self, sentence: SentenceTemplate) -> Iterator[int | str]:
        if not sentence.lead:
            yield sentence.family
        yield from (self._positions[name] for name in sentence.lead if name in self._positions)

    def _rate_agrees(self, lead: int, values: Sequence[float], rises: bool) -> bool:
        column = self._columns[lead]
        rate, overall = column.level_rates[int(values[lead])], column.overall_rate
        if rate is None or overall is None or round(rate, 2) == round(overall, 2):
            # Both would be written as the same percentage.
            return False
        return rate > overall if rises else rate < overall
