"""The grade of a model: how much better than the baselines the blend is in temporal validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from rapport.localized import LocalizedText
from rapport.metrics import Ranking
from rapport.scoring.models.evaluation_record import GradeRecord
from rapport.scoring.models.matrix import Floats
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.messages import MESSAGES, joined, localized

DRAWS = 300
LOWER_PERCENTILE = 5.0
A_CALIBRATION, B_CALIBRATION = 0.03, 0.06
RIVALS = ("base_rate", "recency", "rfm_cells", "rhythm", "hazard", "card")


@dataclass(frozen=True)
class Grade:
    """A letter from A to D, and the sentences that justify it."""

    letter: str
    reasons: tuple[LocalizedText, ...]

    def as_dict(self) -> GradeRecord:
        """Return the letter and its sentences in both languages."""
        sentence = joined(self.reasons)
        return cast(GradeRecord, {"letter": self.letter, **sentence.stored("sentence")})


def grade_model(
    probabilities: Mapping[str, Floats],
    metrics: Mapping[str, Mapping[str, float]],
    sufficiency: DataSufficiency,
    *,
    out_of_time: bool,
) -> Grade:
    """Grade the blend.

    A: significantly above every rival in average precision and top-tenth lift, calibration error ≤ 0.03.
    B: above every rival in average precision, significantly above recency, calibration error ≤ 0.06.
    C: significantly above recency. D: none of these, or too few rows to decide.
    """
    if not probabilities or not sufficiency.can_learn:
        fallback = sufficiency.fallback
        reason = fallback.reason if fallback.en else localized("grade.nothing_later")
        return Grade("D", (reason,))
    rivals = {name: probabilities[name] for name in RIVALS if name in probabilities}
    bounds = _lower_bounds(probabilities["label"], probabilities["blend"], rivals)
    error = metrics["blend"]["calibration_error"]
    reasons = [sentence for name, bound in bounds.items() for sentence in _sentences(name, bound, metrics)]
    reasons.append(localized("grade.calibration", error=error))
    if not out_of_time:
        reasons.append(localized("grade.other_customers"))
    letter = _letter(bounds, metrics, error)
    return Grade(letter if out_of_time or letter > "B" else "B", tuple(reasons))


def _letter(bounds: Mapping[str, tuple[float, float]], metrics: Mapping[str, Mapping[str, float]], error: float) -> str:
    recency = bounds.get("recency", bounds["base_rate"])
    if recency[0] <= 0:
        return "D"
    significant = all(precision > 0 and top > 0 for precision, top in bounds.values())
    if significant and error <= A_CALIBRATION:
        return "A"
    ours = metrics["blend"]["average_precision"]
    above = all(ours > metrics[name]["average_precision"] for name in bounds)
    return "B" if above and error <= B_CALIBRATION else "C"


def _lower_bounds(label: Floats, ours: Floats, rivals: Mapping[str, Floats]) -> dict[str, tuple[float, float]]:
    """Return the lower 95 % bounds of our gains in average precision and in lift, over a bootstrap of customers."""
    generator = np.random.default_rng(0)
    mine, others = Ranking(label, ours), {name: Ranking(label, theirs) for name, theirs in rivals.items()}
    gains: dict[str, list[tuple[float, float]]] = {name: [] for name in rivals}
    for _ in range(DRAWS):
        chosen = generator.integers(0, len(label), len(label))
        if label[chosen].min() == label[chosen].max():
            continue
        counts = np.bincount(chosen, minlength=len(label))
        precision, top = mine.average_precision(counts), mine.lift(chosen)
        for name, other in others.items():
            gains[name].append((precision - other.average_precision(counts), top - other.lift(chosen)))
    return {name: _lower_bound(found) for name, found in gains.items()}


def _lower_bound(gains: list[tuple[float, float]]) -> tuple[float, float]:
    precision, top = np.percentile(np.array(gains or [(-1.0, -1.0)]), LOWER_PERCENTILE, axis=0)
    return float(precision), float(top)


def _sentences(
    name: str, bounds: tuple[float, float], metrics: Mapping[str, Mapping[str, float]]
) -> tuple[LocalizedText, ...]:
    ours, theirs = metrics["blend"], metrics[name]
    found = ["above" if bound > 0 else "unsure" for bound in bounds]
    precision = {"ours": ours["average_precision"], "theirs": theirs["average_precision"]}
    return (
        localized(f"grade.precision_{found[0]}", rival=MESSAGES.texts[f"rival.{name}"], **precision),
        localized(f"grade.lift_{found[1]}", ours=ours["lift_10"], theirs=theirs["lift_10"]),
    )
