"""Totals of a portfolio: tiers and their migration, groups by revenue at risk, RFM grid, largest score changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rapport.serving.console.portfolio_columns import FloatColumn, Mask, PortfolioColumns, RowIndexes
from rapport.serving.snapshots.feature_columns import known_mean

_HISTOGRAM_BINS = 20
# A smaller change would read "20% → 20%".
_SHOWN_CHANGE = 0.01


@dataclass(frozen=True)
class TierSummary:
    """One tier now and 30 days ago, and the tiers from which its customers came."""

    name: str
    count: int
    count_before: int
    revenue_at_risk: float
    origins: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class GroupSummary:
    """One group of the portfolio: an owner, a region, a segment, a family of reasons."""

    name: str
    count: int
    revenue_at_risk: float
    mean_probability: float


@dataclass(frozen=True)
class RfmCell:
    """One cell of the RFM grid."""

    r: int
    f: int
    count: int
    value: float
    mean_probability: float


def portfolio_total(portfolio: PortfolioColumns, seen: Mask) -> GroupSummary:
    """Add up all visible customers."""
    return GroupSummary(
        "",
        int(seen.sum()),
        _sum(portfolio.revenue_at_risk[seen]),
        known_mean(portfolio.numeric("probability")[seen]),
    )


def tier_summaries(portfolio: PortfolioColumns, seen: Mask, order: Sequence[str]) -> list[TierSummary]:
    """Count each tier now and 30 days ago, in the ``order`` of the company's card, best first."""
    now, before = portfolio.category("tier"), portfolio.category("tier_30d")
    found = []
    for name in tier_order({now.values[code] for code in np.unique(now.codes[seen]) if code}, order):
        here = seen & now.equals(name)
        moved = ((other, int((here & before.equals(other)).sum())) for other in before.values[1:] if other != name)
        found.append(
            TierSummary(
                name,
                int(here.sum()),
                int((seen & before.equals(name)).sum()),
                _sum(portfolio.revenue_at_risk[here]),
                tuple(sorted(((other, n) for other, n in moved if n), key=lambda pair: -pair[1])),
            )
        )
    return found


def tier_order(names: set[str], order: Sequence[str]) -> list[str]:
    """Sort tier names as the card orders them; others, as of an earlier card, follow by name."""
    rank = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (rank.get(name, len(rank)), name))


def group_summaries(portfolio: PortfolioColumns, seen: Mask, by: str) -> list[GroupSummary]:
    """Add up revenue at risk by one category, largest first; customers without a value are the last group, ""."""
    column = portfolio.category(by)
    codes, width = column.codes[seen], len(column.values)
    counts = np.bincount(codes, minlength=width)
    risk = np.bincount(codes, np.nan_to_num(portfolio.revenue_at_risk[seen]), minlength=width)
    probability = np.bincount(codes, np.nan_to_num(portfolio.numeric("probability")[seen]), minlength=width)
    order = [int(code) for code in np.lexsort((np.arange(width), -risk)) if counts[code] and code]
    return [
        GroupSummary(column.values[c], int(counts[c]), float(risk[c]), float(probability[c] / counts[c]))
        for c in [*order, *([0] if counts[0] else [])]
    ]


def histogram(portfolio: PortfolioColumns, seen: Mask) -> list[int]:
    """Count customers in twenty equal bins of probability."""
    probability = portfolio.numeric("probability")[seen]
    counts, _ = np.histogram(probability[~np.isnan(probability)], bins=_HISTOGRAM_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]


def rfm_grid(portfolio: PortfolioColumns, seen: Mask) -> list[RfmCell]:
    """Return the 25 cells of recency by frequency, best recency first."""
    r, f = portfolio.numeric("r"), portfolio.numeric("f")
    value, probability = portfolio.numeric("value"), portfolio.numeric("probability")
    cells = []
    for recency in (5, 4, 3, 2, 1):
        for frequency in (1, 2, 3, 4, 5):
            here = seen & (r == recency) & (f == frequency)
            cells.append(RfmCell(recency, frequency, int(here.sum()), _sum(value[here]), known_mean(probability[here])))
    return cells


def top_movers(portfolio: PortfolioColumns, seen: Mask, days: int, count: int = 6) -> tuple[RowIndexes, RowIndexes]:
    """Return the rows whose probability rose and fell most in ``days`` days, largest change first."""
    before = portfolio.numeric(f"probability_{days}d")
    change = np.where(seen, portfolio.numeric("probability") - before, np.nan)
    known = np.flatnonzero(~np.isnan(change))
    order = known[np.argsort(change[known], kind="stable")]
    return _with_sign(order[::-1][:count], change, 1.0), _with_sign(order[:count], change, -1.0)


def _with_sign(rows: RowIndexes, change: FloatColumn, sign: float) -> RowIndexes:
    return np.asarray(rows[change[rows] * sign >= _SHOWN_CHANGE], dtype=np.int64)


def _sum(values: FloatColumn) -> float:
    return float(np.nansum(values))
