"""Open deals as answers: score, missing checks with their next step, time in stage, and who was never met."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.analytics.deals import CARD_ROLES
from rapport.scoring.cards import Card, load_card
from rapport.serving.snapshots.live_model import LiveModel

TABLE = "deals"
_ROLE_NAMES = {
    "decision_maker": LocalizedText("the decision maker", "决策人"),
    "influencer": LocalizedText("the influencer", "影响者"),
    "user": LocalizedText("the user", "使用者"),
    "finance": LocalizedText("the finance contact", "财务负责人"),
}
_NEVER_MET = LocalizedText("{role} {name} was never met", "尚未接触{role}{name}")
_STALLED = LocalizedText(
    "In this stage for {days} days; won deals took {usual}.", "在此阶段已 {days} 天；赢单通常用时 {usual} 天。"
)


def customer_deals(model: LiveModel, row: int, playbook: Playbook, language: str) -> list[dict[str, Any]]:
    """Return the open deals of the customer in a row of the snapshot, the largest first."""
    rows = sorted(model.snapshot.run.customer_rows(TABLE, row), key=lambda deal: -(deal["amount"] or 0.0))
    return [describe_deal(deal, playbook, language) for deal in rows]


def describe_deal(deal: Mapping[str, Any], playbook: Playbook, language: str) -> dict[str, Any]:
    """Return a deal as API JSON, with labels, steps and blockers in the language."""
    card = load_card("c139")
    labels = {indicator.name: localize(indicator.label, language) for indicator in card}
    tier = next((each for each in card.tiers if each.name == deal["tier"]), None)
    return {
        **{name: value for name, value in deal.items() if name not in ("opened_at", "missing", "parts", "never_met")},
        "opened_at": deal["opened_at"].isoformat(),
        "tier_label": localize(tier.label, language) if tier else None,
        "strategy": playbook.strategy("c139", deal["tier"], language),
        "parts": _parts(card, deal, language),
        "missing": [
            {**check, "label": labels[check["check"]], "step": playbook.step("c139", check["check"], language)}
            for check in deal["missing"]
        ],
        "next_step": playbook.step("c139", deal["next_check"] or "close", language),
        "never_met": [dict(person) for person in deal["never_met"]],
        "blockers": _blockers(deal, language),
    }


def _parts(card: Card, deal: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """Return the score of each dimension; runs of before have a nan where no check of a dimension has a weight."""
    labels = {dimension.name: localize(dimension.label, language) for dimension in card.dimensions}
    scored = ((part["name"], part["score"]) for part in deal["parts"])
    return [
        {"name": name, "score": None if math.isnan(score) else score, "label": labels[name]} for name, score in scored
    ]


def _blockers(deal: Mapping[str, Any], language: str) -> list[str]:
    """Return what holds a stalled deal: its time in stage, and people that a missing check needs and nobody met."""
    if not deal["stalled"]:
        return []
    usual = f"{deal['usual_days_in_stage']:.0f}"
    found = [localize(_STALLED, language).format(days=deal["days_in_stage"], usual=usual)]
    missing = {CARD_ROLES.get(check["check"]) for check in deal["missing"]}
    for person in deal["never_met"]:
        # The chain counts whenever coverage itself is not confirmed.
        if person["role"] in missing or any(check["check"] == "coverage" for check in deal["missing"]):
            role = localize(_ROLE_NAMES[person["role"]], language)
            text = localize(_NEVER_MET, language).format(role=role, name=person["name"])
            found.append(text[0].upper() + text[1:] + ("." if language == "en" else "。"))
    return found
