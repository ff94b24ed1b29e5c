"""What a training run has produced before its bundle is built."""

from dataclasses import dataclass

from rapport.features import Catalog
from rapport.history import History
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.data.dataset import Dataset
from rapport.training.data.subsample import SubsamplePlan
from rapport.training.data.task_spec import TaskSpec
from rapport.training.evaluation.evaluation import Evaluation
from rapport.training.stacking.base_rate import BaseRateForecast
from rapport.training.stacking.ensemble import Ensemble
from rapport.training.stacking.stacking_weights import fit_weights, prior_weights
from rapport.training.stacking.temporal_validation import TemporalValidation


@dataclass(frozen=True)
class TrainingRun:
    """The results of each step; ``current`` has the rows of the customers that can be scored now."""

    history: History
    task: TaskSpec
    catalog: Catalog
    dataset: Dataset
    current: Matrix
    subsample: SubsamplePlan
    sufficiency: DataSufficiency
    validation: TemporalValidation
    ensemble: Ensemble
    evaluation: Evaluation
    base_rate: BaseRateForecast
    expected_rate: float


def final_weights(run: TrainingRun, names: tuple[str, ...]) -> dict[str, float]:
    """Fit these members' weights; one without validation keeps its prior; with grade D one simple member gets all."""
    prior = prior_weights(names, run.sufficiency)
    validated = {name: weight for name, weight in prior.items() if name in run.validation.member_names}
    if simple := simple_member(run, names):
        return {name: float(name == simple) for name in names}
    return prior | fit_weights(run.validation.folds, validated) if validated else prior


def simple_member(run: TrainingRun, names: tuple[str, ...]) -> str | None:
    """Return the member that replaces an ensemble with grade D; None if the ensemble is good enough."""
    if run.evaluation.grade.letter != "D" or not run.sufficiency.can_learn or not run.validation.out_of_time:
        return None
    return next((name for name in ("rhythm", "hazard", "card") if name in names), None)
