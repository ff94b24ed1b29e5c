"""What the playbook does about a reason, where no fact of the customer says it better."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rapport.localized import localize
from rapport.scoring.actions.playbook import Playbook, ReasonAction

ACTION_REASONS = 12
"""So many reasons in each direction are read for actions, wherever an action is shown."""


def raising_reasons(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the reasons (API JSON) that make the answer worse, strongest first."""
    sign = 1.0 if answer["target"] == "churn" else -1.0
    worse = (reason for reason in answer["reasons"] if sign * reason["points"] > 0)
    return sorted(worse, key=lambda reason: -sign * reason["evidence"])


def with_actions(
    reasons: Iterable[Mapping[str, Any]], playbook: Playbook
) -> Iterator[tuple[Mapping[str, Any], ReasonAction]]:
    """Yield the reasons that the playbook does something about, the first of each family, with what it does."""
    seen = set()
    for reason in reasons:
        action = playbook.reason_action(reason["code"], reason["family"], reason["evidence"])
        if action is not None and reason["family"] not in seen:
            seen.add(reason["family"])
            yield reason, action


def own_advice(reason: Mapping[str, Any], playbook: Playbook, language: str) -> str | None:
    """Return the company's advice for the code of a reason, else the reason's own, else that for its family.

    None where only a fact calls for a step: advice about a ticket, an invoice or a quote would be wrong without one.
    """
    action = playbook.reason_action(reason["code"], reason["family"], reason["evidence"])
    if action is None:
        return None
    own: str | None = None if reason["code"] in playbook.codes else reason["advice"]
    return own or localize(action.what, language)
