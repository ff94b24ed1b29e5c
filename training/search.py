"""An optional, budgeted search for the shape of the trees, judged on the same later slices as everything else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import optuna
from rapport.training.committee import Ground, Making, ground_of, logits_of
from rapport.training.evaluate import log_loss
from rapport.training.fitting.trees import Shape
from rapport.training.rows import Question, Rows
from rapport.training.slices import Slices, validation
from rapport.training.trial import Trial, anchored
from scipy.special import expit

SEED = 0
MOST_LEAVES, MOST_ROUNDS = 15, 100


def searched(rows: Rows, plan: Slices, question: Question, making: Making, *, trial: Trial, tries: int) -> Making:
    """Return the making with the best of ``tries`` shapes for the many-slice trees; as given where none is better.

    The first try is the shape as given, so that the best is never worse on the later slices. The bounds keep the cost
    of reasons: both tree experts together stay below 400 trees of 15 leaves.
    """
    known = _early_plan(plan, question)
    if not trial.out_of_time or known is None or not making.learnt:
        return making
    ground = ground_of(rows.at(known.every), known, making, moment=trial.judged[-1].cutoff)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.enqueue_trial(_named(making.many))
    study.optimize(_loss_of(ground, trial, making.many), n_trials=tries)
    told = {"tries": len(study.trials), "start": float(study.trials[0].values[0]), "best": study.best_value}
    return replace(making, many=_proposed(optuna.trial.FixedTrial(study.best_params), making.many), searched=told)


def later_loss(ground: Ground, trial: Trial, shape: Shape) -> float:
    """Return the mean log loss on the later slices of trees of this shape, fitted on earlier ones."""
    many = ground.fit_many(shape)
    if many is None:
        return float("inf")
    losses = [
        log_loss(part.rows.label, expit(anchored(logits_of(many, part.rows.matrix), part.level)))
        for part in trial.judged
    ]
    return float(np.mean(losses))


def _loss_of(ground: Ground, trial: Trial, base: Shape) -> Callable[[optuna.Trial], float]:
    return lambda attempt: later_loss(ground, trial, _proposed(attempt, base))


def _proposed(attempt: optuna.trial.BaseTrial, base: Shape) -> Shape:
    return replace(
        base,
        leaves=attempt.suggest_int("leaves", 4, MOST_LEAVES),
        rounds=attempt.suggest_int("rounds", 30, MOST_ROUNDS),
        rate=attempt.suggest_float("rate", 0.02, 0.1, log=True),
        columns=attempt.suggest_float("columns", 0.1, 0.6),
        ridge=attempt.suggest_float("ridge", 1.0, 100.0, log=True),
        leaf_share=attempt.suggest_float("leaf_share", 0.003, 0.05, log=True),
    )


def _named(shape: Shape) -> dict[str, float]:
    names = ("leaves", "rounds", "rate", "columns", "ridge", "leaf_share")
    return {name: getattr(shape, name) for name in names}


def _early_plan(plan: Slices, question: Question) -> Slices | None:
    later = validation(plan, question.settled, question.as_of)
    return plan.known_at(later[-1], question.settled) if later else None
