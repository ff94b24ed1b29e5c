"""The recommended actions of one customer: each for a fact or a reason, with who does it and by when."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapport.localized import localize
from rapport.scoring.actions.fact_actions import FactAction
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.messages import value_label
from rapport.scoring.reasons.numbers import format_value

MAX_ACTIONS = 6
DO_NOT_CONTACT = "do_not_contact"
_OWNER_ROLE = "account owner"
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_ONE = re.compile(r"(?<![\d.,])1 (day|contact)s( are)?\b")
_Fact = Mapping[str, Any]


@dataclass(frozen=True)
class Action:
    """A recommended action: what to do, who, by when, and the fact or reason that calls for it."""

    code: str
    family: str
    text: str
    who: str
    due: date
    because: str
    steps: tuple[str, ...]
    deadline: date | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the action as API JSON."""
        return {
            "code": self.code,
            "family": self.family,
            "text": self.text,
            "who": self.who,
            "due": self.due.isoformat(),
            "because": self.because,
            "steps": list(self.steps),
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class ActionContext:
    """What an action needs besides the facts: the playbook, the day, the account owner, language and currency."""

    playbook: Playbook
    today: date
    owner: str | None
    language: str = "en"
    currency: str = ""


def recommended(
    facts: Sequence[_Fact],
    context: ActionContext,
    reasons: Iterable[Mapping[str, object]] = (),
    limit: int = MAX_ACTIONS,
) -> list[Action]:
    """Return the actions of one customer: those for facts, most urgent first, then those for reasons.

    `reasons` are the customer's reasons as API JSON, strongest first; one with advice becomes an action unless a fact
    of its family has one. A customer that must not be contacted gets no action that contacts it.
    """
    silent = any(fact["kind"] == DO_NOT_CONTACT for fact in facts)
    ranked = _ranked(facts, context.playbook, silent=silent)
    found = [_of_fact(fact, action, context) for _, fact, action in ranked]
    if not silent:
        found += _of_reasons(reasons, context, {family for *_, action in ranked for family in action.families})
    return found[:limit]


def advice_by_family(facts: Sequence[_Fact], context: ActionContext) -> dict[str, str]:
    """Return the text of the most urgent action for a fact, by family of reasons."""
    silent = any(fact["kind"] == DO_NOT_CONTACT for fact in facts)
    found: dict[str, str] = {}
    for _, fact, action in _ranked(facts, context.playbook, silent=silent):
        if new := [family for family in action.families if family not in found]:
            found |= dict.fromkeys(new, _filled(localize(action.what, context.language), _values(fact, context)))
    return found


def next_actions(facts: pa.Table, playbook: Playbook, today: date) -> dict[str, tuple[str, date]]:
    """Return code and due date of the first action of each customer that has one for a fact."""
    best: dict[str, tuple[int, str, date]] = {}
    silent = set(facts.filter(pc.equal(facts["kind"], DO_NOT_CONTACT))["customer_id"].to_pylist())
    for fact in facts.to_pylist():
        customer = fact["customer_id"]
        for place, _, action in _ranked([fact], playbook, silent=customer in silent):
            candidate = (place, fact["kind"], _due(action, fact["deadline"], today))
            if customer not in best or candidate < best[customer]:
                best[customer] = candidate
    return {customer: (code, due) for customer, (_, code, due) in best.items()}


def _ranked(facts: Sequence[_Fact], playbook: Playbook, *, silent: bool) -> list[tuple[int, _Fact, FactAction]]:
    found = [
        (matched[0], fact, matched[1])
        for fact in facts
        if (matched := playbook.facts.of(fact["kind"], fact["detail"])) is not None
    ]
    return sorted([each for each in found if not (silent and each[2].contact)], key=lambda each: each[0])


def _of_fact(fact: _Fact, action: FactAction, context: ActionContext) -> Action:
    values = _values(fact, context)
    text = _filled(localize(action.what, context.language), values)
    steps = tuple(_filled(localize(step, context.language), values) for step in action.steps)
    return Action(
        code=fact["kind"],
        family=action.family,
        text=text,
        who=_who(localize(action.who, context.language), action.who.en, context.owner),
        due=_due(action, fact["deadline"], context.today),
        because=_filled(localize(action.because, context.language), values),
        steps=steps or (text,),
        deadline=fact["deadline"],
    )


def _due(action: FactAction, deadline: date | None, today: date) -> date:
    """Return the due date: within the action's days, before the fact's deadline, and today where that has passed."""
    due = today + timedelta(days=action.within_days)
    if deadline is not None:
        due = min(due, deadline - timedelta(days=action.before_days))
    return max(due, today)


def _of_reasons(reasons: Iterable[Mapping[str, Any]], context: ActionContext, covered: set[str]) -> list[Action]:
    found: list[Action] = []
    for reason in reasons:
        action = context.playbook.reason_action(reason["code"], reason["family"], reason["evidence"])
        if action is None or not reason["advice"] or reason["family"] in covered:
            continue
        covered.add(reason["family"])
        found.append(
            Action(
                code=reason["family"],
                family=reason["family"],
                text=reason["advice"],
                who=_who(localize(action.who, context.language), action.who.en, context.owner),
                due=context.today + timedelta(days=action.within_days),
                because=reason["text"],
                steps=(reason["advice"],),
                reason=reason["code"],
            )
        )
    return found


def _who(role: str, english: str, owner: str | None) -> str:
    return owner if owner and english == _OWNER_ROLE else role


def _values(fact: _Fact, context: ActionContext) -> dict[str, str]:
    kind, _, name = (fact.get("step") or "").partition(":")
    step = context.playbook.step(kind, name, context.language) if name else ""
    amount = fact["amount"]
    unknown = "amount not known" if context.language == "en" else "金额未知"
    texts = {key: "" if fact[key] is None else str(fact[key]) for key in ("subject", "deadline", "since", "detail")}
    if fact["kind"] == "risk_event":
        texts |= {key: localize(value_label(texts[key]), context.language) for key in ("subject", "detail")}
    return {
        **texts,
        "days": "" if fact["days"] is None else f"{fact['days']:,}",
        "amount": unknown if amount is None else format_value(amount, "money", context.language, context.currency),
        "step": step,
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = _PLACEHOLDER.sub(lambda match: values[match[1]], template)
    return _ONE.sub(lambda match: f"1 {match[1]}{' is' if match[2] else ''}", text)
