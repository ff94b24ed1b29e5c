"""What an answer says besides the score: health, risk band, money, cards and lists, from the portfolio row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rapport.localized import localize
from rapport.scoring.cards.card import Card
from rapport.scoring.health.description import describe_health, own_fifths_note
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy

MONEY = (
    "spend_if_retained", "revenue_at_risk", "revenue_at_risk_low", "revenue_at_risk_high", "expected_revenue",
    "contact_effect", "savable", "clv_1y", "clv_3y", "clv_5y",
)  # fmt: skip
FIGURES = (
    "health", "risk_band", "list", "cards", "rfm", "win_back_value", "assumptions", "at_risk_threshold", "lead_grade",
    "behaviour_points", "fit_points", "expected_value", "contact_effect_source", *MONEY,
)  # fmt: skip
LEAD = ("lead_grade", "behaviour_points", "fit_points", "expected_value")


def with_portfolio(
    answer: dict[str, Any], row: Mapping[str, Any] | None, policy: PortfolioPolicy, language: str
) -> dict[str, Any]:
    """Return an answer with the figures of its portfolio row; without a row, as it is."""
    if row is None:
        return answer
    extra: dict[str, Any] = {"cards": _cards(row, policy, language), "assumptions": policy.assumptions.figures()}
    if "health_grade" in row:
        extra |= {name: row[name] for name in ("risk_band", "list", *MONEY)}
        extra |= {"health": _health(row, policy, language), "at_risk_threshold": policy.threshold}
        # The former name of revenue at risk: the same figure.
        extra["value_at_risk"] = row["revenue_at_risk"]
        names = ("r", "f", "m", "rfm_cell", "segment", "rfm_grade", "rfm_top")
        extra["rfm"] = {name: row[name] for name in names} | _segment(row["segment"], policy, language)
        extra["win_back_value"] = row["win_back_value"]
        extra["contact_effect_source"] = policy.assumptions.contact_effect_source
    else:
        extra |= {name: row.get(name) for name in LEAD}
    return answer | extra


def own_labels(policy: PortfolioPolicy, tier_card: Card | None, language: str) -> dict[str, dict[str, str]]:
    """Return the company's own labels of tiers, health grades and segments, each in the company's order, best first."""
    tiers = tier_card.tiers if tier_card else ()
    return {
        "tier": {tier.name: localize(tier.label, language) for tier in tiers},
        "health_grade": {grade.name: localize(grade.label, language) for grade in policy.rules.grades},
        "segment": {each.name: localize(each.label, language) for each in policy.segments.segments},
    }


def _health(row: Mapping[str, Any], policy: PortfolioPolicy, language: str) -> dict[str, Any] | None:
    frozen = policy.health_card
    if frozen is None:
        return None
    described = describe_health(
        row, policy.rules, frozen.card, threshold=policy.threshold, outlook=policy.outlook, language=language
    )
    if described is None:
        return None
    note = own_fifths_note(frozen.card, frozen.own_fifths, language)
    return described | {"notes": [note] if note else []}


def _segment(name: str | None, policy: PortfolioPolicy, language: str) -> dict[str, str | None]:
    """Return label and strategy of an RFM segment, by the company's own rules."""
    found = next((each for each in policy.segments.segments if each.name == name), None)
    if found is None:
        return {"segment_label": None, "strategy": None}
    strategy = policy.segments.strategy(found)
    return {"segment_label": localize(found.label, language), "strategy": localize(strategy, language)}


def _cards(row: Mapping[str, Any], policy: PortfolioPolicy, language: str) -> list[dict[str, Any]]:
    return [
        {
            "name": frozen.name,
            "label": localize(frozen.card.label, language),
            "score": row[f"card_{frozen.name}_score"],
            "scale": list(frozen.card.scale),
            "tier": row[f"card_{frozen.name}_tier"],
            "tier_label": _tier_label(frozen.card, row[f"card_{frozen.name}_tier"], language),
            "own_fifths": list(frozen.own_fifths),
        }
        for frozen in policy.cards
    ]


def _tier_label(card: Card, tier: str | None, language: str) -> str | None:
    found = next((each for each in card.tiers if each.name == tier), None)
    return localize(found.label, language) if found else tier
