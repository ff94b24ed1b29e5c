"""One cutoff of a backtest: what was predicted then, and, where its horizon has passed, how good it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from rapport.features import Catalog, snapshot
from rapport.features.feature_table.training_rows import iter_training_rows
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.history import History
from rapport.metrics import compute_metrics, paired_bootstrap
from rapport.scoring import Scorer
from rapport.scoring.models.evaluation_record import CalibrationBin, GradeRecord, SegmentMetrics
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.training.evaluation.baselines import fit_baselines
from rapport.training.evaluation.diagnostics import calibration_table, segment_table
from rapport.training.members.prediction import member_logits
from rapport.training.pipeline import TrainedModel
from rapport.training.stacking.temporal_validation import match_mean

SERVED = "served"
WANTED = ("customer_id", "probability", "model_probability", "rule_probability", "rule_score", "tier", "percentile")


class Comparison(TypedDict):
    """Somebody else's predictions and ours on the same customers; None where too few or all with one outcome."""

    name: str
    rows: int
    without_theirs: int
    ours: dict[str, float] | None
    theirs: dict[str, float] | None
    gains: dict[str, list[float]] | None


@dataclass(frozen=True)
class CutoffEvaluation:
    """The predictions of one cutoff; without a known outcome there are no probabilities of rivals and no metrics."""

    cutoff: datetime
    grade: GradeRecord
    predictions: pa.Table
    customer_ids: tuple[str, ...] = ()
    label: Floats = field(default_factory=lambda: np.zeros(0))
    probabilities: Mapping[str, Floats] = field(default_factory=dict)
    segments: tuple[SegmentMetrics, ...] = ()
    compared: Comparison | None = None

    @cached_property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Return the metrics of what is served, each member and each rule of thumb."""
        return {name: compute_metrics(self.label, values) for name, values in self.probabilities.items()}

    @property
    def calibration(self) -> list[CalibrationBin]:
        """Return predicted and observed rates by tenths of the customers."""
        return calibration_table(self.label, self.probabilities[SERVED]) if len(self.label) else []

    def as_dict(self) -> dict[str, object]:
        """Return every figure as plain values."""
        known = len(self.label) > 0
        return {
            "cutoff": f"{self.cutoff:%Y-%m-%d}",
            "scored": self.predictions.num_rows,
            "rows": len(self.label),
            "grade": dict(self.grade),
            "rate": float(self.label.mean()) if known else None,
            "predicted": float(self.probabilities[SERVED].mean()) if known else None,
            "metrics": self.metrics,
            "calibration": self.calibration,
            "segments": [dict(each) for each in self.segments],
            "compared": dict(self.compared) if self.compared else None,
        }


def evaluate_cutoff(history: History, trained: TrainedModel, newest: datetime) -> CutoffEvaluation:
    """Score the customers of the moment of training; evaluate the scores if their outcomes were known by ``newest``."""
    task, scored = trained.run.task, score_batch_as_of(history, trained)
    predictions = predictions_of(scored)
    grade = trained.run.evaluation.grade.as_dict()
    if task.outcome_window.after(task.as_of) > newest:
        return CutoffEvaluation(task.as_of, grade, predictions)
    outcomes = _outcomes(history, trained, newest)
    kept = np.flatnonzero([name in outcomes for name in scored.customer_id])
    rows, ids = scored.rows.take(kept), tuple(str(scored.customer_id[row]) for row in kept)
    label = np.array([outcomes[name] for name in ids], dtype=np.float64)
    if not len(label) or label.min() == label.max():
        return CutoffEvaluation(task.as_of, grade, predictions)
    rate = trained.run.expected_rate
    probabilities = {SERVED: scored.probability[kept]}
    for member in trained.bundle.members:
        probabilities[member.name] = np.asarray(expit(match_mean(member_logits(member, rows), rate)))
    for baseline in fit_baselines(trained.run.dataset, task.target):
        probabilities[baseline.name] = baseline.predict(rows)
    segments = segment_table([rows], label, probabilities[SERVED], task.target)
    return CutoffEvaluation(task.as_of, grade, predictions, ids, label, probabilities, tuple(segments))


def compare(evaluated: CutoffEvaluation, name: str, theirs: Mapping[str, float]) -> Comparison:
    """Judge somebody else's predictions and ours on the customers that both have."""
    positions = [index for index, each in enumerate(evaluated.customer_ids) if each in theirs]
    found: Comparison = {
        "name": name, "rows": len(positions), "without_theirs": len(evaluated.customer_ids) - len(positions),
        "ours": None, "theirs": None, "gains": None,
    }  # fmt: skip
    label = evaluated.label[positions]
    if not positions or label.min() == label.max():
        return found
    ours, other = (
        evaluated.probabilities[SERVED][positions],
        np.array([theirs[evaluated.customer_ids[at]] for at in positions]),
    )
    return {
        **found,
        "ours": compute_metrics(label, ours),
        "theirs": compute_metrics(label, other),
        "gains": paired_bootstrap(label, ours, {name: other})[name],
    }


def score_batch_as_of(history: History, trained: TrainedModel) -> ScoreBatch:
    """Score the customers that are eligible at the moment of training."""
    task = trained.run.task
    customers = snapshot(history, task.as_of, trained.run.catalog, active=task.active, rule=task.rule)
    eligible = customers.filter(pc.equal(customers["state"], task.eligible_state))
    return Scorer(trained.bundle).score(eligible, task.as_of)


def predictions_of(scored: ScoreBatch) -> pa.Table:
    """Return customer_id and the probabilities."""
    table = scored.to_table()
    return table.select([name for name in WANTED if name in table.column_names])


def _outcomes(history: History, trained: TrainedModel, newest: datetime) -> dict[str, float]:
    """Return the outcome of each customer that was eligible at the cutoff, as known at ``newest``."""
    task = trained.run.task
    spec = DatasetSpec(task.target, (task.as_of,), task.active, task.horizon, newest, task.rule)
    one_feature = Catalog(trained.run.catalog.features[:1])
    found: dict[str, float] = {}
    for part in iter_training_rows(history, spec, one_feature):
        found |= dict(zip(part["customer_id"].to_pylist(), part["label"].to_pylist(), strict=True))
    return found
