"""The facts of a customer's file, each with what it is about, as a check of drafts needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rapport.serving.api.agents.features import features
from rapport.serving.api.agents.patterns import Amount, Day, table
from rapport.serving.api.agents.scorer import MOVES, NOTHING, probabilities
from rapport.serving.api.agents.tokens import mentions_in, tokens_of

_SENTENCES = frozenset({"text", "advice", "next_step", "strategy", "because", "risk_sentence", "steps"})
_IS_NAME = re.compile(r"[A-Z0-9\u4e00-\u9fff]")
# Units of the file that a written unit may mean.
_SAME = {
    "count": ("count", "score", "ratio", "days", "money", "points", "percent"),
    "points": ("points", "score", "percent"),
}
LEAST_SHARE, LEAST_NOTHING = 0.15, 0.35
"""A topic counts from this share of the likeliest on; a number may be about nothing from this probability on."""
# What a sentence of the file is about counts from this share of its likeliest topic on.
_LEAST_AFFINITY = 0.5


@dataclass(frozen=True)
class Fact:
    """A number or day of the file.

    ``about`` has for each topic how much the fact is about it, 1 at most; only a sentence that names ``who`` and
    ``day`` speaks of it.
    """

    value: float | date | Day
    unit: str
    about: Mapping[str, float]
    who: str = ""
    day: date | None = None

    def fits(self, written: Amount | Day) -> bool:
        """Return whether the fact may be written like this: in its unit, rounded to the digits that stand there."""
        if isinstance(self.value, date | Day):
            return isinstance(written, Day) and (
                written == self.value or (isinstance(self.value, date) and written.fits(self.value))
            )
        return (
            isinstance(written, Amount)
            and self.unit in _SAME.get(written.unit, (written.unit,))
            and written.fits(self.value)
        )


@dataclass
class FileFacts:
    """Numbers, days, names with their roles, and the direction of the last change."""

    facts: list[Fact] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    directions: dict[str, int] = field(default_factory=dict)
    sentences: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    as_of: date | None = None

    def supporting(
        self, written: Amount | Day, shares: Mapping[str, float], near: tuple[set[str], list[Day]]
    ) -> set[str] | None:
        """Return what the facts that support a number or date are about; None where it is about nothing of the file.

        ``shares`` are the probabilities of the topics, ``near`` the names and dates near it. Topics compete: a fact
        that fits supports it if it is about a topic that is not much less likely than the likeliest.
        """
        names, days = near
        people = names & self.people
        best = max(share for topic, share in shares.items() if topic not in (NOTHING, *MOVES))
        found = {
            topic
            for fact in self.facts
            if fact.fits(written)
            and (not fact.who or not people or fact.who in people)
            and (fact.day is None or any(day.fits(fact.day) for day in days))
            for topic, weight in fact.about.items()
            if weight * shares.get(topic, 0.0) >= LEAST_SHARE * best
        }
        return None if not found and shares[NOTHING] >= LEAST_NOTHING else found

    def has_name(self, name: str) -> bool:
        """Return whether a name of the file contains the name, or is contained in it."""
        return any(name in known or (len(known) > 3 and known in name) for known in self.names)

    @property
    def longest_first(self) -> dict[str, str]:
        """Return the names, longest first, with what each is: a role of the file, or a name."""
        names = sorted((name for name in self.names if len(name) > 1), key=len, reverse=True)
        return {name: min(self.names[name], default="name") for name in names}


def facts_of(file: Mapping[str, Any]) -> FileFacts:
    """Collect the facts of a customer's file."""
    facts = FileFacts(as_of=_day(file.get("as_of")))
    texts: dict[str, bool] = {}
    is_customer = any(
        one.get("target") == "churn" and one.get("probability") is not None for one in file.get("scores_now") or ()
    )
    for path, value, holder in _leaves(file, "", {}):
        if isinstance(value, bool) or value is None or (is_customer and holder.get("target") == "conversion"):
            continue
        if isinstance(value, int | float):
            facts.facts += _of_number(path, float(value), holder)
        else:
            _add_text(facts, texts, path, str(value), holder)
    _add_names(facts, file)
    facts.sentences = {text for text in texts if re.search(r"\d", text)}
    for text, is_known in texts.items():
        facts.facts += () if is_known else _of_sentence(text)
    for reasons in _reasons(file):
        _add_reasons(facts, reasons)
    for event in file.get("events") or ():
        facts.facts += _of_event(event)
    _add_latest(facts, file)
    _add_change(facts, file.get("change") or {})
    # What stood on the day of the file is no earlier score.
    facts.facts = [fact for fact in facts.facts if fact.day is None or fact.day != facts.as_of]
    facts.directions["health_moves"] = _health_direction(file)
    return facts


def _add_change(facts: FileFacts, change: Mapping[str, Any]) -> None:
    moved = (change.get("after") or 0.0) - (change.get("before") or 0.0)
    facts.directions["risk_moves"] = (moved > 0) - (moved < 0)
    if change:
        facts.facts.append(Fact(moved * 100, "points", {"risk_change": 1.0}))


def _health_direction(file: Mapping[str, Any]) -> int:
    """Return whether the health score rose (1) or fell (-1) within the month, by a tenth of a point at least."""
    for answer in file.get("answers") or ():
        health = answer.get("health") or {}
        if health.get("score") is not None and health.get("before_30d") is not None:
            moved = float(health["score"]) - float(health["before_30d"])
            return int(moved > 0.1) - int(moved < -0.1)
    return 0


