"""The facts of a customer's file, each with what it is about, as a check of drafts needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from rapport.serving.api.agents.evidence import (
    ABOUT,
    SLACK,
    Fact,
    agreement,
    is_vague,
    same_kind,
    same_value,
    speaks_for,
)
from rapport.serving.api.agents.patterns import Day, table
from rapport.serving.api.agents.reading import Context, Mention, read

_SENTENCES = frozenset(
    {"text", "advice", "next_step", "strategy", "because", "risk_sentence", "steps", "title", "label"}
)
_IS_NAME = re.compile(r"[A-Z0-9\u4e00-\u9fff]")
_UNITS = {"days": "days", "count": "count", "money": "money", "share": "percent", "hours": "days", "score": "score"}


@dataclass
class FileFacts:
    """Numbers, days, names with their roles, and the direction of the last change."""

    facts: list[Fact] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    direction: int = 0
    health_direction: int = 0
    as_of: date | None = None

    def supporting(self, mention: Mention) -> list[Fact] | None:
        """Return the facts that have the number or day of a draft, among those that its sentence is about.

        All facts in the unit compete: a fact with the same value supports the draft only if the words of the sentence
        speak for it about as much as for any other fact. None: it is about nothing that the file knows.
        """
        known = [(speaks_for(fact, mention), fact) for fact in self.facts if same_kind(fact, mention.written)]
        if max((about or 0.0 for about, _ in known), default=0.0) < ABOUT:
            known = [(about, fact) for about, fact in known if about is not None]
            return [fact for _, fact in known if same_value(fact, mention.written)] or None
        ranked = [
            (about + change, fact) for about, fact in known
            if about is not None and (change := agreement(fact, mention)) is not None
        ]  # fmt: skip
        best = max((evidence for evidence, _ in ranked), default=0.0)
        found = [fact for evidence, fact in ranked if evidence >= best - SLACK and same_value(fact, mention.written)]
        return None if not found and (is_vague(mention) or self._is_plan(mention)) else found

    def _is_plan(self, mention: Mention) -> bool:
        """Return whether a date is in the future, or without a year, and stands beside words of a plan."""
        day, words = mention.written, table()
        if not isinstance(day, Day):
            return False
        is_open = day.year is None or (self.as_of is not None and day.is_after(self.as_of))
        if day.year is None and day.day is None:
            return True
        before, after = mention.around_it
        if is_open and words["until"].search(before + "#" + after):
            return True
        return is_open and bool(words["plans"].search(mention.sentence) and not words["done"].search(mention.sentence))

    def has_name(self, name: str) -> bool:
        """Return whether a name of the file contains the name, or is contained in it."""
        return any(name in known or (len(known) > 3 and known in name) for known in self.names)

    @property
    def longest_first(self) -> list[str]:
        """Return the names, longest first."""
        return sorted((name for name in self.names if len(name) > 1), key=len, reverse=True)


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
    facts.as_of = _day(file.get("as_of"))
    change = file.get("change") or {}
    moved = (change.get("after") or 0.0) - (change.get("before") or 0.0)
    facts.direction = (moved > 0) - (moved < 0)
    facts.health_direction = _health_direction(file)
    if change:
        facts.facts.append(Fact(moved * 100, "points", Context(frozenset({"risk"}), sign=facts.direction)))
    return facts


def _health_direction(file: Mapping[str, Any]) -> int:
    """Return whether the health score rose (1) or fell (-1) within the month, by a tenth of a point at least."""
    for answer in file.get("answers") or ():
        health = answer.get("health") or {}
        if health.get("score") is not None and health.get("before_30d") is not None:
            moved = float(health["score"]) - float(health["before_30d"])
            return int(moved > 0.1) - int(moved < -0.1)
    return 0


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
            topics, also = frozenset(known["topics"][:1]), frozenset(known["topics"][1:])
            if holder.get("target") == "conversion" and "risk" in topics:
                topics = topics - {"risk"} | {"conversion"}
            sign = (value > 0) - (value < 0) if known.get("signed") else 0
            windows = frozenset({float(known["window"])} if known.get("window") else ())
            peers = None if known.get("peers") == "either" else bool(known.get("peers"))
            context = Context(topics, peers, bool(known.get("past")), sign=sign, windows=windows)
            day = date.fromisoformat(str(holder[known["day"]])[:10]) if known.get("day") else None
            who = str(holder[known["who"]]) if known.get("who") else ""
            yield Fact(
                value * known.get("scale", 1), known["unit"], context, day, who, also, bool(known.get("headline"))
            )


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
            topics, also = frozenset(known["topics"][:1]), frozenset(known["topics"][1:])
            facts.facts.append(Fact(day, "date", Context(topics), None, who, also, is_headline=True))
    if path.startswith("events.") and name == "detail" and (found := re.search(r"\d{4}-\d\d-\d\d", text)):
        topics = frozenset(table()["events"].get(str(holder.get("kind")), ()))
        facts.facts.append(Fact(date.fromisoformat(found.group()), "date", Context(topics)))


def _as_fact(mention: Mention) -> Fact:
    written = mention.written
    if isinstance(written, Day):
        return Fact(written, "date", mention.named)
    return Fact(written.value, written.unit, mention.named)


def _reasons(file: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for answer in (*file.get("answers", ()), *file.get("scores_now", ())):
        yield from answer.get("reasons") or ()


def _of_reason(reason: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts of a reason, what is typical of others, and its points, about what its sentence is about."""
    mentions = read(reason["text"])[0]
    own = [mention.named for mention in mentions if not mention.context.peers] or [_whole(reason["text"])]
    context = own[0]
    points = reason["points"] * 100
    sign = (points > 0) - (points < 0)
    yield Fact(points, "points", Context(frozenset({"drivers"}), sign=sign), also=context.topics)
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
        yield Fact(float(event["amount"]), "money", Context(), also=context.topics)


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
            facts.facts.append(Fact(max(days), "date", Context(frozenset({topic})), is_headline=True))


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
