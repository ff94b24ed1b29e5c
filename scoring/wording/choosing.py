"""Chooses the sentence that is true of a customer and agrees with the evidence."""

from collections.abc import Iterator, Sequence

from rapport.scoring.bundle import Bundle
from rapport.scoring.leads import NOBODY
from rapport.scoring.wording.table import Sentence, table


class Choice:
    """The sentences that one bundle can use, by the feature that leads and by the family where none does."""

    def __init__(self, bundle: Bundle) -> None:
        self._columns = bundle.columns
        self._places = {column.name: place for place, column in enumerate(bundle.columns)}
        self._middles = [bundle.reference.middle(column) for column in bundle.columns]
        self._usable: dict[int | str, list[Sentence]] = {}
        for sentence in table().sentences:
            if sentence.target in (None, bundle.target) and sentence.features <= self._places.keys():
                for key in self._keys(sentence):
                    self._usable.setdefault(key, []).append(sentence)

    def sentence(self, family: str, lead: int, values: Sequence[float], *, rises: bool) -> Sentence | None:
        """Give the first sentence that may be said; ``lead`` is -1 where no feature speaks for the family.

        Where the leading fact is unknown, a sentence of the whole family is better than "not known".
        """
        fitting = ("either", "up" if rises else "down")
        unknown = lead == NOBODY or values[lead] != values[lead]
        usable = self._usable.get(lead, []) if lead != NOBODY else []
        for sentence in [*usable, *(self._usable.get(family, []) if unknown else [])]:
            if sentence.says in fitting and self._true(sentence, values) and self._agrees(sentence, values, rises):
                return sentence
        return None

    def _keys(self, sentence: Sentence) -> Iterator[int | str]:
        if not sentence.lead:
            yield sentence.family
        yield from (self._places[name] for name in sentence.lead if name in self._places)

    def _true(self, sentence: Sentence, values: Sequence[float]) -> bool:
        # Only nan differs from itself: a fact that is unknown cannot be told.
        told = [values[self._places[name]] for name in sentence.facts.values()]
        bounds = ((bound, values[self._places[bound.feature]]) for bound in sentence.when)
        return all(value == value for value in told) and all(bound.holds(value) for bound, value in bounds)

    def _agrees(self, sentence: Sentence, values: Sequence[float], rises: bool) -> bool:
        """Hold each fact that could have led to its declared direction, as the leading feature was held to its own."""
        for name in sentence.facts.values():
            place = self._places[name]
            if name in sentence.lead and self._pull(place, values[place]) * (1 if rises else -1) < 0:
                return False
        return True

    def _pull(self, place: int, value: float) -> int:
        median, mean = self._middles[place]
        middle = median if value != median else mean
        return self._columns[place].direction * ((value > middle) - (value < middle))
