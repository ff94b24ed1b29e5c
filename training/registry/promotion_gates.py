"""The gates of promotion: conditions that a model passes or fails, each with its sentence."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np

from rapport.localized import LocalizedText
from rapport.metrics import average_precision
from rapport.scoring import Bundle
from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.evaluation_record import ChampionComparison, EvaluationRecord, GateRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.dataset import IndexArray
from rapport.training.evaluation.served_part import served_of
from rapport.training.evaluation.training_run import TrainingRun
from rapport.training.members.prediction import align_columns, bundle_logits
from rapport.training.messages import localized

REQUIRED_SHARE = 0.95
"""Least share of the champion's average precision."""
MIN_OUTCOMES = 50


@dataclass(frozen=True)
class Gate:
    """One condition of promotion."""

    name: str
    passed: bool
    text: LocalizedText

    @property
    def sentence(self) -> str:
        """Return the sentence in English."""
        return self.text.en

    def as_dict(self) -> GateRecord:
        """Return the gate for JSON."""
        return cast(GateRecord, {"name": self.name, "passed": self.passed, **self.text.stored("sentence")})


def evaluate_gates(evaluation: EvaluationRecord, champion: str | None) -> tuple[Gate, ...]:
    """Evaluate the gates on a recorded evaluation; ``champion`` is the version in use."""
    letter = evaluation["grade"]["letter"]
    grade = Gate("grade", letter in "ABC", localized("gate_text.grade_required", letter=letter))
    found = evaluation.get("data_checks", {}).get("leaks", [])
    text = localized("gate_text.leaks", leaks="; ".join(found)) if found else localized("gate_text.no_leak")
    return (grade, Gate("leaks", not found, text), _champion_gate(evaluation.get("against_champion"), champion))


def compare_with_champion(run: TrainingRun, ours: Floats, champion: Bundle) -> ChampionComparison:
    """Compare with the champion on rows that neither was trained on.

    These are the validation rows whose outcome came after the champion was trained. With too few of them, the
    champion's own out-of-time figure is used: on the other rows it would be scored on its training data.
    """
    label, unseen = run.validation.label, _unseen(run, champion)
    own = served_of(champion.evaluation).get("average_precision")
    enough = _has_enough_outcomes(label[unseen])
    if not enough and own is not None and champion.evaluation.get("out_of_time"):
        return _comparison(champion, "own", len(label), average_precision(label, ours), float(own))
    how, chosen = ("unseen", unseen) if enough else ("seen", np.arange(len(label)))
    rows = [align_columns(fold.dataset.matrix, champion).values for fold in run.validation.folds]
    logits = bundle_logits(champion, Matrix(champion.columns, np.concatenate(rows)[chosen]))
    own_figure, theirs = (average_precision(label[chosen], each) for each in (ours[chosen], sigmoid(logits)))
    return _comparison(champion, how, len(chosen), own_figure, theirs)


def as_dicts(gates: tuple[Gate, ...]) -> list[GateRecord]:
    """Return gates for JSON."""
    return [gate.as_dict() for gate in gates]


def _comparison(champion: Bundle, how: str, rows: int, ours: float, theirs: float) -> ChampionComparison:
    return {
        "version": champion.version,
        "how": how,
        "rows": rows,
        "average_precision": ours,
        "champion_average_precision": theirs,
        "share": ours / theirs if theirs else 1.0,
    }


def _unseen(run: TrainingRun, champion: Bundle) -> IndexArray:
    """Return the indices of the validation rows whose outcome was unknown when the champion was trained."""
    if "as_of" not in champion.provenance:
        # A bundle that a script made says not when: all rows may have been its training data.
        return np.array([], dtype=np.intp)
    trained = datetime.fromisoformat(str(champion.provenance["as_of"]))
    unseen = [
        np.full(len(fold.dataset), run.task.outcome_window.after(fold.cutoff) > trained)
        for fold in run.validation.folds
    ]
    return np.flatnonzero(np.concatenate(unseen))


def _has_enough_outcomes(label: Floats) -> bool:
    return bool(min((label == 0).sum(), (label == 1).sum()) >= MIN_OUTCOMES)


def _champion_gate(comparison: ChampionComparison | None, champion: str | None) -> Gate:
    name = "champion"
    if champion is None:
        return Gate(name, True, localized("gate_text.no_champion"))
    if not comparison or comparison["version"] != champion:
        return Gate(name, False, localized("gate_text.not_compared", version=champion))
    text = localized(
        f"gate_text.compared_{comparison['how']}",
        ours=comparison["average_precision"],
        theirs=comparison["champion_average_precision"],
        share=comparison["share"],
        rows=comparison["rows"],
        version=champion,
        required=REQUIRED_SHARE,
    )
    return Gate(name, comparison["share"] >= REQUIRED_SHARE, text)
