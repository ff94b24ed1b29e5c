"""The judgement on a recipe: every part and every rule of thumb on the same later rows, and a grade."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rapport.scoring.matrix import Floats
from rapport.training.evaluate import calibration_error, measures, paired
from rapport.training.grade import Grade, grade_of
from rapport.training.rules import rules
from rapport.training.size import Size
from rapport.training.trial import Trial, anchored
from rapport.training.votes import prior, told
from scipy.special import expit, logit

EDGE = 1e-6
# Bootstraps of more rows than these say the same, later.
MOST = 10_000


@dataclass(frozen=True)
class Assessment:
    """Probabilities of every part on the trial's rows, with their measures."""

    label: Floats
    said: Mapping[str, Floats]
    measures: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, Mapping[str, list[float]]]
    slices: tuple[Mapping[str, Any], ...]
    grade: Grade
    out_of_time: bool

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""
        return {
            "rows": len(self.label),
            "out_of_time": self.out_of_time,
            "rate": float(self.label.mean()) if len(self.label) else None,
            "measures": {name: dict(values) for name, values in self.measures.items()},
            "gains": {name: dict(values) for name, values in self.gains.items()},
            "slices": [dict(part) for part in self.slices],
            "grade": self.grade.as_dict(),
        }


def assess(trial: Trial, target: str, size: Size) -> Assessment:
    """Judge the blend, the model without the card, each part and each rule of thumb."""
    if not trial.judged or not trial.names:
        return Assessment(np.zeros(0), {}, {}, {}, (), grade_of({}, {}, size, out_of_time=False), out_of_time=False)
    said = _said(trial, target, size)
    label = trial.label
    newest = np.arange(len(label)) < len(trial.judged[0].rows)
    known = {name: measures(label, values) for name, values in said.items()}
    some = np.flatnonzero(newest)[:MOST]
    gains = {
        name: paired(label[some], said["blend"][some], values[some]) for name, values in said.items() if name != "blend"
    }
    at_once = {name: values[some] for name, values in said.items()}
    grade = grade_of({"label": label[some]} | at_once, known, size, out_of_time=trial.out_of_time)
    return Assessment(label, said, known, gains, _slices(trial, said["blend"]), grade, trial.out_of_time)


def _said(trial: Trial, target: str, size: Size) -> dict[str, Floats]:
    names = trial.names
    said = {"blend": told(trial, prior(names, size))}
    if "card" in names and len(names) > 1:
        said["model"] = told(trial, prior([name for name in names if name != "card"], size))
    for name in names:
        said[name] = np.concatenate([anchored(part.said[name], part.level) for part in trial.judged])
    for rule in rules(trial.early, target):
        rates = [np.clip(rule.says(part.rows.matrix), EDGE, 1 - EDGE) for part in trial.judged]
        said[rule.name] = logit(np.concatenate(rates))
    return {name: np.asarray(expit(values)) for name, values in said.items()}


def _slices(trial: Trial, blend: Floats) -> tuple[dict[str, Any], ...]:
    parts, start = [], 0
    for part in trial.judged:
        label, p = part.rows.label, blend[start : start + len(part.rows)]
        start += len(part.rows)
        found = measures(label, p)
        parts.append(
            {
                "cutoff": f"{part.cutoff:%Y-%m-%d}",
                "rows": len(label),
                "rate": float(label.mean()),
                "expected": part.level,
                "auc": found["auc"],
                "log_loss": found["log_loss"],
                "calibration_error": calibration_error(label, p),
            }
        )
    return tuple(parts)
