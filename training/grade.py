"""A grade that means something: what the blend is worth beside the rules of thumb, out of time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rapport.history.contract import Words
from rapport.scoring.matrix import Floats
from rapport.training.evaluate import average_precision, lift
from rapport.training.size import Size
from rapport.training.wording import against, joined
from rapport.training.wording import said as said_of

DRAWS = 300
SURE = 5.0
A_CALIBRATION, B_CALIBRATION = 0.03, 0.06
RIVALS = ("base_rate", "recency", "rfm_cells", "rhythm", "hazard", "card")


@dataclass(frozen=True)
class Grade:
    """A to D, and the sentences that lead to it."""

    letter: str
    reasons: tuple[Words, ...]

    def as_dict(self) -> dict[str, str]:
        """Give the letter and its sentences, in English and in Chinese."""
        whole = joined(self.reasons)
        return {"letter": self.letter, "sentence": whole.en, "sentence_zh": whole.zh}


def grade_of(
    said: Mapping[str, Floats], known: Mapping[str, Mapping[str, float]], size: Size, *, out_of_time: bool
) -> Grade:
    """Grade the blend.

    A: surely above every rival by average precision and by lift in the top tenth, calibration error ≤ 0.03.
    B: above every rival by average precision, surely above recency, calibration error ≤ 0.06.
    C: surely above recency. D: not even that, or too little to tell.
    """
    if not said or not size.learnt:
        told = Words(size.basis.en, size.basis.zh) if size.basis.en else said_of("nothing_later")
        return Grade("D", (told,))
    floors = {name: _floors(said["label"], said["blend"], said[name]) for name in RIVALS if name in said}
    error = known["blend"]["calibration_error"]
    reasons = [sentence for name, floor in floors.items() for sentence in _sentences(name, floor, known)]
    reasons.append(said_of("calibration", error=error))
    if not out_of_time:
        reasons.append(said_of("other_customers"))
    letter = _letter(floors, known, error)
    return Grade(letter if out_of_time or letter > "B" else "B", tuple(reasons))


def _letter(floors: Mapping[str, tuple[float, float]], known: Mapping[str, Mapping[str, float]], error: float) -> str:
    recency = floors.get("recency", floors["base_rate"])
    if recency[0] <= 0:
        return "D"
    surely = all(precision > 0 and top > 0 for precision, top in floors.values())
    if surely and error <= A_CALIBRATION:
        return "A"
    ours = known["blend"]["average_precision"]
    above = all(ours > known[name]["average_precision"] for name in floors)
    return "B" if above and error <= B_CALIBRATION else "C"


def _floors(label: Floats, ours: Floats, theirs: Floats) -> tuple[float, float]:
    """Return the lower 95 % bounds of what we gain in average precision and in lift, over draws of customers."""
    draw = np.random.default_rng(0)
    gains = []
    for _ in range(DRAWS):
        chosen = draw.integers(0, len(label), len(label))
        if label[chosen].min() == label[chosen].max():
            continue
        some = label[chosen]
        gains.append(
            (
                average_precision(some, ours[chosen]) - average_precision(some, theirs[chosen]),
                lift(some, ours[chosen]) - lift(some, theirs[chosen]),
            )
        )
    if not gains:
        return (-1.0, -1.0)
    precision, top = np.percentile(np.array(gains), SURE, axis=0)
    return float(precision), float(top)


def _sentences(name: str, floor: tuple[float, float], known: Mapping[str, Mapping[str, float]]) -> tuple[Words, ...]:
    ours, theirs = known["blend"], known[name]
    surely = ["above" if bound > 0 else "unsure" for bound in floor]
    return (
        against(f"precision_{surely[0]}", name, ours["average_precision"], theirs["average_precision"]),
        said_of(f"lift_{surely[1]}", ours=ours["lift_10"], theirs=theirs["lift_10"]),
    )
