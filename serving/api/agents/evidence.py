"""How much a sentence speaks for a fact of the file: by its topics, and by words of time, period, others and sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rapport.serving.api.agents.patterns import Amount, Day
from rapport.serving.api.agents.reading import Context, Mention

# Units of the file that a written unit may mean.
_SAME = {
    "count": ("count", "score", "ratio", "days", "money", "points"),
    "points": ("points", "score"),
}
# How much less may speak for a fact than for another; what speaks for churn risk where a percentage is said of nothing.
SLACK, UNSAID = 0.6, 1.5
# From where on words say that a number is about something of the file.
ABOUT = 1.4
# From where on a phrase of its own clause, or one that holds it, names what it is about.
NAMED, HELD = 2.3, 4.9


@dataclass(frozen=True)
class Fact:
    """A number or day of the file; only a sentence that names its ``day`` and ``who`` speaks of it."""

    value: float | date | Day
    unit: str
    context: Context
    day: date | None = None
    who: str = ""
    # Topics that a sentence about it may name beside those of its context.
    also: frozenset[str] = frozenset()
    # Whether a sentence without a word of any topic may speak of it.
    is_headline: bool = False

    @property
    def about(self) -> tuple[object, ...]:
        """Return what the fact is about, whatever its value and unit."""
        return self.context.topics, self.context.peers, self.context.past, self.day, self.who


def same_kind(fact: Fact, written: Amount | Day) -> bool:
    """Return whether a fact is a date where a date is written, and else in a unit that the written one may mean."""
    if isinstance(written, Day) or isinstance(fact.value, date | Day):
        return isinstance(written, Day) and isinstance(fact.value, date | Day)
    return fact.unit in _SAME.get(written.unit, (written.unit,))


def same_value(fact: Fact, written: Amount | Day) -> bool:
    """Return whether the number or date of a fact may be written like this."""
    if isinstance(written, Day) or isinstance(fact.value, date | Day):
        return written == fact.value or (
            isinstance(fact.value, date) and isinstance(written, Day) and written.fits(fact.value)
        )
    return written.fits(fact.value)


def is_vague(mention: Mention) -> bool:
    """Return whether a number that no phrase holds is a percentage of a price, or of months: the term of an offer."""
    written = mention.written
    is_coarse = isinstance(written, Amount) and written.unit == "days" and written.high - written.low > 20
    strongest = max(mention.weights.values(), default=0.0)
    return strongest < (HELD if is_coarse else NAMED if mention.is_of_risk is False else 0.0)


def speaks_for(fact: Fact, mention: Mention) -> float | None:
    """Return how much the words of a number or date speak for what a fact is about; None where they exclude it."""
    claim, known, weights = mention.context, fact.context, mention.weights
    if fact.who and fact.who not in mention.sentence + mention.before:
        return None
    if fact.day is not None and (claim.now or not any(day.fits(fact.day) for day in mention.days)):
        return None
    first = max((weights.get(topic, 0.0) for topic in known.topics), default=0.0)
    strongest = max(weights.values(), default=0.0)
    is_silent = strongest < ABOUT
    if strongest < NAMED and mention.is_of_risk and "risk" in known.topics:
        first = max(first, UNSAID)
    apart = 1.0 if claim.windows else 0.5
    also = [weight for topic in fact.also if (weight := weights.get(topic, 0.0))]
    found = max(first, max(also, default=0.0) - apart) + 0.1 * len(also)
    found += 0.5 * (fact.is_headline and is_silent)
    found += 1.5 * (fact.day is not None and any(day.fits(fact.day) for day in mention.own_days))
    return found + 1.2 * bool(fact.who) * (fact.who in mention.sentence)


def agreement(fact: Fact, mention: Mention) -> float | None:
    """Return what the further words of a number take from a fact; None where they exclude it."""
    claim, known, change = mention.context, fact.context, 0.0
    if isinstance(mention.written, Day):
        return change
    if known.windows and claim.windows and not _in_common(known.windows, claim.windows):
        return None
    if claim.sign * known.sign < 0:
        return None
    if fact.day is None and claim.past != known.past:
        change -= 2.0
    if known.peers is not None and claim.peers != known.peers:
        change -= 2.0
    if mention.written.unit == "count" and fact.unit not in ("count", "score"):
        change -= 0.3
    return change


def _in_common(known: frozenset[float], written: frozenset[float]) -> bool:
    """Return whether two sets of periods share one: 12 months are 365 days."""
    return any(0.93 < one / other < 1.08 for one in known for other in written)
