"""The training pipeline: from a history to a bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from rapport.durations import Duration, parse_duration
from rapport.errors import TrainingError
from rapport.features import Catalog, ChurnRule, catalog, vocabulary_of
from rapport.history import History
from rapport.history.checks.gates.regular_days import midnight_after, newest_regular_day
from rapport.history.reading.sampling import sample_history
from rapport.history.settings import Settings
from rapport.progress import Progress, no_progress
from rapport.scoring import Bundle
from rapport.scoring.cards import Card, load_card
from rapport.training.build_bundle import build_bundle
from rapport.training.data.cutoff_schedule import CutoffSchedule, history_start, schedule_cutoffs, validation_cutoffs
from rapport.training.data.data_sufficiency import DataSufficiency, assess_sufficiency
from rapport.training.data.dataset import Dataset, labelled_dataset
from rapport.training.data.subsample import SubsamplePlan
from rapport.training.data.task_spec import TaskSpec, customer_snapshot, eligible_matrix
from rapport.training.evaluation.data_checks import refuse_leaks
from rapport.training.evaluation.evaluation import evaluate
from rapport.training.evaluation.scored_population import scored_population
from rapport.training.evaluation.summary import text_summary
from rapport.training.evaluation.training_run import TrainingRun
from rapport.training.members.gbm import with_binned_rows
from rapport.training.stacking.bg_nbd_fits import fit_bg_nbd_at
from rapport.training.stacking.ensemble import FitConfig, fit_ensemble
from rapport.training.stacking.temporal_validation import base_rate_at, run_temporal_validation


@dataclass(frozen=True)
class TrainedModel:
    """A bundle and everything that its report shows of the run."""

    bundle: Bundle
    run: TrainingRun
    schedule: CutoffSchedule
    config: FitConfig

    def as_text(self) -> str:
        """Return the summary of the run."""
        return text_summary(self.bundle)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        bundle = self.bundle
        plain = {
            "target": bundle.target,
            "horizon": bundle.horizon,
            "active": bundle.active_window,
            "grade": bundle.grade,
        }
        return plain | {
            "basis": bundle.fallback.label,
            "evaluation": dict(bundle.evaluation),
            "record": dict(bundle.provenance),
        }


def default_cutoff(history: History) -> datetime:
    """Return the midnight after the newest event; planned events and lone rows far ahead do not count."""
    newest = newest_regular_day(history)
    if newest is None:
        raise TrainingError("The history has no events, so there is no date to score at. Add orders or touches to it.")
    return midnight_after(newest)


def train(  # noqa: PLR0913 - each is a part of the task
    history: History,
    target: str,
    *,
    as_of: datetime,
    horizon: Duration,
    active: Duration,
    settings: Settings | None = None,
    search: int = 0,
    progress: Progress = no_progress,
) -> TrainedModel:
    """Train ``target`` on what was known at ``as_of``; TrainingError if the history does not support a model.

    ``search`` is the number of tree parameters to try in temporal validation; 0 uses the defaults. Linear algebra runs
    on one thread: on many small problems a second one waits more than it works, and it would change last digits.
    """
    settings = settings or history.settings
    find_params = _search(search) if search else None
    task = _checked(TaskSpec(target, as_of, horizon, active, ChurnRule.of(settings)))
    with threadpool_limits(1, user_api="blas"):
        return _train(history, task, settings, find_params, progress)


def _train(
    history: History,
    task: TaskSpec,
    settings: Settings,
    find_params: Callable[..., FitConfig] | None,
    progress: Progress,
) -> TrainedModel:
    features = catalog(vocabulary_of(history, task.as_of))
    schedule = schedule_cutoffs(history_start(history, task.target, task.as_of), task.as_of, task.outcome_window)
    plan = SubsamplePlan.of(history, task, schedule.all_cutoffs)
    progress("reading features at each cutoff", 0.02)

    def fit(sample: History, dataset: Dataset, leaks: tuple[str, ...]) -> TrainedModel:
        data = _Data(sample, task, features, schedule, plan, dataset, leaks)
        return _fit(data, _card(settings, task.target, features), find_params, progress)

    with sample_history(history, plan.one_of) as sample:
        dataset = labelled_dataset(sample, task, schedule.all_cutoffs, features)
        leaks = refuse_leaks(dataset)
        if plan.shares == 1:
            return fit(sample, with_binned_rows(history, task, plan, dataset, features), leaks)
    progress("reading all customers for the trees", 0.2)
    dataset = with_binned_rows(history, task, plan, dataset, features)
    with sample_history(history, plan.one_of) as sample:
        return fit(sample, dataset, leaks)


@dataclass(frozen=True)
class _Data:
    """The task and the rows to train on."""

    history: History
    task: TaskSpec
    catalog: Catalog
    schedule: CutoffSchedule
    subsample: SubsamplePlan
    dataset: Dataset
    leaks: tuple[str, ...]


def _fit(
    data: _Data, card: Card | None, find_params: Callable[..., FitConfig] | None, progress: Progress
) -> TrainedModel:
    task, schedule, dataset = data.task, data.schedule, data.dataset
    people = customer_snapshot(data.history, task, data.catalog)
    current = eligible_matrix(people, task, dataset.matrix.columns)

    progress("fitting BG/NBD", 0.4)
    sufficiency = assess_sufficiency(dataset, schedule)
    config = _fit_config(data, card, sufficiency)

    progress("temporal validation", 0.5)
    validation = run_temporal_validation(dataset, schedule, task, config)
    if find_params:
        config = find_params(dataset.in_memory, schedule, task, config, validation=validation)
        validation = run_temporal_validation(dataset, schedule, task, config)

    progress("fitting the ensemble", 0.7)
    ensemble = fit_ensemble(dataset, schedule, config, as_of=task.as_of)
    population = scored_population(validation, ensemble, current)
    evaluation = evaluate(validation, task.target, sufficiency, population)

    progress("building the bundle", 0.9)
    run = TrainingRun(
        data.history,
        task,
        data.catalog,
        dataset,
        people,
        current,
        data.subsample,
        sufficiency,
        validation,
        ensemble,
        evaluation,
        base_rate_at(ensemble, current, task.as_of, schedule, task, config),
    )
    return TrainedModel(build_bundle(run, config, schedule, data.leaks), run, schedule, config)


def _fit_config(data: _Data, card: Card | None, sufficiency: DataSufficiency) -> FitConfig:
    task, schedule = data.task, data.schedule
    validated = validation_cutoffs(schedule, task.outcome_window, task.as_of)
    cutoffs = [*schedule.all_cutoffs, task.as_of]
    fits = fit_bg_nbd_at(data.history, task, cutoffs, [task.as_of, *validated], data.catalog)
    return FitConfig(
        bg_nbd=fits.members,
        newest_weeks=fits.newest_weeks,
        card=card,
        learn=sufficiency.can_learn,
        by_contract=task.by_contract,
    )


def _checked(task: TaskSpec) -> TaskSpec:
    """Return the task; contracts have one horizon only, that of the settings."""
    if task.by_contract and task.horizon != parse_duration(task.rule.horizon):
        raise TrainingError(
            f"Churn by contract uses the horizon of rapport.toml ({task.rule.horizon}), because it decides who "
            f"is at risk; --horizon is {task.horizon}. Change the setting, or omit --horizon."
        )
    return task


def _search(tries: int) -> Callable[..., FitConfig]:
    # Optuna is an extra and takes a second to import; a missing one is reported before the long work.
    from rapport.training.hyperparameter_search import search_params  # noqa: PLC0415

    return partial(search_params, tries=tries)


def _card(settings: Settings, target: str, features: Catalog) -> Card | None:
    name = settings.cards.get(target)
    return load_card(name, known=features.names) if name else None
