"""Tiers with hysteresis: a customer changes tier when the score is clearly past a threshold, and not too often."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.cards.card import NO_TIER, Card
from rapport.scoring.cards.config_models import ConfigModel, Number, Whole, in_range

Floats = npt.NDArray[np.float64]
TierCodes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Hysteresis(ConfigModel):
    """How slowly tiers change.

    A score has to pass a threshold by `margin` (a share of the scale), and a customer stays at least `dwell_days` in a
    tier before moving up again. A fall takes effect at once.
    """

    margin: Annotated[Number, in_range(0, 0.5, "not_a_margin")] = 0.03
    dwell_days: Whole = 30


@dataclass(frozen=True)
class TierStates:
    """Each customer's tier (best 0, -1 unknown) and since when, sorted by customer."""

    customer_id: npt.NDArray[np.object_]
    tier: TierCodes
    since: npt.NDArray[np.datetime64]
    names: tuple[str, ...] = field(default=())

    def to_table(self) -> pa.Table:
        """Return one row per customer: tier and since when."""
        names: list[str | None] = [*self.names, None]
        tiers = pa.array([names[at] for at in self.tier], pa.string())
        since = pa.array(self.since.astype("datetime64[us]"), pa.timestamp("us"))
        return pa.table({"customer_id": pa.array(self.customer_id, pa.string()), "tier": tiers, "since": since})

    @classmethod
    def from_table(cls, table: pa.Table, card: Card) -> "TierStates":
        """Restore what `to_table` returned; a tier that the card no longer has is unknown."""
        position_of = {tier.name: at for at, tier in enumerate(card.tiers)}
        ids = np.array(table["customer_id"].to_pylist(), dtype=object)
        codes = np.array([position_of.get(name, NO_TIER) for name in table["tier"].to_pylist()], dtype=np.int8)
        order = np.argsort(ids, kind="stable")
        since = np.asarray(table["since"].to_numpy(zero_copy_only=False)).astype("datetime64[us]")
        return cls(ids[order], codes[order], since[order], tuple(position_of))


def next_tiers(
    scores: Floats,
    before: TierCodes,
    days_in_tier: Floats,
    floors: Sequence[float],
    width: float,
    hysteresis: Hysteresis,
) -> TierCodes:
    """Return the new tiers for new scores and the tiers before.

    `floors` are those of all tiers but the lowest, best first; `width` is the length of the scale.
    """
    plain = _cut(scores, floors, 0.0)
    down = _cut(scores, floors, -hysteresis.margin * width)
    up = _cut(scores, floors, hysteresis.margin * width)
    may_rise = days_in_tier >= hysteresis.dwell_days
    tier = before.copy()
    # Better tiers have smaller numbers. A tier falls when the score is below its floor by more than the margin.
    falls = down > before
    tier[falls] = down[falls]
    rises = (up < before) & may_rise
    tier[rises] = up[rises]
    fresh = before == NO_TIER
    tier[fresh] = plain[fresh]
    tier[np.isnan(scores)] = NO_TIER
    return tier


def update_tiers(
    ids: Sequence[str] | npt.NDArray[np.object_],
    scores: Floats,
    card: Card,
    as_of: datetime,
    *,
    before: TierStates | None = None,
    hysteresis: Hysteresis | None = None,
) -> TierStates:
    """Return each customer's tier at `as_of` from the new scores and the states before."""
    hysteresis = hysteresis or Hysteresis()
    ids = np.asarray(ids, dtype=object)
    order = np.argsort(ids, kind="stable")
    ids, scores = ids[order], np.round(np.asarray(scores, dtype=float)[order], 9)
    now = np.datetime64(as_of.replace(tzinfo=None), "us")
    old, since = _previous(ids, before, now)
    days = (now - since) / np.timedelta64(1, "D")
    floors = [tier.floor for tier in card.tiers if tier.floor is not None]
    moved = next_tiers(scores, old, days, floors, card.scale[1] - card.scale[0], hysteresis)
    since[moved != old] = now
    return TierStates(ids, moved, since, tuple(tier.name for tier in card.tiers))


def _previous(
    ids: npt.NDArray[np.object_], before: TierStates | None, now: np.datetime64
) -> tuple[TierCodes, npt.NDArray[np.datetime64]]:
    old, since = np.full(len(ids), NO_TIER, np.int8), np.full(len(ids), now)
    if before is not None and len(before.customer_id):
        at = np.minimum(np.searchsorted(before.customer_id, ids), len(before.customer_id) - 1)
        known = before.customer_id[at] == ids
        old[known], since[known] = before.tier[at[known]], before.since[at[known]]
    return old, since


def _cut(scores: Floats, floors: Sequence[float], shift: float) -> TierCodes:
    tier = np.full(scores.shape, len(floors), np.int8)
    for at in range(len(floors) - 1, -1, -1):
        tier[scores >= floors[at] + shift] = at
    return tier
