"""Audits a card against what happened: does it rank, do its tiers mean something, does it warn in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.quality import auc, average_precision, stability
from rapport.scoring.cards.scores import NO_TIER, CardScores

from rapport.errors import CardError

EARLY_DAYS = (60, 90)
"""How long before the loss a warning still gives time to act."""
BAD_LABEL = {"churn": 1, "conversion": 0}
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Share:
    """One tier or band: how many rows, what part of all, and how often the outcome came."""

    name: str
    count: int
    share: float
    rate: float | None


@dataclass(frozen=True)
class Audit:
    """What a card was worth on a history. `rate` is of the outcome itself: leaving, or buying."""

    card: str
    card_hash: str
    target: str
    rows: int
    base_rate: float
    auc: float
    average_precision: float
    tiers: tuple[Share, ...]
    bands: dict[str, tuple[Share, ...]]
    red_over_base: float | None
    early_warning: float | None
    early_count: int
    green_share: float
    drift: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Give all figures as JSON takes them."""
        plain = {key: value for key, value in vars(self).items() if key not in ("tiers", "bands")}
        bands = {name: [vars(share) for share in shares] for name, shares in self.bands.items()}
        return plain | {"tiers": [vars(share) for share in self.tiers], "bands": bands}

    def as_text(self) -> str:
        """Give the figures for reading."""
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


def audit(card: Card, rows: pa.Table, target: str, *, active_days: int = 365) -> Audit:
    """Audit a card on training rows (customer_id, cutoff, label, features) of one or more cutoffs."""
    if target not in BAD_LABEL:
        raise CardError(f"“{target}” is no target; choose churn or conversion.")
    if rows.num_rows == 0:
        raise CardError(f"{card.name}: no row to audit. Ask for a cutoff with customers before it and a horizon after.")
    scores = card.fitted(rows).score(rows)
    labels = np.asarray(rows["label"])
    order = -scores.score if BAD_LABEL[target] == 1 else scores.score
    # A row of which the card knows nothing is as usual, neither first nor last.
    order = np.where(np.isnan(order), np.nanmedian(order) if (~np.isnan(order)).any() else 0.0, order)
    early, early_count = _early(scores, rows, labels, active_days) if target == "churn" else (None, 0)
    red = _signal(scores, "red")
    base = float(labels.mean())
    return Audit(
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
    """Count the rows of each tier, best first, unknown last."""
    tiers = scores.tiers[at].astype(int)
    tiers[tiers == NO_TIER] = len(scores.card.tiers)
    return np.bincount(tiers, minlength=len(scores.card.tiers) + 1).astype(float)


def _shares(names: Sequence[str], places: npt.NDArray[np.generic], labels: npt.NDArray[Any]) -> tuple[Share, ...]:
    shares = []
    for at, name in enumerate(names):
        here = np.asarray(places) == (NO_TIER if name == _UNKNOWN else at)
        rate = float(labels[here].mean()) if here.any() else None
        shares.append(Share(name, int(here.sum()), float(here.mean()), rate))
    return tuple(shares)


def _bands(scores: CardScores, labels: npt.NDArray[Any]) -> dict[str, tuple[Share, ...]]:
    names = [_UNKNOWN, "1", "2", "3", "4", "5"]
    bands = {}
    for at, line in enumerate(scores.card):
        marks = scores.marks[:, at].astype(int)
        marks[marks == 0] = NO_TIER
        bands[line.name] = _shares(names, marks, labels)
    return bands


def _signal(scores: CardScores, signal: str) -> npt.NDArray[np.bool_]:
    places = [at for at, tier in enumerate(scores.card.tiers) if tier.signal == signal]
    return np.isin(scores.tiers, places)


def _early(scores: CardScores, rows: pa.Table, labels: npt.NDArray[Any], active_days: int) -> tuple[float | None, int]:
    """Say which part of those who left was not green 60 to 90 days before the loss.

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
    """Compare the tiers at each cutoff with those at the first."""
    if "cutoff" not in rows.column_names:
        return {}
    cutoffs = np.asarray(rows["cutoff"].cast(pa.timestamp("us")).to_numpy(zero_copy_only=False))
    first, *later = np.unique(cutoffs)
    before = tier_counts(scores, cutoffs == first)
    return {str(each)[:10]: stability(before, tier_counts(scores, cutoffs == each)) for each in later}


def _line(share: Share) -> str:
    rate = "" if share.rate is None else f"{share.rate:>8.3f}"
    return f"  {share.name:<14}{share.count:>8}{share.share:>8.1%}{rate}"
