"""Tiers with memory: a customer changes tier when the score is clearly past the edge, and stays there for a while."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.scores import NO_TIER

from rapport.errors import CardError

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Memory:
    """How slow tiers are.

    A score has to pass an edge by `margin` (a share of the whole scale), and a customer stays at least `dwell_days` in
    a tier before moving up again. A fall is told at once: bad news may not wait.
    """

    margin: float = 0.03
    dwell_days: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 0.5 or self.dwell_days < 0:
            raise CardError(
                f"Tiers: margin {self.margin:g} and dwell_days {self.dwell_days} do not fit;"
                " the margin is a share from 0 to below 0.5, the dwell 0 days or more."
            )


@dataclass(frozen=True)
class TierStates:
    """Each customer's tier (best 0, -1 unknown) and since when, sorted by customer."""

    customer_id: npt.NDArray[np.object_]
    tier: Places
    since: npt.NDArray[np.datetime64]
    names: tuple[str, ...] = field(default=())

    def to_table(self) -> pa.Table:
        """Give one row a customer: tier and since when."""
        names: list[str | None] = [*self.names, None]
        tiers = pa.array([names[at] for at in self.tier], pa.string())
        since = pa.array(self.since.astype("datetime64[us]"), pa.timestamp("us"))
        return pa.table({"customer_id": pa.array(self.customer_id, pa.string()), "tier": tiers, "since": since})

    @classmethod
    def from_table(cls, table: pa.Table, card: Card) -> "TierStates":
        """Read back what `to_table` gave; a tier that the card no longer has is unknown."""
        place = {tier.name: at for at, tier in enumerate(card.tiers)}
        ids = np.array(table["customer_id"].to_pylist(), dtype=object)
        marks = np.array([place.get(name, NO_TIER) for name in table["tier"].to_pylist()], dtype=np.int8)
        order = np.argsort(ids, kind="stable")
        since = np.asarray(table["since"].to_numpy(zero_copy_only=False)).astype("datetime64[us]")
        return cls(ids[order], marks[order], since[order], tuple(place))


def next_tiers(
    scores: Floats, before: Places, days_in_tier: Floats, floors: Sequence[float], width: float, memory: Memory
) -> Places:
    """Move tiers by new scores, remembering the tiers before.

    `floors` are those of all tiers but the lowest, best first; `width` is the length of the scale.
    """
    plain = _cut(scores, floors, 0.0)
    down = _cut(scores, floors, -memory.margin * width)
    up = _cut(scores, floors, memory.margin * width)
    rested = days_in_tier >= memory.dwell_days
    tier = before.copy()
    # Better tiers have smaller numbers. A fall holds when the score is below the edge even with the margin given.
    falls = down > before
    tier[falls] = down[falls]
    rises = (up < before) & rested
    tier[rises] = up[rises]
    fresh = before == NO_TIER
    tier[fresh] = plain[fresh]
    tier[np.isnan(scores)] = NO_TIER
    return tier


def remember(
    ids: Sequence[str] | npt.NDArray[np.object_],
    scores: Floats,
    card: Card,
    as_of: datetime,
    *,
    before: TierStates | None = None,
    memory: Memory | None = None,
) -> TierStates:
    """Give each customer's tier at `as_of` from the new scores and the states before."""
    memory = memory or Memory()
    ids = np.asarray(ids, dtype=object)
    order = np.argsort(ids, kind="stable")
    ids, scores = ids[order], np.round(np.asarray(scores, dtype=float)[order], 9)
    now = np.datetime64(as_of.replace(tzinfo=None), "us")
    old, since = _recall(ids, before, now)
    days = (now - since) / np.timedelta64(1, "D")
    floors = [tier.floor for tier in card.tiers if tier.floor is not None]
    moved = next_tiers(scores, old, days, floors, card.scale[1] - card.scale[0], memory)
    since[moved != old] = now
    return TierStates(ids, moved, since, tuple(tier.name for tier in card.tiers))


def _recall(
    ids: npt.NDArray[np.object_], before: TierStates | None, now: np.datetime64
) -> tuple[Places, npt.NDArray[np.datetime64]]:
    old, since = np.full(len(ids), NO_TIER, np.int8), np.full(len(ids), now)
    if before is not None and len(before.customer_id):
        at = np.minimum(np.searchsorted(before.customer_id, ids), len(before.customer_id) - 1)
        known = before.customer_id[at] == ids
        old[known], since[known] = before.tier[at[known]], before.since[at[known]]
    return old, since


def _cut(scores: Floats, floors: Sequence[float], shift: float) -> Places:
    tier = np.full(scores.shape, len(floors), np.int8)
    for at in range(len(floors) - 1, -1, -1):
        tier[scores >= floors[at] + shift] = at
    return tier
