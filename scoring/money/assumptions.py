"""The assumptions behind every amount, from the settings; they are printed wherever an amount is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rapport.history.settings import Settings

EffectSource = Literal["assumption", "experiment", "uplift"]
CONTACT_COST_SHARE = 0.002
"""The cost of a contact that no setting names, as a share of the mean spend within the horizon."""


@dataclass(frozen=True)
class Assumptions:
    """What no history can tell: margin, cost and effect of a contact, the size of a deal, the discount rate.

    Parameters
    ----------
    contact_cost : cost of one contact; ``with_contact_cost`` replaces the settings' -1.
    contact_effect : chance that a contact keeps a customer who would leave, at its best.
    contact_effect_source : whether this chance is an assumption, was proven by an experiment, or comes from an uplift
        model for each customer.
    contact_half_life : order cadences of further silence that halve this chance.
    default_deal_size : amount of a lead without an open opportunity; 0 takes the median spend of a customer.
    """

    margin: float = 0.3
    contact_cost: float = 100.0
    contact_effect: float = 0.3
    contact_half_life: float = 1.0
    default_deal_size: float = 0.0
    discount_rate: float = 0.1
    contact_effect_source: EffectSource = "assumption"

    @classmethod
    def of(cls, settings: Settings) -> Assumptions:
        """Return the assumptions of a company."""
        return cls(
            margin=settings.margin,
            contact_cost=settings.contact_cost,
            contact_effect=settings.contact_effect,
            contact_half_life=settings.contact_half_life,
            default_deal_size=settings.default_deal_size,
            discount_rate=settings.discount_rate,
        )

    def with_contact_cost(self, mean_spend: float) -> Assumptions:
        """Return the assumptions with a contact cost: the set one, else a share of the mean spend in the horizon."""
        if self.contact_cost >= 0:
            return self
        return replace(self, contact_cost=CONTACT_COST_SHARE * mean_spend)

    def as_dict(self) -> dict[str, Any]:
        """Return the assumptions as plain values, as a scoring run keeps them."""
        return asdict(self)

    def figures(self) -> dict[str, float]:
        """Return the numbers, as answers show them."""
        return {name: value for name, value in asdict(self).items() if name != "contact_effect_source"}

    def with_experiment(self, proven: float | None, *, has_uplift: bool = False) -> Assumptions:
        """Return the assumptions with the chance that an experiment proved, and whether each customer has its own."""
        chance = self.contact_effect if proven is None else proven
        source: EffectSource = "assumption" if proven is None else "experiment"
        return replace(self, contact_effect=chance, contact_effect_source="uplift" if has_uplift else source)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Assumptions:
        """Load what ``as_dict`` returned; an assumption that is not stored has its default."""
        return cls(**{name: stored[name] for name in asdict(cls()) if name in stored})
