"""The quarterly review of a scorecard: metrics, drift of its bands, and proposals for better thresholds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.isotonic import IsotonicRegression

from rapport.errors import CardError
from rapport.history import Duration, History
from rapport.metrics import LARGE_DRIFT, auc, stability_index
from rapport.scoring.card_commands import bands_text, evaluation_rows
from rapport.scoring.cards import Card
from rapport.scoring.cards.audit import BAD_LABEL, CardAudit, audit_scores
from rapport.scoring.cards.bands import assign_bands
from rapport.scoring.cards.card_scores import fit_bands, indicator_values, numpy_columns
from rapport.scoring.cards.indicator import BEST, BoundKind, Indicator, Threshold, ThresholdBands

# A band with fewer rows, or a feature with fewer outcomes, would be noise.
_MIN_ROWS, _MIN_OUTCOMES = 50, 5
_MAX_BANDS = 5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class IndicatorReview:
    """One indicator: the drift of its bands, and thresholds fitted to the outcomes, evaluated on newer rows."""

    name: str
    drift: float
    unknown: float
    present: str
    proposed: str | None
    present_auc: float
    proposed_auc: float | None


@dataclass(frozen=True)
class CardReview:
    """A card a quarter ago and now. Nothing is changed: a person reads the proposals and edits the card."""

    before: CardAudit
    now: CardAudit
    lines: tuple[IndicatorReview, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        lines = [vars(line) for line in self.lines]
        return {"before": self.before.as_dict(), "now": self.now.as_dict(), "lines": lines}

    def as_text(self) -> str:
        """Return the figures for reading."""
        text = ["A quarter ago:", self.before.as_text(), "", "Now:", self.now.as_text(), ""]
        for line in self.lines:
            moved = " – the bands have drifted" if line.drift > LARGE_DRIFT else ""
            text.append(
                f"{line.name}: drift {line.drift:.3f}{moved}, unknown {line.unknown:.0%}, AUC {line.present_auc:.3f}"
            )
            if line.proposed is not None:
                text.append(f"  now       {line.present}")
                text.append(f"  proposed  {line.proposed} (AUC {line.proposed_auc:.3f})")
        return "\n".join([*text, "", "Nothing is changed. To apply a proposal, edit the card and raise its version."])


def review_card(
    card: Card, history: History, target: str, as_of: datetime, *, active: Duration, horizon: Duration
) -> CardReview:
    """Review a card on the last four quarters with a known outcome at ``as_of``."""
    return review(card, evaluation_rows(history, target, as_of, active=active, horizon=horizon), target)


def review(card: Card, rows: pa.Table, target: str) -> CardReview:
    """Review a card on rows of several cutoffs: thresholds are fitted before the newest and evaluated on it."""
    cutoffs = sorted(set(rows["cutoff"].to_pylist()))
    if len(cutoffs) < 2:
        raise CardError(f"{card.name}: a review needs at least two cutoffs; the history is too short.")
    cutoff = rows["cutoff"]
    newest, previous = (pa.scalar(moment, cutoff.type) for moment in (cutoffs[-1], cutoffs[-2]))
    now, earlier = rows.filter(pc.equal(cutoff, newest)), rows.filter(pc.less(cutoff, newest))
    before = rows.filter(pc.equal(cutoff, previous))
    fitted = fit_bands(card, earlier)
    lines = [
        _review_indicator(line, earlier, before, now, BAD_LABEL[target])
        for line in fitted
        if isinstance(line.bands, ThresholdBands)
    ]
    return CardReview(audit_scores(fitted, before, target), audit_scores(fitted, now, target), tuple(lines))


def propose(values: Floats, bad: npt.NDArray[np.bool_], *, high_is_good: bool) -> ThresholdBands | None:
    """Propose at most five monotone bands: isotonic regression of the outcome, with steps merged until large enough.

    None if the values do not follow the declared direction. Isotonic regression gives the best monotone steps
    (Barlow et al., 1972); only the number of steps is our choice.
    """
    known = ~np.isnan(values)
    if bad[known].sum() < _MIN_OUTCOMES or known.sum() < 2 * _MIN_ROWS:
        return None
    badness = -values[known] if high_is_good else values[known]
    level = IsotonicRegression().fit(badness, bad[known]).predict(badness)
    edges = _steps(badness, level, bad[known])
    if not len(edges):
        return None
    bands = np.round(np.linspace(BEST, 1, len(edges) + 1)).astype(int)
    # From good to bad: a customer is in the better band as long as it is below the next edge.
    bound: BoundKind = "above" if high_is_good else "below"
    thresholds = (
        Threshold(int(band), bound, _rounded(-edge if high_is_good else edge))
        for band, edge in zip(bands, edges, strict=False)
    )
    return ThresholdBands(tuple(thresholds))


def _steps(badness: Floats, level: Floats, bad: npt.NDArray[np.bool_]) -> list[float]:
    """Merge neighbouring steps until each is large enough and there are at most five; return their lower edges."""
    starts = [float(badness[level == each].min()) for each in np.unique(level)]
    while len(starts) > 1:
        step = np.searchsorted(starts, badness, side="right") - 1
        rows, outcomes = np.bincount(step), np.bincount(step, weights=bad)
        rate = outcomes / np.maximum(rows, 1)
        too_small = np.flatnonzero(rows < _MIN_ROWS)
        if not too_small.size and len(starts) <= _MAX_BANDS:
            break
        # Remove the weakest edge: one beside a step that is too small, else the one with the smallest difference.
        gaps = np.diff(rate) * np.sqrt(np.minimum(rows[1:], rows[:-1]))
        if too_small.size:
            candidates = [edge for edge in (too_small[0] - 1, too_small[0]) if 0 <= edge < len(gaps)]
            del starts[min(candidates, key=lambda edge: gaps[edge]) + 1]
        else:
            del starts[int(np.argmin(gaps)) + 1]
    return starts[1:]


def _review_indicator(
    line: Indicator, earlier: pa.Table, before: pa.Table, now: pa.Table, bad_label: int
) -> IndicatorReview:
    assert isinstance(line.bands, ThresholdBands), "only indicators with thresholds are reviewed"
    past, then, new = (
        indicator_values(line, numpy_columns(rows, line.features), rows.num_rows) for rows in (earlier, before, now)
    )
    bad = np.asarray(earlier["label"]) == bad_label
    found = propose(past, bad, high_is_good=line.bands.high_is_good)
    counts = [np.bincount(assign_bands(values, line.bands), minlength=BEST + 1).astype(float) for values in (then, new)]
    return IndicatorReview(
        name=line.name,
        drift=stability_index(counts[0], counts[1]),
        unknown=float(np.isnan(new).mean()) if len(new) else 0.0,
        present=bands_text(line.bands),
        proposed=None if found is None else bands_text(found),
        present_auc=_bands_auc(line.bands, new, now, bad_label),
        proposed_auc=None if found is None else _bands_auc(found, new, now, bad_label),
    )


def _bands_auc(bands: ThresholdBands, values: Floats, rows: pa.Table, bad_label: int) -> float:
    known = ~np.isnan(values)
    bad = np.asarray(rows["label"]) == bad_label
    return auc(bad[known], -assign_bands(values[known], bands).astype(float))


def _rounded(edge: float) -> float:
    """Round an edge to four significant figures."""
    return float(f"{edge:.4g}")
