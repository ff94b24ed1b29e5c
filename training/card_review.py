"""The quarterly review of a card: is it still good, have its bands moved, which thresholds would fit better now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapport.history import History, Span
from rapport.scoring.cards import Card
from rapport.scoring.cards.audit import BAD_LABEL, Audit, audit
from rapport.scoring.cards.bands import fill
from rapport.scoring.cards.indicator import BEST, Bound, Indicator, Rung, Thresholds
from rapport.scoring.cards.quality import auc, stability
from rapport.scoring.cards.scores import columns_of, measured
from rapport.scoring.cards.workshop import bands_text, past_rows
from sklearn.isotonic import IsotonicRegression

from rapport.errors import CardError

MOVED = 0.25
"""A stability index above this says that customers now lie in other bands than before."""

# A band of fewer rows than this, or a feature with fewer outcomes, would be chance.
_FEWEST_ROWS, _FEWEST_OUTCOMES = 50, 5
_MOST_BANDS = 5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LineReview:
    """One indicator: how far its bands moved, and thresholds that would fit what happened, judged on newer rows."""

    name: str
    drift: float
    unknown: float
    present: str
    proposed: str | None
    present_auc: float
    proposed_auc: float | None


@dataclass(frozen=True)
class Review:
    """A card a quarter ago and now. Nothing is changed: a person reads the proposals and edits the card."""

    before: Audit
    now: Audit
    lines: tuple[LineReview, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give all figures as JSON takes them."""
        lines = [vars(line) for line in self.lines]
        return {"before": self.before.as_dict(), "now": self.now.as_dict(), "lines": lines}

    def as_text(self) -> str:
        """Give the figures for reading."""
        text = ["A quarter ago:", self.before.as_text(), "", "Now:", self.now.as_text(), ""]
        for line in self.lines:
            moved = " – the bands have moved" if line.drift > MOVED else ""
            text.append(
                f"{line.name}: drift {line.drift:.3f}{moved}, unknown {line.unknown:.0%}, AUC {line.present_auc:.3f}"
            )
            if line.proposed is not None:
                text.append(f"  now       {line.present}")
                text.append(f"  proposed  {line.proposed} (AUC {line.proposed_auc:.3f})")
        return "\n".join([*text, "", "Nothing is changed. Edit the card and raise its version if you agree."])


def review_card(card: Card, history: History, target: str, as_of: datetime, *, active: Span, horizon: Span) -> Review:
    """Review a card on the last four quarters whose outcome was known at `as_of`."""
    return review(card, past_rows(history, target, as_of, active=active, horizon=horizon), target)


def review(card: Card, rows: pa.Table, target: str) -> Review:
    """Review a card on rows of several cutoffs: thresholds are learned before the newest and judged on it."""
    cutoffs = sorted(set(rows["cutoff"].to_pylist()))
    if len(cutoffs) < 2:
        raise CardError(f"{card.name}: a review needs rows of two moments at least; the history is too short.")
    cutoff = rows["cutoff"]
    newest, previous = (pa.scalar(moment, cutoff.type) for moment in (cutoffs[-1], cutoffs[-2]))
    now, earlier = rows.filter(pc.equal(cutoff, newest)), rows.filter(pc.less(cutoff, newest))
    before = rows.filter(pc.equal(cutoff, previous))
    fitted = card.fitted(earlier)
    lines = [
        _line(line, earlier, before, now, BAD_LABEL[target]) for line in fitted if isinstance(line.bands, Thresholds)
    ]
    return Review(audit(fitted, before, target), audit(fitted, now, target), tuple(lines))


def propose(values: Floats, bad: npt.NDArray[np.bool_], *, high_is_good: bool) -> Thresholds | None:
    """Find at most five monotone bands: isotonic regression of the outcome, its steps merged while they are too small.

    None where the values do not go with the outcome in the declared direction. Isotonic regression gives the best
    monotone steps there are (Barlow et al., 1972); only how many to keep is our choice.
    """
    known = ~np.isnan(values)
    if bad[known].sum() < _FEWEST_OUTCOMES or known.sum() < 2 * _FEWEST_ROWS:
        return None
    towards = -values[known] if high_is_good else values[known]
    level = IsotonicRegression().fit(towards, bad[known]).predict(towards)
    edges = _steps(towards, level, bad[known])
    if not len(edges):
        return None
    bands = np.round(np.linspace(BEST, 1, len(edges) + 1)).astype(int)
    # Going from good to bad: a customer is in the better band while it stays below the next edge.
    bound: Bound = "above" if high_is_good else "below"
    rungs = (
        Rung(int(band), bound, _plain(-edge if high_is_good else edge))
        for band, edge in zip(bands, edges, strict=False)
    )
    return Thresholds(tuple(rungs))


def _steps(towards: Floats, level: Floats, bad: npt.NDArray[np.bool_]) -> list[float]:
    """Merge neighbouring steps until each is large enough and there are five at most; give their lower edges."""
    starts = [float(towards[level == each].min()) for each in np.unique(level)]
    while len(starts) > 1:
        piece = np.searchsorted(starts, towards, side="right") - 1
        rows, outcomes = np.bincount(piece), np.bincount(piece, weights=bad)
        rate = outcomes / np.maximum(rows, 1)
        small = np.flatnonzero(rows < _FEWEST_ROWS)
        if not small.size and len(starts) <= _MOST_BANDS:
            break
        # The weakest step goes: the edge beside a piece that is too small, else the one with the least difference.
        gaps = np.diff(rate) * np.sqrt(np.minimum(rows[1:], rows[:-1]))
        if small.size:
            beside = [edge for edge in (small[0] - 1, small[0]) if 0 <= edge < len(gaps)]
            del starts[min(beside, key=lambda edge: gaps[edge]) + 1]
        else:
            del starts[int(np.argmin(gaps)) + 1]
    return starts[1:]


def _line(line: Indicator, earlier: pa.Table, before: pa.Table, now: pa.Table, bad_label: int) -> LineReview:
    assert isinstance(line.bands, Thresholds), "only lines with thresholds are reviewed"
    past, then, new = (
        measured(line, columns_of(rows, line.features), rows.num_rows) for rows in (earlier, before, now)
    )
    bad = np.asarray(earlier["label"]) == bad_label
    found = propose(past, bad, high_is_good=line.bands.high_is_good)
    counts = [np.bincount(fill(values, line.bands), minlength=BEST + 1).astype(float) for values in (then, new)]
    return LineReview(
        name=line.name,
        drift=stability(*counts),
        unknown=float(np.isnan(new).mean()) if len(new) else 0.0,
        present=bands_text(line.bands),
        proposed=None if found is None else bands_text(found),
        present_auc=_line_auc(line.bands, new, now, bad_label),
        proposed_auc=None if found is None else _line_auc(found, new, now, bad_label),
    )


def _line_auc(bands: Thresholds, values: Floats, rows: pa.Table, bad_label: int) -> float:
    known = ~np.isnan(values)
    bad = np.asarray(rows["label"]) == bad_label
    return auc(bad[known], -fill(values[known], bands).astype(float))


def _plain(edge: float) -> float:
    """Round an edge to four figures, as a person would write it."""
    return float(f"{edge:.4g}")
