"""The effect of contact: the difference between contacted and held-out customers, adjusted by the score (CUPED).

Every customer has one influence value, whose mean is the adjusted difference; its spread gives the interval at a fixed
plan and, wider, the interval that holds at every look (an asymptotic confidence sequence, Waudby-Smith et al. 2024).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ALPHA = 0.05
MIN_HELD_OUT, MIN_OUTCOMES = 50, 10
"""Below this many held-out customers, or outcomes of either kind in a group, nothing is called proven."""
_NORMAL = NormalDist()
_POWER = 0.8


@dataclass(frozen=True)
class Effect:
    """What contact did in one cell: the rates of the good outcome, their difference and its intervals.

    ``low``, ``high`` hold at one planned look, ``anytime_low``, ``anytime_high`` at every look; only the latter prove.
    """

    cell: str
    contacted: int
    held_out: int
    rate_contacted: float
    rate_held_out: float
    difference: float
    low: float
    high: float
    anytime_low: float
    anytime_high: float
    p_value: float
    needed: int | None
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return dict(vars(self))


def measure_effect(cell: str, held_out: Flags, outcome: Floats, score: Floats, share: float) -> Effect:
    """Return the effect in one cell; ``outcome`` is 1 where the good outcome came, ``share`` the held-out share."""
    values = influence(held_out, outcome, score, share)
    count, difference = len(values), float(values.mean())
    spread = float(values.std(ddof=1))
    half = _NORMAL.inv_cdf(1 - ALPHA / 2) * spread / math.sqrt(count)
    wide = anytime_half_width(count, spread)
    z = abs(difference) / (spread / math.sqrt(count)) if spread else 0.0
    enough = has_enough_outcomes(held_out, outcome)
    return Effect(
        cell=cell,
        contacted=int((~held_out).sum()),
        held_out=int(held_out.sum()),
        rate_contacted=float(outcome[~held_out].mean()),
        rate_held_out=float(outcome[held_out].mean()),
        difference=difference,
        low=difference - half,
        high=difference + half,
        anytime_low=difference - wide,
        anytime_high=difference + wide,
        p_value=2 * (1 - _NORMAL.cdf(z)),
        needed=customers_needed(difference, spread, count),
        verdict=_verdict(difference, half, wide, enough=enough),
    )


def influence(held_out: Flags, outcome: Floats, score: Floats, share: float) -> Floats:
    """Return one value a customer whose mean is the difference, adjusted by a line of the score in each group."""
    on = ~held_out
    with_contact, without = _line(score[on], outcome[on]), _line(score[held_out], outcome[held_out])
    expected_on, expected_off = np.polyval(with_contact, score), np.polyval(without, score)
    weight_on, weight_off = on / (1 - share), held_out / share
    residual = weight_on * (outcome - expected_on) - weight_off * (outcome - expected_off)
    return np.asarray(expected_on - expected_off + residual)


def anytime_half_width(count: int, spread: float, planned: int = 1_000) -> float:
    """Return the half width that covers at every look at once; narrowest near ``planned`` customers."""
    log = -2 * math.log(ALPHA)
    rho2 = (log + math.log(log) + 1) / planned
    factor = 2 * (count * rho2 + 1) / (count**2 * rho2) * math.log(math.sqrt(count * rho2 + 1) / ALPHA)
    return spread * math.sqrt(factor)


def customers_needed(difference: float, spread: float, count: int) -> int | None:
    """Return how many more customers a difference of this size needs (80 % power, one planned look)."""
    if not difference or not spread:
        return None
    z = _NORMAL.inv_cdf(1 - ALPHA / 2) + _NORMAL.inv_cdf(_POWER)
    return max(0, math.ceil((z * spread / difference) ** 2) - count)


def corrected(effects: Sequence[Effect]) -> dict[str, float]:
    """Return the p values of further cells, corrected for their number (Holm)."""
    found: dict[str, float] = {}
    last = 0.0
    for position, one in enumerate(sorted(effects, key=lambda one: one.p_value)):
        last = max(last, min(1.0, one.p_value * (len(effects) - position)))
        found[one.cell] = last
    return found


def has_enough_outcomes(held_out: Flags, outcome: Floats) -> bool:
    """Whether both groups have enough outcomes of each kind for a claim."""
    counts = [(outcome[group] == kind).sum() for group in (held_out, ~held_out) for kind in (0.0, 1.0)]
    return bool(held_out.sum() >= MIN_HELD_OUT and min(counts) >= MIN_OUTCOMES)


def _line(score: Floats, outcome: Floats) -> Floats:
    if len(score) < 3 or np.ptp(score) == 0:
        return np.array([0.0, outcome.mean() if len(outcome) else 0.0])
    return np.asarray(np.polyfit(score, outcome, 1))


def _verdict(difference: float, half: float, wide: float, *, enough: bool) -> str:
    """Return proven, harms (contact seems to harm: a warning needs less proof than a claim) or not_proven."""
    if enough and difference - wide > 0:
        return "proven"
    if enough and difference + half < 0:
        return "harms"
    return "not_proven"
