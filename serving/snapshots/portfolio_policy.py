"""The policy of a portfolio table: rules, cards and assumptions, frozen when a scoring run is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.cards.card_file import load_card
from rapport.scoring.cards.card_set import FrozenCard, features_read, freeze_cards
from rapport.scoring.cards.config_models import parse_config
from rapport.scoring.cards.rfm import AXES, RfmSegments
from rapport.scoring.experiments.uplift import UpliftModel
from rapport.scoring.health.outlook import GradeOutlook
from rapport.scoring.health.rules import HealthRules, read_health_rules
from rapport.scoring.health.threshold import at_risk_threshold
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.spend_model import CONTRACT_VALUE
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.snapshots.effect_file import ProvenEffect

ENOUGH_ROWS = 5
"""Fewer customers than this have no fifths: cards keep their thresholds."""
_SPEND = "spend_net_sum_365d"


@dataclass(frozen=True)
class PortfolioPolicy:
    """What turns scores into a portfolio; a customer who is scored later, by an event or a request, gets the same.

    Parameters
    ----------
    cards : the scorecards of the run; the health card is among them.
    weight, threshold : share of the model in the health score; the probability from which all are at risk.
    deal_size : amount of a lead without an open opportunity.
    uplift : the chance that a contact helps each customer, once an experiment proved a model of it.
    """

    rules: HealthRules
    segments: RfmSegments
    assumptions: Assumptions
    cards: tuple[FrozenCard, ...]
    weight: float
    threshold: float
    deal_size: float
    lead_card: FrozenCard
    outlook: GradeOutlook | None = None
    calls_per_week: int = 50
    calls_per_owner: int = 0
    uplift: UpliftModel | None = None

    def card(self, name: str) -> FrozenCard | None:
        """Return a scorecard of the run; None if it has no such card."""
        return next((card for card in self.cards if card.name == name or card.card.name == name), None)

    @property
    def proven(self) -> ProvenEffect:
        """Return what an experiment had proved when the policy was frozen."""
        assumed = self.assumptions.contact_effect_source == "assumption"
        return ProvenEffect(None if assumed else self.assumptions.contact_effect, self.uplift)

    @property
    def health_card(self) -> FrozenCard | None:
        """Return the card of the health score."""
        return self.card(self.rules.card)

    @property
    def rfm_card(self) -> FrozenCard | None:
        """Return the card with the indicators r, f and m."""
        return next((card for card in self.cards if set(AXES) <= set(card.card.names)), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as JSON, without the RFM segments, which the playbook has."""
        return {
            "rules": self.rules.to_dict(),
            "assumptions": self.assumptions.as_dict(),
            "cards": [card.to_dict() for card in self.cards],
            "weight": self.weight,
            "threshold": self.threshold,
            "deal_size": self.deal_size,
            "lead_card": self.lead_card.to_dict(),
            "calls_per_week": self.calls_per_week,
            "calls_per_owner": self.calls_per_owner,
            "outlook": self.outlook.as_dict() if self.outlook else None,
            "uplift": self.uplift.to_dict() if self.uplift else None,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], segments: RfmSegments) -> PortfolioPolicy:
        """Load what ``to_dict`` returned."""
        return cls(
            rules=read_health_rules(stored["rules"], "the scoring run's health rules"),
            segments=segments,
            assumptions=Assumptions.from_dict(stored["assumptions"]),
            cards=tuple(_stored_card(card) for card in stored["cards"]),
            weight=stored["weight"],
            threshold=stored["threshold"],
            deal_size=stored["deal_size"],
            lead_card=_stored_card(stored["lead_card"]) if "lead_card" in stored else _lead_card(),
            calls_per_week=stored.get("calls_per_week", 50),
            calls_per_owner=stored.get("calls_per_owner", 0),
            outlook=GradeOutlook.from_dict(stored["outlook"]) if stored.get("outlook") else None,
            uplift=UpliftModel.from_dict(stored["uplift"]) if stored.get("uplift") else None,
        )


def freeze_policy(
    bundle: Bundle, settings: Settings, playbook: Playbook, features: pa.Table, proven: ProvenEffect | None = None
) -> PortfolioPolicy:
    """Return the policy for the customers of a run: cards are fitted to those that have a probability.

    ``proven`` is what an experiment has proved of the chance that a contact helps.
    """
    proven = proven or ProvenEffect()
    population = features.filter(pc.equal(features["state"], bundle.eligible))
    names = _card_names(bundle, settings, playbook)
    member = bundle.card
    fitted = {member.card.name: member.card} if member and member.own_fifths is not None else {}
    rows = population if population.num_rows >= ENOUGH_ROWS else population.slice(0, 0)
    cards = freeze_cards(names, rows, fitted)
    outlook = bundle.evaluation.get("outlook")
    weight = playbook.health.weight if settings.health_weight < 0 else settings.health_weight
    return PortfolioPolicy(
        rules=playbook.health,
        segments=playbook.segments,
        assumptions=_assumptions(settings, bundle, population).with_experiment(
            proven.contact_effect, has_uplift=proven.uplift is not None
        ),
        cards=cards,
        weight=weight,
        threshold=at_risk_threshold(bundle.base_rate, settings.at_risk_threshold),
        deal_size=settings.default_deal_size or _median_spend(features, bundle),
        lead_card=_lead_card(),
        outlook=GradeOutlook.from_dict(outlook) if outlook else None,
        calls_per_week=settings.calls_per_week,
        calls_per_owner=settings.calls_per_owner,
        uplift=proven.uplift,
    )


def policy_columns(bundle: Bundle, settings: Settings, playbook: Playbook) -> list[str]:
    """Return the columns of the features that ``freeze_policy`` reads."""
    spend = _spend_feature(bundle)
    return ["state", spend, *sorted(features_read(_card_names(bundle, settings, playbook)) - {spend})]


def _card_names(bundle: Bundle, settings: Settings, playbook: Playbook) -> tuple[str, ...]:
    names = settings.scorecards if bundle.is_risk else settings.lead_scorecards
    return tuple(dict.fromkeys([*names, playbook.health.card])) if bundle.is_risk else tuple(names)


def _lead_card() -> FrozenCard:
    """Return the card that grades leads from behaviour, fit and probability."""
    return FrozenCard("lead", load_card("lead"))


def _assumptions(settings: Settings, bundle: Bundle, population: pa.Table) -> Assumptions:
    """Return the company's assumptions; a cost that it did not set is a share of what its customers spend."""
    spend = _yearly_spend(population, bundle)
    mean = float(np.nanmean(spend)) if np.isfinite(spend).any() else 0.0
    return Assumptions.of(settings).with_contact_cost(mean * bundle.horizon_days / 365.0)


def _yearly_spend(features: pa.Table, bundle: Bundle) -> Floats:
    name = _spend_feature(bundle)
    if name not in features.column_names:
        return np.full(features.num_rows, np.nan)
    return np.asarray(features[name].to_numpy(zero_copy_only=False), dtype=np.float64)


def _spend_feature(bundle: Bundle) -> str:
    """Return the feature with what a customer pays a year: net spend, or what its contracts pay."""
    model = bundle.spend_model
    return CONTRACT_VALUE if model and model.feature == CONTRACT_VALUE else _SPEND


def _median_spend(features: pa.Table, bundle: Bundle) -> float:
    """Return the median yearly spend of the customers who ordered; 0 where nobody did."""
    spend = _yearly_spend(features, bundle)
    spent = spend[spend > 0]
    return float(np.median(spent)) if len(spent) else 0.0


def _stored_card(stored: object) -> FrozenCard:
    return parse_config(FrozenCard, stored, "the scoring run's card")