def _leaves(
    value: object, path: str, holder: Mapping[str, object]
) -> Iterator[tuple[str, object, Mapping[str, object]]]:
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
        if _is_of(known, path, holder):
            day = _day(holder[known["day"]]) if known.get("day") else None
            who = str(holder[known["who"]]) if known.get("who") else ""
            yield Fact(value * known.get("scale", 1), known["unit"], known["about"], who, day)


def _is_of(known: Mapping[str, Any], path: str, holder: Mapping[str, Any]) -> bool:
    """Return whether a field of the table is the one at the path; some count in risks of one category only."""
    return bool(known["path"].fullmatch(path)) and known.get("only") in (None, holder.get("category"))


def _add_text(facts: FileFacts, texts: dict[str, bool], path: str, text: str, holder: Mapping[str, Any]) -> None:
    name = path.rsplit(".", 1)[-1]
    if table()["names"].fullmatch(path) and _IS_NAME.search(text):
        facts.names.setdefault(text, set())
    if name in _SENTENCES or path == "risk_sentence":
        texts[text] = holder.get("code") in table()["reasons"]
        return
    if name in ("title", "label"):
        texts[text] = True
    for known in table()["days"]:
        if _is_of(known, path, holder) and (day := _day(text)):
            who = str(holder[known["who"]]) if known.get("who") else ""
            facts.facts.append(Fact(day, "date", known["about"], who))
    if path.startswith("events.") and name == "detail" and (found := re.search(r"\d{4}-\d\d-\d\d", text)):
        facts.facts.append(Fact(date.fromisoformat(found.group()), "date", {}))


def _of_sentence(text: str) -> Iterator[Fact]:
    """Yield the numbers and days of a sentence of the file, about what the scorer takes them for."""
    tokens = tokens_of(text, {})
    positions = mentions_in(tokens)
    for which, at in enumerate(positions):
        written = tokens[at].written
        about = _affinity(probabilities(features(tokens, positions, which)))
        if isinstance(written, Day):
            yield Fact(written, "date", about)
        elif isinstance(written, Amount):
            yield Fact(written.value, written.unit, about)


def _affinity(probability: Mapping[str, float]) -> dict[str, float]:
    best = max(probability.values())
    return {
        topic: share / best
        for topic, share in probability.items()
        if share >= _LEAST_AFFINITY * best and topic != NOTHING
    }


def _reasons(file: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, Any]]]:
    for answer in (*file.get("answers", ()), *file.get("scores_now", ())):
        if answer.get("target") != "conversion" and answer.get("reasons"):
            yield answer["reasons"]


def _add_reasons(facts: FileFacts, reasons: Sequence[Mapping[str, Any]]) -> None:
    """Add the figures of reasons, what is typical of others, and their points."""
    for reason in reasons:
        # Only of the first reason a draft may speak as of the main driver.
        facts.facts.append(
            Fact(reason["points"] * 100, "points", {"driver_points": 1.0 if reason is reasons[0] else 0.5})
        )
        if (ratio := reason["facts"].get("interactions_ratio_90d_to_year")) is not None:
            facts.directions["interactions_move"] = (ratio > 1) - (ratio < 1)
            facts.facts.append(Fact((ratio - 1) * 100, "percent", {"interactions_change": 1.0}))
        if (known := table()["reasons"].get(reason["code"])) is not None:
            facts.facts += _of_figures(known, reason)


def _of_figures(known: Mapping[str, Any], reason: Mapping[str, Any]) -> Iterator[Fact]:
    for topic, value in zip(known["about"], reason["facts"].values(), strict=False):
        if isinstance(value, int | float):
            yield Fact(float(value), known["unit"], {topic: 1.0})
    if isinstance(reason.get("peers"), int | float) and known.get("peers"):
        yield Fact(float(reason["peers"]), known["unit"], {known["peers"]: 1.0})


def _of_event(event: Mapping[str, Any]) -> Iterator[Fact]:
    if (day := _day(event.get("at"))) is not None:
        yield Fact(day, "date", {"event_day": 1.0})
    if event.get("amount") is not None:
        yield Fact(float(event["amount"]), "money", {"event_amount": 1.0})


def _add_latest(facts: FileFacts, file: Mapping[str, Any]) -> None:
    """Add the days of the last order and of the last interaction."""
    known = set(table()["event_kinds"])
    for topic, kinds in (("last_order", {"order"}), ("last_contact", None)):
        events = (
            event for event in file.get("events") or ()
            if event.get("kind") in (kinds or {event.get("kind")} - known)
        )  # fmt: skip
        days = [day for event in events if (day := _day(event.get("at")))]
        if days:
            facts.facts.append(Fact(max(days), "date", {topic: 1.0}))


def _add_names(facts: FileFacts, file: Mapping[str, Any]) -> None:
    customer, deals = file.get("customer") or {}, file.get("deals") or ()
    people = (file.get("chain") or {}).get("people") or ()
    facts.people = {str(person["name"]) for person in people if person.get("name")}
    for role, names in (
        ("customer", [customer.get("name")]),
        ("owner", [customer.get("owner")]),
        ("competitor", [deal.get("competitor") for deal in deals]),
        ("deal", [deal.get("opportunity_id") for deal in deals]),
        ("region", [customer.get("region")]),
        ("industry", [customer.get("industry")]),
        *((str(person.get("role")), [person.get("name")]) for person in people),
    ):
        for name in filter(None, names):
            facts.names.setdefault(str(name), set()).add(role)


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
