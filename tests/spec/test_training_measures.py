"""What the figures of a training mean, on rows small enough to count by hand."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from rapport.features import catalog
from rapport.history import history_of, parse_span
from rapport.training.drift import stability
from rapport.training.evaluate import average_precision, calibration_error, lift, log_loss, paired
from rapport.training.fitting.linear import auc
from rapport.training.gates import gates_of
from rapport.training.level import forecast, shift_to, steady
from rapport.training.rhythms import seen_since
from rapport.training.rows import Question

LABEL = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
SAID = np.array([0.9, 0.6, 0.6, 0.2, 0.1])


def test_auc_counts_pairs_in_order_and_ties_half():
    # Of six pairs 0.9 wins two, 0.6 wins one and ties one, 0.2 wins one: 4.5.
    assert auc(LABEL, SAID) == 4.5 / 6


def test_average_precision_treats_equal_scores_as_one_place():
    assert average_precision(LABEL, SAID) == pytest.approx((1 * 1 + 1 * 2 / 3 + 1 * 3 / 4) / 3)


def test_lift_is_the_rate_at_the_top_over_the_rate_of_all():
    assert lift(LABEL, SAID, share=0.4) == pytest.approx(1.0 / 0.6)


def test_log_loss_of_an_even_guess_is_a_bit():
    assert log_loss(LABEL, np.full(5, 0.5)) == pytest.approx(np.log(2))


def test_calibration_error_is_the_mean_gap_over_tenths():
    label, said = np.r_[np.ones(50), np.zeros(50)], np.r_[np.full(50, 0.8), np.full(50, 0.3)]
    assert calibration_error(label, said) == pytest.approx((0.2 + 0.3) / 2)


def test_a_better_ranking_is_surely_better_and_an_equal_one_is_not():
    label = np.tile([0.0, 1.0], 200)
    good, bad = np.where(label == 1, 0.8, 0.2), np.full(400, 0.5)
    assert paired(label, good, bad)["log_loss"][0] > 0
    assert paired(label, good, good)["log_loss"] == [0.0, 0.0]


def test_a_shift_brings_the_mean_probability_to_the_rate():
    logits = np.array([-2.0, 0.0, 1.0])
    moved = logits + shift_to(logits, 0.7)
    assert (1 / (1 + np.exp(-moved))).mean() == pytest.approx(0.7)


@pytest.mark.parametrize(("history_days", "weight"), [(365 + 365, 0.9), (365 + 180, 0.9 * 180 / 365), (300, 0.0)])
def test_the_same_season_weighs_by_how_much_history_stood_behind_it(history_days, weight):
    now = datetime(2026, 1, 1)
    begin = now - timedelta(days=history_days)
    slices = {now - timedelta(days=days): 0.5 if days == 365 else 0.0 for days in (90, 200, 365) if days < history_days}
    found = forecast(slices, now, horizon_days=90, begin=begin, active=timedelta(days=365))
    assert found.season_weight == pytest.approx(weight)


@pytest.mark.parametrize(("swing", "moved"), [(0.5, 0.5), (0.0, 0.0)])
def test_the_newest_weeks_count_as_far_as_the_level_is_known_to_swing(swing, moved):
    now = datetime(2026, 1, 1)
    slices = {now - timedelta(days=90 + 30 * place): swing * (-1) ** place for place in range(4)}
    asked = {"horizon_days": 90, "begin": now - timedelta(days=300), "active": timedelta(days=365)}
    quiet, busy = (forecast(slices, now, **asked, since=since).shift for since in (0.0, 1.0))
    assert busy - quiet == pytest.approx(moved, abs=0.06)


def test_what_few_people_show_is_drawn_to_nothing():
    assert steady(0.5, 100_000, 0.5) == pytest.approx(0.5, abs=0.01)
    assert steady(0.5, 30, 0.5) < 0.15


@pytest.mark.parametrize(("silent", "higher"), [(30, True), (0, False)])
def test_a_silence_of_the_newest_weeks_is_seen_at_once(silent, higher):
    now = datetime(2026, 1, 1)
    orders = [
        {"customer_id": f"c{who}", "order_id": f"{who}-{days}", "amount": 5.0, "ordered_at": now - timedelta(days=days)}
        for who in range(60)
        for days in range(1 + who % 9 + (silent if who % 2 else 0), 400 - 3 * who, 9)
    ]
    question = Question("churn", now, parse_span("90d"), parse_span("365d"))
    found = seen_since(history_of({"orders": orders}), question, [now], catalog())
    assert (found[now] > 0.3) == higher


def test_shares_that_do_not_move_have_no_stability_index():
    assert stability(np.array([0.5, 0.5]), np.array([0.5, 0.5]), 100) == 0
    assert stability(np.array([0.5, 0.5]), np.array([0.9, 0.1]), 100) > 0.25


def test_a_gate_says_what_it_asks_and_what_it_found():
    evaluation = {"grade": {"letter": "D"}, "against_champion": {"version": "1", "share": 0.9}}
    evaluation["against_champion"] |= {"how": "unseen", "rows": 700}
    evaluation["against_champion"] |= {"average_precision": 0.45, "champion_average_precision": 0.5}
    grade, leaks, champion = gates_of(evaluation, "1")
    assert (grade.passed, leaks.passed, champion.passed) == (False, True, False)
    assert champion.sentence == (
        "Average precision 0.450 is 90% of version 1's (0.500) on 700 rows that neither has learnt from; 95% is asked."
    )
    assert not gates_of(evaluation, "2")[2].passed
    assert gates_of(evaluation, None)[2].passed
