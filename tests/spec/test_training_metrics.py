"""Metrics, base rate, drift and gates, on rows that can be checked by hand."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from rapport.features import catalog
from rapport.history import history_of, parse_duration
from rapport.metrics import auc, average_precision, calibration_error, lift, log_loss, paired_bootstrap
from rapport.training.data.task_spec import TaskSpec
from rapport.training.registry.promotion_gates import evaluate_gates
from rapport.training.stacking.base_rate import fit_intercept, forecast_base_rate, shrink
from rapport.training.stacking.bg_nbd_fits import observed_shifts

LABEL = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
PREDICTED = np.array([0.9, 0.6, 0.6, 0.2, 0.1])


def test_auc_counts_pairs_in_order_and_ties_half():
    # Of six pairs 0.9 wins two, 0.6 wins one and ties one, 0.2 wins one: 4.5.
    assert auc(LABEL, PREDICTED) == 4.5 / 6


def test_average_precision_treats_equal_scores_as_one_threshold():
    assert average_precision(LABEL, PREDICTED) == pytest.approx((1 * 1 + 1 * 2 / 3 + 1 * 3 / 4) / 3)


def test_lift_is_the_rate_at_the_top_over_the_rate_of_all():
    assert lift(LABEL, PREDICTED, share=0.4) == pytest.approx(1.0 / 0.6)


def test_log_loss_of_one_half_is_one_bit():
    assert log_loss(LABEL, np.full(5, 0.5)) == pytest.approx(np.log(2))


def test_calibration_error_is_the_mean_gap_over_tenths():
    label, predicted = np.r_[np.ones(50), np.zeros(50)], np.r_[np.full(50, 0.8), np.full(50, 0.3)]
    assert calibration_error(label, predicted) == pytest.approx((0.2 + 0.3) / 2)


def test_a_better_ranking_is_significantly_better_and_an_equal_one_is_not():
    label = np.tile([0.0, 1.0], 200)
    good, bad = np.where(label == 1, 0.8, 0.2), np.full(400, 0.5)
    assert paired_bootstrap(label, good, bad)["log_loss"][0] > 0
    assert paired_bootstrap(label, good, good)["log_loss"] == [0.0, 0.0]


def test_the_intercept_moves_the_mean_probability_to_the_rate():
    logits = np.array([-2.0, 0.0, 1.0])
    moved = logits + fit_intercept(logits, 0.7)
    assert (1 / (1 + np.exp(-moved))).mean() == pytest.approx(0.7)


@pytest.mark.parametrize(("history_days", "weight"), [(365 + 365, 0.9), (365 + 180, 0.9 * 180 / 365), (300, 0.0)])
def test_the_weight_of_the_same_season_depends_on_the_history_before_it(history_days, weight):
    now = datetime(2026, 1, 1)
    history_start = now - timedelta(days=history_days)
    shifts = {now - timedelta(days=days): 0.5 if days == 365 else 0.0 for days in (90, 200, 365) if days < history_days}
    found = forecast_base_rate(shifts, now, horizon_days=90, history_start=history_start, active=timedelta(days=365))
    assert found.season_weight == pytest.approx(weight)


@pytest.mark.parametrize(("swing", "moved"), [(0.5, 0.5), (0.0, 0.0)])
def test_the_latest_weeks_count_as_far_as_the_base_rate_swings(swing, moved):
    now = datetime(2026, 1, 1)
    shifts = {now - timedelta(days=90 + 30 * place): swing * (-1) ** place for place in range(4)}
    options = {"horizon_days": 90, "history_start": now - timedelta(days=300), "active": timedelta(days=365)}
    quiet, busy = (forecast_base_rate(shifts, now, **options, observed=observed).shift for observed in (0.0, 1.0))
    assert busy - quiet == pytest.approx(moved, abs=0.06)


def test_a_shift_seen_on_few_customers_is_shrunk():
    assert shrink(0.5, 100_000, 0.5) == pytest.approx(0.5, abs=0.01)
    assert shrink(0.5, 30, 0.5) < 0.15


@pytest.mark.parametrize(("inactive_days", "higher"), [(30, True), (0, False)])
def test_inactivity_in_the_latest_weeks_shifts_the_base_rate(inactive_days, higher):
    now = datetime(2026, 1, 1)
    orders = [
        {"customer_id": f"c{who}", "order_id": f"{who}-{days}", "amount": 5.0, "ordered_at": now - timedelta(days=days)}
        for who in range(60)
        for days in range(1 + who % 9 + (inactive_days if who % 2 else 0), 400 - 3 * who, 9)
    ]
    task = TaskSpec("churn", now, parse_duration("90d"), parse_duration("365d"))
    found = observed_shifts(history_of({"orders": orders}), task, [now], catalog())
    assert (found[now] > 0.3) == higher


def test_a_gate_states_its_requirement_and_its_finding():
    evaluation = {"grade": {"letter": "D"}, "against_champion": {"version": "1", "share": 0.9}}
    evaluation["against_champion"] |= {"how": "unseen", "rows": 700}
    evaluation["against_champion"] |= {"average_precision": 0.45, "champion_average_precision": 0.5}
    grade, leaks, champion = evaluate_gates(evaluation, "1")
    assert (grade.passed, leaks.passed, champion.passed) == (False, True, False)
    assert champion.sentence == (
        "Average precision 0.450 is 90% of version 1's (0.500) on 700 rows that neither was trained on; "
        "95% is required."
    )
    assert not evaluate_gates(evaluation, "2")[2].passed
    assert evaluate_gates(evaluation, None)[2].passed
