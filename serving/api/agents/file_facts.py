"""The facts of a customer's file, each with what it is about, as a check of drafts needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from rapport.serving.api.agents.patterns import Amount, Day, table
from rapport.serving.api.agents.reading import Context, Mention, read

_SENTENCES = frozenset(
    {"text", "advice", "next_step", "strategy", "because", "risk_sentence", "steps", "title", "label"}
)
_IS_NAME = re.compile(r"[A-Z0-9\u4e00-\u9fff]")
# Units of the file that a written unit may mean.
_SAME = {
    "count": ("count", "score", "ratio", "days", "money"),
    "points": ("points", "score"),
}
_UNITS = {"days": "days", "count": "count", "money": "money", "share": "percent", "hours": "days", "score": "score"}


@dataclass(frozen=True)
class Fact:
    """A number or day of the file; only a sentence that names its ``day`` and ``who`` speaks of it."""

    value: float | date | Day
    unit: str
    context: Context
    day: date | None = None
    who: str = ""


@dataclass
class FileFacts:
    """Numbers, days, names with their roles, and the direction of the last change."""

    facts: list[Fact] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    direction: int = 0

    def supports(self, mention: Mention) -> bool:
        """Return whether a fact about the same thing has the number or day of a draft.

        Where the sentence names a person of whom the file has such facts, only those support it.
        """
        known = self._known(mention) or self._known(
            replace(mention, context=replace(mention.context, topics=mention.around))
        )
        of_person = [fact for fact in known if fact.who]
        return any(_same_value(fact, mention.written) for fact in of_person or known)

    def _known(self, mention: Mention) -> list[Fact]:
        return [fact for fact in self.facts if _same_kind(fact, mention.written) and _speaks_of(fact, mention)]

    def has_name(self, name: str) -> bool:
        """Return whether a name of the file contains the name, or is contained in it."""
        return any(name in known or (len(known) > 3 and known in name) for known in self.names)

    @property
    def longest_first(self) -> list[str]:
        """Return the names, longest first."""
        return sorted((name for name in self.names if len(name) > 1), key=len, reverse=True)


def _same_kind(fact: Fact, written: Amount | Day) -> bool:
    if isinstance(written, Day) or isinstance(fact.value, date | Day):
        return isinstance(written, Day) and isinstance(fact.value, date | Day)
    return fact.unit in _SAME.get(written.unit, (written.unit,))


def _same_value(fact: Fact, written: Amount | Day) -> bool:
    if isinstance(written, Day) or isinstance(fact.value, date | Day):
        return written == fact.value or (
            isinstance(fact.value, date) and isinstance(written, Day) and written.fits(fact.value)
        )
    return abs(abs(fact.value) - written.value) <= written.step / 2 * 1.0001 + 1e-9


def _speaks_of(fact: Fact, mention: Mention) -> bool:
    claim, known = mention.context, fact.context
    exclusive = claim.topics & (frozenset() if isinstance(mention.written, Day) else table()["exclusive"])
    if claim.topics and not (exclusive or claim.topics) & known.topics:
        return False
    if fact.who not in mention.sentence:
        return False
    if isinstance(fact.value, date | Day):
        return True
    if known.windows and claim.windows and not _in_common(known.windows, claim.windows):
        return False
    if fact.day is not None:
        in_time = not claim.now and any(day.fits(fact.day) for day in mention.days)
    else:
        in_time = claim.past == known.past
    return in_time and known.peers in (None, claim.peers) and claim.sign * known.sign >= 0


def _in_common(known: frozenset[float], written: frozenset[float]) -> bool:
    """Return whether two sets of periods share one: 12 months are 365 days."""
    return any(0.93 < one / other < 1.08 for one in known for other in written)


def facts_of(file: Mapping[str, Any]) -> FileFacts:
    """Collect the facts of a customer's file."""
    facts = FileFacts()
    for path, value, holder in _leaves(file, "", {}):
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            facts.facts += _of_number(path, float(value), holder)
        else:
            _add_text(facts, path, str(value), holder)
    for reason in _reasons(file):
        facts.facts += _of_reason(reason)
    for event in file.get("events") or ():
        facts.facts += _of_event(event)
    _add_latest(facts, file)
    _add_roles(facts, file)
    change = file.get("change") or {}
    moved = (change.get("after") or 0.0) - (change.get("before") or 0.0)
    facts.direction = (moved > 0) - (moved < 0)
    if change:
        facts.facts.append(Fact(moved * 100, "points", Context(frozenset({"risk"}), sign=facts.direction)))
    return facts


