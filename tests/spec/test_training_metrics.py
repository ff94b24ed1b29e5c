"""Metrics and gates, on rows that can be checked by hand."""

from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from rapport.durations import parse_duration
from rapport.metrics import (
    Ranking,
    auc,
    average_precision,
    calibration_error,
    lift,
    log_loss,
    paired_bootstrap,
)
from rapport.training.evaluation import grade_outlook
from rapport.training.registry.promotion_gates import evaluate_gates

LABEL = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
PREDICTED = np.array([0.9, 0.6, 0.6, 0.2, 0.1])


def test_auc_counts_pairs_in_order_and_ties_half():
    # Of six pairs 0.9 wins two, 0.6 wins one and ties one, 0.2 wins one: 4.5.
    assert auc(LABEL, PREDICTED) == 4.5 / 6


def test_average_precision_treats_equal_scores_as_one_threshold():
    assert average_precision(LABEL, PREDICTED) == pytest.approx((1 * 1 + 1 * 2 / 3 + 1 * 3 / 4) / 3)


def test_lift_is_the_rate_at_the_top_over_the_rate_of_all():
    assert lift(LABEL, PREDICTED, share=0.4) == pytest.approx(1.0 / 0.6)
    # Of a hundred customers, the top tenth by default: ten, of whom four have the outcome that one in ten has.
    outcome = np.r_[np.ones(4), np.zeros(6), np.ones(6), np.zeros(84)]
    assert lift(outcome, np.linspace(1, 0, 100)) == pytest.approx(0.4 / 0.1)
    assert Ranking(outcome, np.linspace(1, 0, 100)).lift() == pytest.approx(0.4 / 0.1)


def test_log_loss_of_one_half_is_one_bit():
    assert log_loss(LABEL, np.full(5, 0.5)) == pytest.approx(np.log(2))


def test_calibration_error_is_the_mean_gap_over_tenths():
    label, predicted = np.r_[np.ones(50), np.zeros(50)], np.r_[np.full(50, 0.8), np.full(50, 0.3)]
    assert calibration_error(label, predicted) == pytest.approx((0.2 + 0.3) / 2)


def test_a_better_ranking_is_significantly_better_and_an_equal_one_is_not():
    label = np.tile([0.0, 1.0], 200)
    good, bad = np.where(label == 1, 0.8, 0.2), np.full(400, 0.5)
    gains = paired_bootstrap(label, good, {"bad": bad, "good": good})
    assert gains["bad"]["log_loss"][0] > 0
    assert gains["good"]["log_loss"] == [0.0, 0.0]


def test_the_interval_of_a_gain_is_that_of_four_hundred_samples_of_all_rows():
    generator = np.random.default_rng(5)
    label = (generator.uniform(size=60) < 0.4).astype(float)
    ours, theirs = generator.uniform(0.01, 0.99, (2, 60))
    samples = np.random.default_rng(0)
    gains = {"log_loss": [], "auc": []}
    for _ in range(400):
        rows = samples.integers(0, 60, 60)
        gains["log_loss"].append(log_loss(label[rows], theirs[rows]) - log_loss(label[rows], ours[rows]))
        gains["auc"].append(auc(label[rows], ours[rows]) - auc(label[rows], theirs[rows]))
    found = paired_bootstrap(label, ours, {"theirs": theirs})["theirs"]
    assert found == {name: pytest.approx(np.percentile(each, [2.5, 97.5])) for name, each in gains.items()}


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


@pytest.mark.parametrize(
    ("horizon", "at", "level"),
    [
        # Half a year after June is December: its level of the year before, which was known in June.
        ("6mo", "2025-06-10", 0.5),
        # The level of this June is not known yet.
        ("12mo", "2025-06-10", None),
        # Nine months after June is March; the outcomes of last March were not known in June.
        ("9mo", "2025-06-10", None),
        # No past cutoff is near the season.
        ("3mo", "2025-06-10", None),
    ],
)
def test_grades_at_the_horizon_are_expected_at_the_level_of_that_season(horizon, at, level):
    rates = {datetime(2024, 12, 10): 0.5, datetime(2025, 3, 12): 0.9, datetime(2025, 6, 10): 0.4}
    run = SimpleNamespace(
        task=SimpleNamespace(horizon=parse_duration(horizon), active=parse_duration("12mo")),
        dataset=SimpleNamespace(outcome_rates=rates),
        validation=SimpleNamespace(out_of_time=False, folds=()),
    )
    moment = datetime.fromisoformat(at)
    assert grade_outlook._level_ahead(run, moment, datetime(2023, 12, 1)) == level
    # The company was younger than its active window in that season.
    assert grade_outlook._level_ahead(run, moment, datetime(2024, 3, 1)) is None
