"""The recommended actions of one customer: each for a fact or a reason, with who does it and by when."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.fact_actions import FactAction
from rapport.scoring.actions.playbook import Playbook, ReasonAction
from rapport.scoring.actions.reason_advice import own_advice, raising_reasons, with_actions
from rapport.scoring.messages import value_label
from rapport.scoring.reasons.answer_fields import ActionFields, ReasonFields
from rapport.scoring.reasons.numbers import format_value

MAX_ACTIONS = 6
DO_NOT_CONTACT = "do_not_contact"
_OWNER_ROLE, _NO_AMOUNT = "account owner", LocalizedText("amount not known", "金额未知")
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

    def as_dict(self) -> ActionFields:
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
    answer: Mapping[str, object] | None = None,
    limit: int = MAX_ACTIONS,
) -> list[Action]:
    """Return the actions of one customer: those for facts, most urgent first, then those for reasons.

    The reasons are those of its answer as API JSON. One that makes the answer worse becomes an action, one a family,
    unless the action for a fact answers it. A customer that must not be contacted gets no action that contacts it.
    """
    silent = any(fact["kind"] == DO_NOT_CONTACT for fact in facts)
    ranked = _ranked(facts, context.playbook, silent=silent)
    found = [_of_fact(fact, action, context) for _, fact, action in ranked]
    if answer and not silent:
        reasons = raising_reasons(answer)
        found += _of_reasons(
            [reason for reason in reasons if not any(action.answers(reason) for *_, action in ranked)], context
        )
    return found[:limit]


def with_advice(reasons: Sequence[ReasonFields], facts: Sequence[_Fact], context: ActionContext) -> list[ReasonFields]:
    """Return reasons (API JSON) with the company's advice: for a fact that the reason is about, else for the reason.

    A reason without advice of its own gets none: it speaks for the customer, or nothing can be done about it.
    """
    silent = any(fact["kind"] == DO_NOT_CONTACT for fact in facts)
    ranked = _ranked(facts, context.playbook, silent=silent)
    found: list[ReasonFields] = []
    for reason in reasons:
        if reason["advice"]:
            steps = (_step(fact, action, context) for _, fact, action in ranked if action.answers(reason))
            own = own_advice(reason, context.playbook, context.language)
            reason = {**reason, "advice": next(steps, own)}
        found.append(reason)
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
        if (matched := playbook.facts.of(fact["kind"], fact["detail"], fact["subject"])) is not None
    ]
    if len(found) < 2:
        return [each for each in found if not (silent and each[2].contact)]
    ranked = sorted([each for each in found if not (silent and each[2].contact)], key=lambda each: each[0])
    # Of two steps about one topic, such as a silent decision maker and the gap that this leaves, the first is enough.
    first = {(each[2].family, each[2].topics): each for each in reversed(ranked)}
    return [each for each in ranked if each[2].topics is None or first[each[2].family, each[2].topics] is each]


def _of_fact(fact: _Fact, action: FactAction, context: ActionContext) -> Action:
    values, text = _values(fact, context), _step(fact, action, context)
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


def _step(fact: _Fact, action: FactAction, context: ActionContext) -> str:
    return _filled(localize(action.what, context.language), _values(fact, context))


def _due(action: FactAction, deadline: date | None, today: date) -> date:
    """Return the due date: within the action's days, before the fact's deadline, and today where that has passed."""
    due = today + timedelta(days=action.within_days)
    if deadline is not None:
        due = min(due, deadline - timedelta(days=action.before_days))
    return max(due, today)


def _of_reasons(reasons: Iterable[Mapping[str, Any]], context: ActionContext) -> list[Action]:
    found = []
    for reason, action in with_actions(reasons, context.playbook):
        text = own_advice(reason, context.playbook, context.language) or ""
        found.append(
            Action(
                code=reason["family"],
                family=reason["family"],
                text=text,
                who=_who(localize(action.who, context.language), action.who.en, context.owner),
                due=_due_for_reason(action, context.today),
                because=reason["text"],
                steps=(text,),
                reason=reason["code"],
            )
        )
    return found


def next_action_for_reasons(answer: Mapping[str, Any], playbook: Playbook, today: date) -> tuple[str, date] | None:
    """Return code and due date of the first action for the reasons of an answer; their texts are not read."""
    for reason, action in with_actions(raising_reasons(answer), playbook):
        return reason["family"], _due_for_reason(action, today)
    return None


def _due_for_reason(action: ReasonAction, today: date) -> date:
    return today + timedelta(days=action.within_days)


def _who(role: str, english: str, owner: str | None) -> str:
    return owner if owner and english == _OWNER_ROLE else role


def _values(fact: _Fact, context: ActionContext) -> dict[str, str]:
    kind, _, name = (fact.get("step") or "").partition(":")
    step = context.playbook.step(kind, name, context.language) if name else ""
    amount = fact["amount"]
    unknown = localize(_NO_AMOUNT, context.language)
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
