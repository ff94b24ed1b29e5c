"""What a training run has produced before its bundle is built."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from rapport.features import Catalog
from rapport.history import History
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.data.dataset import Dataset
from rapport.training.data.subsample import SubsamplePlan
from rapport.training.data.task_spec import TaskSpec
from rapport.training.evaluation.evaluation import Evaluation
from rapport.training.evaluation.served_part import BLEND, choose_served_part, served_probability
from rapport.training.stacking.base_rate import BaseRateForecast
from rapport.training.stacking.ensemble import Ensemble
from rapport.training.stacking.stacking_weights import fit_weights, prior_weights
from rapport.training.stacking.temporal_validation import TemporalValidation, ValidationFold


@dataclass(frozen=True)
class TrainingRun:
    """The results of each step.

    ``people`` has the features of all customers now, ``current`` the rows of those that can be scored.
    """

    history: History
    task: TaskSpec
    catalog: Catalog
    dataset: Dataset
    people: pa.Table
    current: Matrix
    subsample: SubsamplePlan
    sufficiency: DataSufficiency
    validation: TemporalValidation
    ensemble: Ensemble
    evaluation: Evaluation
    base_rate: BaseRateForecast

    @property
    def expected_rate(self) -> float:
        """Return the mean probability to expect of the customers that can be scored now."""
        return self.base_rate.rate


def final_weights(
    run: TrainingRun, names: tuple[str, ...], folds: Sequence[ValidationFold] | None = None
) -> dict[str, float]:
    """Fit these members' weights; one without validation keeps its prior; a served part gets all, the rate none.

    ``folds`` are those of the validation, or some of their rows.
    """
    part = served_part(run, names)
    if part != BLEND:
        return {name: float(name == part) for name in names}
    prior = prior_weights(names, run.sufficiency)
    validated = {name: weight for name, weight in prior.items() if name in run.validation.member_names}
    return prior | fit_weights(run.validation.folds if folds is None else folds, validated) if validated else prior


def served_part(run: TrainingRun, names: tuple[str, ...]) -> str:
    """Return what is served of these members: the blend, one of them, or the expected rate."""
    return choose_served_part(run.evaluation, run.validation, names)


def validated_probability(run: TrainingRun) -> Floats:
    """Return the validation rows' probabilities by what is served, newest fold first."""
    names = tuple(member.name for member in run.ensemble.members)
    return served_probability(run.evaluation, run.validation, served_part(run, names))
