"""Build answers from scores: each number of a customer with its strongest reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapport.localized import localize
from rapport.scoring.messages import MESSAGES
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.reasons.answer import Answer, FamilyEvidence, Reason
from rapport.scoring.reasons.answer_fields import Certainty
from rapport.scoring.reasons.certainty import certainty_levels
from rapport.scoring.reasons.renderer import ReasonRenderer
from rapport.scoring.reasons.sentences import SentenceTemplate

MIN_POINTS = 0.0005
"""Half of the smallest share of a probability that is shown (0.1 %)."""
# Rows that become Python numbers at a time.
_TOGETHER = 512


def build_answers(
    batch: ScoreBatch, reasons: int = 5, language: str = "en", rows: Sequence[int] | None = None
) -> list[Answer]:
    """Return the answers of all rows, or of some, each with at most ``reasons`` reasons up and as many down."""
    renderer, chosen = ReasonRenderer.of(batch.bundle, language), range(len(batch)) if rows is None else rows
    levels = certainty_levels(batch, chosen)
    return [_answer(batch, row, reasons, renderer, level) for row, level in zip(chosen, levels, strict=True)]


def _answer(batch: ScoreBatch, row: int, count: int, renderer: ReasonRenderer, certainty: Certainty | None) -> Answer:
    known = bool(batch.eligible[row])
    # Plain Python numbers: an answer reads many of them one by one, where NumPy scalars are slower.
    evidence, slope = batch.evidence[row].tolist(), float(batch.slopes[row])
    points = [part * slope for part in evidence]
    stored = batch.rows.row(row) if known else None
    reasons: tuple[Reason, ...] = ()
    if stored is not None and count:
        reasons = _reasons(renderer, stored.tolist(), batch.leading[row].tolist(), (evidence, points), count)
    low, high = _number(batch.low[row]), _number(batch.high[row])
    return Answer(
        customer_id=batch.customer_id[row],
        as_of=batch.as_of.date().isoformat(),
        target=batch.bundle.target,
        state=batch.state[row],
        probability=_number(batch.probability[row]),
        percentile=int(batch.percentile[row]) if known else None,
        interval=None if low is None or high is None else (low, high),
        certainty=certainty,
        certainty_note=localize(MESSAGES.texts[f"certainty.{certainty}"], renderer.language) if certainty else None,
        model_probability=_number(batch.model_probability[row]),
        rule_probability=_number(batch.rule_probability[row]),
        rule_score=_number(batch.rule_score[row]),
        tier=batch.tier[row],
        value_at_risk=_number(batch.value_at_risk[row]),
        base_rate=batch.bundle.base_rate if known else None,
        reasons=reasons,
        other_evidence=float(sum(evidence) - sum([reason.evidence for reason in reasons])) if known else None,
        other_points=float(sum(points) - sum([reason.points for reason in reasons])) if known else None,
        model=renderer.source,
        out_of_range=() if stored is None else _out_of_range(batch, stored),
    )


def _reasons(
    renderer: ReasonRenderer,
    values: Sequence[float],
    leading: Sequence[int],
    parts: tuple[Sequence[float], Sequence[float]],
    count: int,
) -> tuple[Reason, ...]:
    """Return the strongest reasons, at most ``count`` in each direction and one for each fact."""
    peers, rises = renderer.peers(values), sum(parts[0]) > 0
    return tuple(
        [
            renderer.reason(sentence, part, values, peers, families, contrary=(part.evidence > 0) != rises)
            for sentence, part, families in _stated(renderer, values, leading, parts, count)
        ]
    )


class StatedEvidence(NamedTuple):
    """Evidence and the sentence that will state it, which is not written yet; ``families`` has all that it carries."""

    sentence: SentenceTemplate
    part: FamilyEvidence
    families: tuple[str, ...]

    @property
    def evidence(self) -> float:
        """Return the log-odds of all its families."""
        return self.part.evidence


def stated_evidence(batch: ScoreBatch, count: int, rows: Sequence[int]) -> Iterator[list[StatedEvidence]]:
    """Yield for each of some rows with a probability what its ``count`` reasons in each direction will state.

    Its sentences are not written, which is most of the work of an answer.
    """
    renderer = ReasonRenderer.of(batch.bundle, "en")
    for first in range(0, len(rows), _TOGETHER):
        some = np.asarray(rows[first : first + _TOGETHER], dtype=np.intp)
        evidence, slopes = batch.evidence[some], batch.slopes[some]
        parts = zip(evidence.tolist(), (evidence * slopes[:, None]).tolist(), strict=True)
        values, leading = batch.rows.take(some).values.tolist(), batch.leading[some].tolist()
        for own, leads, numbers in zip(values, leading, parts, strict=True):
            yield _stated(renderer, own, leads, numbers, count)


def _stated(
    renderer: ReasonRenderer,
    values: Sequence[float],
    leading: Sequence[int],
    parts: tuple[Sequence[float], Sequence[float]],
    count: int,
) -> list[StatedEvidence]:
    """Choose what is stated, strongest first, at most ``count`` in each direction and once for each fact.

    Where two families rest on the same fact, the stronger one's sentence carries the evidence of both. Evidence for
    which no fact may be stated, and evidence that would show as 0.0 points, counts among the rest.
    """
    evidence, points = parts
    found: dict[str, StatedEvidence] = {}
    left = {True: count, False: count}
    strength = [abs(part) for part in evidence]
    shown = [family for family, part in enumerate(points) if abs(part) >= MIN_POINTS and strength[family]]
    for family in sorted(shown, key=strength.__getitem__, reverse=True):
        part = FamilyEvidence(family, leading[family], evidence[family], points[family])
        sentence, up = renderer.sentence(part, values, found), part.evidence > 0
        if sentence is None:
            continue
        name, topic = renderer.families[family], sentence.topic
        if topic in found:
            found[topic] = _joined(found[topic], part, name)
        elif left[up]:
            found[topic] = StatedEvidence(sentence, part, (name,))
            left[up] -= 1
    return sorted(found.values(), key=lambda each: -abs(each.part.evidence))


def _joined(first: StatedEvidence, part: FamilyEvidence, family: str) -> StatedEvidence:
    """Add the evidence of a second family to what states its fact, unless the sign would turn."""
    evidence, points = first.evidence + part.evidence, first.part.points + part.points
    if evidence * first.evidence <= 0 or abs(points) < MIN_POINTS:
        return first
    joined = first.part._replace(evidence=evidence, points=points)
    return StatedEvidence(first.sentence, joined, (*first.families, family))


def _out_of_range(batch: ScoreBatch, values: npt.NDArray[np.float64]) -> tuple[str, ...]:
    low, high = batch.bundle.training_range
    columns = ((values < low) | (values > high)).nonzero()[0]
    return tuple(batch.bundle.columns[column].name for column in columns)


def _number(value: float) -> float | None:
    # Only nan differs from itself.
    return None if value != value else float(value)
