"""The score as it would be: only facts that the company can act on, and those that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scoring.columns import Column
from scoring.matrix import Matrix
from scoring.scored import Scored
from serving.current import Current
from serving.problem import RequestError

_WINDOW = re.compile(r"(?P<stem>\w+_(?:count|sum|amount))_(?P<days>\d+d|ever)")
# Who is counted in whom: more of the first is as many more of the second.
_PART_OF = {
    "complaints_open": "tickets_open",
    "tickets_overdue": "tickets_open",
    "visits_count_180d": "meetings_count_180d",
    "meetings_count_90d": "interactions_count_90d",
    "outbound_count_90d": "interactions_count_90d",
}
# A thing happened within the window, so the last time it happened is at most that long ago.
_LAST_TIME = {
    "meetings_count_90d": "days_since_last_meeting",
    "meetings_count_180d": "days_since_last_meeting",
    "meetings_count_365d": "days_since_last_meeting",
    "visits_count_180d": "days_since_last_meeting",
    "decision_maker_count_180d": "decision_maker_days_ago",
    "outbound_count_90d": "days_since_last_interaction",
}
# The last of a kind cannot be nearer than the last of all kinds.
_NOT_LATER = {
    "days_since_last_meeting": "days_since_last_interaction",
    "decision_maker_days_ago": "days_since_last_interaction",
}
# What is nothing in one is nothing in the other.
_TOGETHER = {"invoices_overdue_amount": "invoices_overdue_count", "invoices_overdue_count": "invoices_overdue_amount"}
# Ratios whose upper part is the first: they move in proportion.
_RATIOS = {
    "invoices_overdue_amount": "overdue_share_of_billed_365d",
    "days_since_last_interaction": "silence_to_usual",
}


def what_if(
    current: Current, customer_id: str, changes: Mapping[str, float | None]
) -> tuple[Scored, Scored, dict[str, float | None]]:
    """Return the score as it is, as it would be, and every fact that moved."""
    night = current.night
    place = night.ids.find(customer_id)
    if place is None:
        raise RequestError(404, "No such customer in the latest snapshot.", where="customer_id")
    before = night.scored.take([place])
    if not before.eligible[0]:
        raise RequestError(
            422, f"The customer is {before.state[0]}, which gets no {current.target} probability.", where="customer_id"
        )
    columns = current.bundle.by_name
    for name, value in changes.items():
        _refuse_impossible(columns.get(name), name, value, columns)
    facts = dict(zip(columns, before.rows.values[0].tolist(), strict=True))
    changed = followed(facts, {name: np.nan if value is None else float(value) for name, value in changes.items()})
    values = np.array([list({**facts, **changed}.values())])
    rows = Matrix(current.bundle.columns, values)
    after = current.scorer.score_rows(rows, before.customer_id, before.state, before.as_of)
    moved = {name: None if np.isnan(value) else value for name, value in changed.items()}
    return before, replace(after, as_of=before.as_of), moved


def followed(facts: Mapping[str, float], asked: Mapping[str, float]) -> dict[str, float]:
    """Return the changes asked for and all that follow from them; what was asked for stays as it was asked.

    Counts over nested windows stay nested, parts stay within their whole, and what is done now was last done now.
    """
    changed = dict(asked)
    for _ in range(3):  # the longest chain of rules: visit, meeting, interaction
        for name in list(changed):
            for other, value in _consequences(name, {**facts, **changed}, facts):
                if other in facts and other not in asked and not np.isnan(value):
                    changed[other] = value
    _refuse_contradiction({**facts, **changed}, asked)
    return {name: value for name, value in changed.items() if not _same(value, facts[name])}


def _consequences(name: str, now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    step = now[name] - before[name]
    yield from _windows(name, now, before)
    if name in _PART_OF and _PART_OF[name] in now:
        whole = _PART_OF[name]
        yield whole, max(now[whole], now[name]) if step <= 0 else max(now[whole], before[whole] + step)
    for part, whole in _PART_OF.items():
        if whole == name and part in now:
            yield part, min(now[part], now[name])
    if name in _LAST_TIME and step > 0:
        yield _LAST_TIME[name], 0.0
    if name in _NOT_LATER and _NOT_LATER[name] in now:
        yield _NOT_LATER[name], float(np.fmin(now[_NOT_LATER[name]], now[name]))
    if name in _TOGETHER and _TOGETHER[name] in now and now[name] == 0:
        yield _TOGETHER[name], 0.0
    if name in _RATIOS and _RATIOS[name] in now and before[name] > 0:
        yield _RATIOS[name], before[_RATIOS[name]] * now[name] / before[name]


def _windows(name: str, now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Keep counts over nested windows nested: what is added in the shorter is in the longer too."""
    own = _WINDOW.fullmatch(name)
    if own is None or np.isnan(before[name]):
        return
    for other in now:
        match = _WINDOW.fullmatch(other)
        if match is None or match["stem"] != own["stem"] or other == name:
            continue
        if _days(match) > _days(own):
            yield other, max(before[other] + now[name] - before[name], now[name])
        else:
            yield other, min(now[other], now[name])


def _days(match: re.Match[str]) -> float:
    return float("inf") if match["days"] == "ever" else float(match["days"][:-1])


def _refuse_impossible(column: Column | None, name: str, value: float | None, columns: Mapping[str, Column]) -> None:
    where = f"changes.{name}"
    if column is None or not column.actionable:
        possible = ", ".join(sorted(known.name for known in columns.values() if known.actionable))
        why = "There is no such fact" if column is None else "The company cannot act on this fact"
        raise RequestError(422, f"{why}. Possible: {possible}.", where=where)
    if value is not None and (value < 0 or (column.unit == "share" and value > 1)):
        raise RequestError(422, f"{value:g} is no possible value of {name} ({column.unit}).", where=where)


def _refuse_contradiction(facts: Mapping[str, float], asked: Mapping[str, float]) -> None:
    for name in asked:
        own = _WINDOW.fullmatch(name)
        for other in asked if own else ():
            match = _WINDOW.fullmatch(other)
            if (
                own
                and match
                and match["stem"] == own["stem"]
                and _days(match) > _days(own)
                and facts[other] < facts[name]
            ):
                raise RequestError(
                    422, f"{other} cannot be less than {name}: it counts the same and more.", where=f"changes.{other}"
                )
    for part, whole in _PART_OF.items():
        if part in asked and whole in asked and facts[part] > facts[whole]:
            raise RequestError(
                422, f"{part} cannot be more than {whole}, of which it is a part.", where=f"changes.{part}"
            )


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (np.isnan(one) and np.isnan(other)))
