"""Audit a card against outcomes: its ranking, the outcome rates of its tiers and bands, and its early warning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import CardError
from rapport.metrics import auc, average_precision, stability_index
from rapport.scoring.cards.card import NO_TIER, Card
from rapport.scoring.cards.card_scores import CardScores, fit_bands, score_card

EARLY_DAYS = (60, 90)
"""The days before the loss at which a warning still leaves time to act."""
BAD_LABEL = {"churn": 1, "conversion": 0}
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class GroupOutcome:
    """One tier or band: number of rows, share of all rows, and rate of the outcome."""

    name: str
    count: int
    share: float
    rate: float | None


@dataclass(frozen=True)
class CardAudit:
    """The performance of a card on a history. `rate` is the rate of the outcome itself: churn, or conversion."""

    card: str
    card_hash: str
    target: str
    rows: int
    base_rate: float
    auc: float
    average_precision: float
    tiers: tuple[GroupOutcome, ...]
    bands: dict[str, tuple[GroupOutcome, ...]]
    red_over_base: float | None
    early_warning: float | None
    early_count: int
    green_share: float
    drift: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        plain = {key: value for key, value in vars(self).items() if key not in ("tiers", "bands")}
        bands = {name: [vars(share) for share in shares] for name, shares in self.bands.items()}
        return plain | {"tiers": [vars(share) for share in self.tiers], "bands": bands}

    def as_text(self) -> str:
        """Return the figures as text."""
        lines = [
            f"{self.card} on {self.target}: {self.rows} rows, base rate {self.base_rate:.3f}",
            f"AUC {self.auc:.3f}, average precision {self.average_precision:.3f}, green {self.green_share:.1%}",
        ]
        lines += [_line(share) for share in self.tiers]
        if self.red_over_base is not None:
            lines.append(f"red tier: {self.red_over_base:.2f} times the base rate")
        if self.early_warning is not None:
            first, last = EARLY_DAYS
            lines.append(
                f"not green {first}-{last} days before the loss: {self.early_warning:.1%} of {self.early_count}"
            )
        lines += [f"drift of tiers at {cutoff}: {value:.3f}" for cutoff, value in self.drift.items()]
        return "\n".join(lines)


def audit_scores(card: Card, rows: pa.Table, target: str, *, active_days: int = 365) -> CardAudit:
    """CardAudit a card on training rows (customer_id, cutoff, label, features) of one or more cutoffs."""
    if target not in BAD_LABEL:
        raise CardError(f"“{target}” is not a target; choose churn or conversion.")
    if rows.num_rows == 0:
        raise CardError(
            f"{card.name}: there are no rows to audit. Choose a cutoff with customers before and a horizon after it."
        )
    scores = score_card(fit_bands(card, rows), rows)
    labels = np.asarray(rows["label"])
    order = -scores.score if BAD_LABEL[target] == 1 else scores.score
    # A row without any known indicator ranks in the middle, neither first nor last.
    order = np.where(np.isnan(order), np.nanmedian(order) if (~np.isnan(order)).any() else 0.0, order)
    early, early_count = _early(scores, rows, labels, active_days) if target == "churn" else (None, 0)
    red = _signal(scores, "red")
    base = float(labels.mean())
    return CardAudit(
        card=scores.card.reference,
        card_hash=scores.card.hash,
        target=target,
        rows=len(labels),
        base_rate=base,
        auc=auc(labels, order),
        average_precision=average_precision(labels, order),
        tiers=_shares([*(tier.name for tier in card.tiers), _UNKNOWN], scores.tiers, labels),
        bands=_bands(scores, labels),
        red_over_base=float(labels[red].mean()) / base if red.any() and base > 0 else None,
        early_warning=early,
        early_count=early_count,
        green_share=float(_signal(scores, "green").mean()),
        drift=_drift(scores, rows),
    )


def tier_counts(scores: CardScores, at: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the number of rows of each tier, best first, unknown last."""
    tiers = scores.tiers[at].astype(int)
    tiers[tiers == NO_TIER] = len(scores.card.tiers)
    return np.bincount(tiers, minlength=len(scores.card.tiers) + 1).astype(float)


def _shares(names: Sequence[str], codes: npt.NDArray[np.generic], labels: npt.NDArray[Any]) -> tuple[GroupOutcome, ...]:
    shares = []
    for at, name in enumerate(names):
        here = np.asarray(codes) == (NO_TIER if name == _UNKNOWN else at)
        rate = float(labels[here].mean()) if here.any() else None
        shares.append(GroupOutcome(name, int(here.sum()), float(here.mean()), rate))
    return tuple(shares)


def _bands(scores: CardScores, labels: npt.NDArray[Any]) -> dict[str, tuple[GroupOutcome, ...]]:
    names = [_UNKNOWN, "1", "2", "3", "4", "5"]
    bands = {}
    for position, indicator in enumerate(scores.card):
        codes = scores.band_codes[:, position].astype(int)
        codes[codes == 0] = NO_TIER
        bands[indicator.name] = _shares(names, codes, labels)
    return bands


def _signal(scores: CardScores, signal: str) -> npt.NDArray[np.bool_]:
    codes = [at for at, tier in enumerate(scores.card.tiers) if tier.signal == signal]
    return np.isin(scores.tiers, codes)


def _early(scores: CardScores, rows: pa.Table, labels: npt.NDArray[Any], active_days: int) -> tuple[float | None, int]:
    """Return the share of churned customers that was not green 60 to 90 days before the loss.

    The loss is the day on which the customer stops being active: the last order plus the active window.
    """
    if "days_since_last_order" not in rows.column_names:
        return None, 0
    days = np.asarray(rows["days_since_last_order"].to_numpy(zero_copy_only=False), dtype=float)
    ahead = active_days - days
    then = (labels == 1) & (ahead >= EARLY_DAYS[0]) & (ahead <= EARLY_DAYS[1])
    if not then.any():
        return None, 0
    return float((~_signal(scores, "green"))[then].mean()), int(then.sum())


def _drift(scores: CardScores, rows: pa.Table) -> dict[str, float]:
    """Return the population stability index of the tiers at each cutoff against the first."""
    if "cutoff" not in rows.column_names:
        return {}
    cutoffs = np.asarray(rows["cutoff"].cast(pa.timestamp("us")).to_numpy(zero_copy_only=False))
    first, *later = np.unique(cutoffs)
    before = tier_counts(scores, cutoffs == first)
    return {str(each)[:10]: stability_index(before, tier_counts(scores, cutoffs == each)) for each in later}


def _line(share: GroupOutcome) -> str:
    rate = "" if share.rate is None else f"{share.rate:>8.3f}"
    return f"  {share.name:<14}{share.count:>8}{share.share:>8.1%}{rate}"