def _leaves(value: Any, path: str, holder: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name, value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each, path, holder)
    else:
        yield path, value, holder


def _of_number(path: str, value: float, holder: Mapping[str, Any]) -> Iterator[Fact]:
    for known in table()["fields"]:
        if known["path"].fullmatch(path):
            topics = frozenset(known["topics"])
            if holder.get("target") == "conversion" and "risk" in topics:
                topics = topics - {"risk"} | {"conversion"}
            sign = (value > 0) - (value < 0) if known.get("signed") else 0
            peers = None if known.get("peers") == "either" else bool(known.get("peers"))
            context = Context(topics, peers, bool(known.get("past")), sign=sign)
            day = date.fromisoformat(str(holder[known["day"]])[:10]) if known.get("day") else None
            who = str(holder[known["who"]]) if known.get("who") else ""
            yield Fact(value * known.get("scale", 1), known["unit"], context, day, who)


def _add_text(facts: FileFacts, path: str, text: str, holder: Mapping[str, Any]) -> None:
    name = path.rsplit(".", 1)[-1]
    if table()["names"].fullmatch(path) and _IS_NAME.search(text):
        facts.names.setdefault(text, set())
    if name in _SENTENCES or path == "risk_sentence":
        for mention in read(text)[0]:
            facts.facts.append(_as_fact(mention))
        return
    for known in table()["days"]:
        if known["path"].fullmatch(path) and (day := _day(text)):
            who = str(holder[known["who"]]) if known.get("who") else ""
            facts.facts.append(Fact(day, "date", Context(frozenset(known["topics"])), who=who))
    if path.startswith("events.") and name == "detail" and (found := re.search(r"\d{4}-\d\d-\d\d", text)):
        topics = frozenset(table()["events"].get(str(holder.get("kind")), ()))
        facts.facts.append(Fact(date.fromisoformat(found.group()), "date", Context(topics)))


def _as_fact(mention: Mention) -> Fact:
    written = mention.written
    if isinstance(written, Day):
        return Fact(written, "date", mention.context)
    return Fact(written.value, written.unit, mention.context)


def _reasons(file: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for answer in (*file.get("answers", ()), *file.get("scores_now", ())):
        yield from answer.get("reasons") or ()


def _of_reason(reason: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts of a reason, what is typical of others, and its points, about what its sentence is about."""
    mentions = read(reason["text"])[0]
    own = [mention.context for mention in mentions if not mention.context.peers] or [_whole(reason["text"])]
    context = own[0]
    points = reason["points"] * 100
    sign = (points > 0) - (points < 0)
    yield Fact(points, "points", Context(context.topics | {"drivers"}, sign=sign))
    unit = _UNITS.get(reason.get("unit") or "")
    if unit is None:
        return
    values = [value for value in reason["facts"].values() if isinstance(value, int | float)]
    if len(values) == 1:  # the sentence says which of several is which
        yield Fact(float(values[0]), unit, context)
    if isinstance(reason.get("peers"), int | float):
        yield Fact(float(reason["peers"]), unit, replace(context, peers=True))


def _whole(text: str) -> Context:
    topics = (name for name, pattern in table()["topics"].items() if pattern.search(text))
    return Context(frozenset(topics))


def _of_event(event: Mapping[str, Any]) -> Iterator[Fact]:
    kind = str(event.get("kind"))
    context = Context(frozenset(table()["events"].get(kind, ("interactions",))))
    if (day := _day(event.get("at"))) is not None:
        yield Fact(day, "date", context)
    if event.get("amount") is not None:
        yield Fact(float(event["amount"]), "money", context)


def _add_latest(facts: FileFacts, file: Mapping[str, Any]) -> None:
    """Add the days of the last order and of the last interaction."""
    known = table()["events"]
    for topic, kinds in (("silence", {"order"}), ("last_contact", None)):
        events = (
            event
            for event in file.get("events") or ()
            if event.get("kind") in (kinds or {event.get("kind")} - known.keys())
        )
        days = [day for event in events if (day := _day(event.get("at")))]
        if days:
            facts.facts.append(Fact(max(days), "date", Context(frozenset({topic}))))


def _add_roles(facts: FileFacts, file: Mapping[str, Any]) -> None:
    for person in (file.get("chain") or {}).get("people") or ():
        if person.get("name"):
            facts.names.setdefault(person["name"], set()).add(str(person.get("role")))
    for role, names in (
        ("owner", [(file.get("customer") or {}).get("owner")]),
        ("competitor", [deal.get("competitor") for deal in file.get("deals") or ()]),
    ):
        for name in filter(None, names):
            facts.names.setdefault(name, set()).add(role)


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
