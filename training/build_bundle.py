"""Build the bundle of a training run: weights, calibration, reference population, interval, evaluation, provenance."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import cast

import numpy as np

from rapport.localized import LocalizedText
from rapport.scoring import Bundle
from rapport.scoring.models.bundle import Fallback
from rapport.scoring.models.evaluation_record import BaseRateRecord, EvaluationRecord, ProvenanceRecord, TrainingSize
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.cutoff_schedule import CutoffSchedule
from rapport.training.evaluation.card_diagnostics import card_diagnostics
from rapport.training.evaluation.contacted import contacted_figures
from rapport.training.evaluation.data_checks import check_data, direction_cost
from rapport.training.evaluation.diagnostics import model_diagnostics
from rapport.training.evaluation.grade_outlook import fit_outlook
from rapport.training.evaluation.profit_curve import profit_curve
from rapport.training.evaluation.served_part import served_fallback, served_metrics, served_record
from rapport.training.evaluation.training_run import TrainingRun, final_weights, served_part
from rapport.training.evaluation.uncertainty import fit_intervals
from rapport.training.evaluation.unknown_season import unknown_season
from rapport.training.provenance import fit_settings, provenance_of
from rapport.training.stacking.ensemble import FitConfig
from rapport.training.stacking.stacking_weights import make_blend
from rapport.training.timing.fit_timing import fit_timing
from rapport.training.value_model import fit_value_model

SAMPLE_ROWS = 4_000


def build_bundle(run: TrainingRun, config: FitConfig, schedule: CutoffSchedule, leaks: tuple[str, ...]) -> Bundle:
    """Return the complete bundle."""
    bundle = blend_bundle(run)
    sample = _sample(run.current)
    spend, spend_evaluation = fit_value_model(run.history, run.task, run.dataset, run.current, config.bg_nbd)
    later = run.validation.folds[0].dataset if run.validation.folds and run.sufficiency.can_learn else None
    cost = direction_cost(run.validation.training_set, later, config) if later is not None else None
    evaluation: EvaluationRecord = {
        **bundle.evaluation,
        **model_diagnostics(run.evaluation, run.validation, bundle, sample),
        "card": card_diagnostics(run),
        "data_checks": check_data(run.dataset, leaks, cost).as_dict(),
        "spend": spend_evaluation,
        "profit": profit_curve(run, spend),
        "contacted": contacted_figures(run),
    }
    if config.search_result:
        evaluation["search"] = config.search_result
    if outlook := fit_outlook(run, bundle):
        evaluation["outlook"] = outlook.as_dict()
    provenance: ProvenanceRecord = {**bundle.provenance, **fit_settings(config)}
    intervals = fit_intervals(run, config, schedule, sample)
    evaluation["interval"] = intervals.evaluation
    timing = fit_timing(run)
    return replace(
        bundle,
        interval=intervals.rate,
        individual=intervals.individual,
        spend_model=spend,
        timing=timing,
        evaluation=evaluation,
        provenance=provenance,
    )


def blend_bundle(run: TrainingRun) -> Bundle:
    """Return the bundle with its blend, centred on the customers that can be scored now."""
    logits = run.ensemble.logits(run.current)
    weights = final_weights(run, tuple(logits))
    without_card = final_weights(run, tuple(name for name in logits if name != "card"))
    blend = make_blend(weights, logits, run.expected_rate)
    bundle = Bundle(
        target=run.task.target,
        version="0",
        horizon=str(run.task.horizon),
        active_window=str(run.task.active),
        rule=run.task.rule,
        columns=run.dataset.matrix.columns,
        fingerprint=run.catalog.fingerprint,
        members=run.ensemble.members,
        blend=blend,
        model_blend=make_blend(without_card, logits, run.expected_rate) if without_card else blend,
        tables=tuple(sorted(run.history.present)),
        vocabulary=asdict(run.catalog.vocabulary),
        fallback=_fallback(run),
        currency=run.history.currency,
        grade=run.evaluation.grade.letter,
        evaluation=_evaluation(run, weights),
        provenance=provenance_of(run.history, run.task, run.catalog, run.dataset),
    )
    return bundle.centred_on(_sample(run.current))


def _sample(current: Matrix) -> Matrix:
    return current.take(np.arange(0, len(current), max(1, len(current) // SAMPLE_ROWS)))


def _evaluation(run: TrainingRun, weights: Mapping[str, float]) -> EvaluationRecord:
    """Return the evaluation with the weights, the base rate and the counts, for JSON."""
    by_cutoff = {f"{cutoff:%Y-%m-%d}": shift for cutoff, shift in run.base_rate.by_cutoff.items()}
    figures = asdict(run.base_rate) | {"by_cutoff": by_cutoff, "expected_rate": run.expected_rate}
    if warning := unknown_season(run.base_rate, run.task):
        figures |= warning.stored("sentence")
    base_rate = cast(BaseRateRecord, figures)
    part = served_part(run, tuple(weights))
    return {
        **run.evaluation.as_dict(),
        "served": served_record(part, served_metrics(run.evaluation, run.validation, part)),
        "weights": dict(weights),
        "level": base_rate,
        "size": _counts(run),
    }


def _fallback(run: TrainingRun) -> Fallback:
    """Return what the answers rest on; they also say if the model was judged on customers unlike those scored."""
    found = run.sufficiency.fallback
    if run.evaluation.grade.letter == "D":
        part = served_part(run, tuple(member.name for member in run.ensemble.members))
        found = served_fallback(part, served_metrics(run.evaluation, run.validation, part), found)
    unlike = run.evaluation.like_scored or {}
    if "sentence" not in unlike:
        return found
    return Fallback.of(found.label, found.reason, LocalizedText.recorded(unlike, "sentence"))


def _counts(run: TrainingRun) -> TrainingSize:
    plan, binned = run.subsample, run.dataset.binned
    return {
        "customers": run.sufficiency.customers,
        "minority_count": run.sufficiency.minority_count,
        "rows": len(run.dataset),
        "cutoffs": len(run.dataset.outcome_rates),
        "scored_now": len(run.current) if plan.scored_now is None else plan.scored_now,
        "one_of": plan.one_of,
        **({"tree_rows": len(binned), "shares": plan.shares} if binned and plan.shares > 1 else {}),
    }
