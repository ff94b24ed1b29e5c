"""The base rate forecast follows trends and seasons that the past confirms, and nothing else."""

from datetime import datetime, timedelta
from functools import partial

import numpy as np
import pytest
from scipy.special import expit

from rapport.features import catalog
from rapport.history import history_of, parse_duration
from rapport.training.data.task_spec import TaskSpec
from rapport.training.stacking.base_rate import ObservedRate, RateTask, fit_intercept, forecast_base_rate
from rapport.training.stacking.bg_nbd_fits import fit_bg_nbd_at
from rapport.training.stacking.fixed_mix import fixed_mix

NOW = datetime(2026, 1, 1)
LOGITS = np.linspace(-2.0, 2.0, 2000)
TASK = RateTask(NOW - timedelta(days=4 * 365), timedelta(days=90), timedelta(days=365))


def _rates(excess, years=3.5, every=80, logits=LOGITS):
    """Return rates whose excess is a function of the years before now."""
    days = range(90, int(years * 365), every)
    found = {NOW - timedelta(days=day): excess(-day / 365.25) for day in days}
    return [ObservedRate.of(start, logits, float(expit(logits + shift).mean())) for start, shift in found.items()]


def test_the_intercept_moves_the_mean_probability_to_the_rate():
    logits = np.array([-2.0, 0.0, 1.0])
    assert expit(logits + fit_intercept(logits, 0.7)).mean() == pytest.approx(0.7)


def test_a_trend_seen_at_every_cutoff_is_followed_and_damped():
    newest, full = 0.4 * (3.5 - 90 / 365), 0.4 * 3.5
    found = forecast_base_rate(_rates(lambda year: 0.4 * (3.5 + year)), LOGITS, NOW, TASK)
    assert newest - 0.03 < found.shift < full + 0.03
    assert found.trend > 0.02
    assert found.mean + found.trend + found.season + found.recent == pytest.approx(found.shift)


# At the peak the forecast is shrunk, in between it is not.
@pytest.mark.parametrize(("phase", "tolerance"), [(0.0, 0.03), (0.25, 0.1), (0.5, 0.03)])
def test_the_season_of_earlier_years_is_expected_again(phase, tolerance):
    found = forecast_base_rate(_rates(lambda year: 0.6 * np.sin(2 * np.pi * (year + phase))), LOGITS, NOW, TASK)
    assert found.shift == pytest.approx(0.6 * np.sin(2 * np.pi * phase), abs=tolerance)


@pytest.mark.parametrize("seed", range(5, 11))
def test_a_level_that_never_moved_is_not_moved_by_chance(seed):
    generator = np.random.default_rng(seed)
    found = forecast_base_rate(_rates(lambda _: 0.2 + 0.05 * generator.normal()), LOGITS, NOW, TASK)
    assert found.shift == pytest.approx(0.2, abs=2 * found.error)
    assert found.error < 0.06


def test_plain_rates_are_followed_where_the_reference_swings_and_they_do_not():
    generator = np.random.default_rng(8)
    rates = []
    for index in range(14):
        logits = LOGITS + generator.normal()
        rates.append(ObservedRate.of(NOW - timedelta(days=90 * (index + 1)), logits, 0.4 + 0.01 * generator.normal()))
    found = forecast_base_rate(rates, LOGITS + 1.0, NOW, TASK)
    assert found.plain_rate_weight > 0.9
    # The rule of thumb follows the same series: by the excess over the reference it would expect 0.42.
    assert found.rate == pytest.approx(0.4, abs=0.01)


def test_plain_rates_are_followed_from_the_start_where_the_reference_is_far_off():
    # Yearly gifts in their second year: no past forecast can be judged, and BG/NBD expects nine in ten to be gone.
    logits = LOGITS + 2.4
    rates = [ObservedRate.of(NOW - timedelta(days=365 + 30 * index), logits, 0.53) for index in range(8)]
    task = RateTask(NOW - timedelta(days=900), timedelta(days=365), timedelta(days=730))
    found = forecast_base_rate(rates, LOGITS + 3.0, NOW, task)
    assert found.plain_rate_weight > 0.9
    assert found.rate == pytest.approx(0.53, abs=0.03)


def test_what_few_customers_did_counts_little():
    assert ObservedRate(NOW, 100_000, 0.5, 0.5).shrunk_excess == pytest.approx(0.5, abs=0.01)
    assert ObservedRate(NOW, 30, 0.5, 0.5).shrunk_excess < 0.15
    few, many = (
        forecast_base_rate(_rates(lambda _: 0.8, years=0.6, logits=LOGITS[:: 2000 // count]), LOGITS, NOW, TASK).shift
        for count in (20, 2000)
    )
    assert 0 < few < many


@pytest.mark.parametrize(("years", "least", "most"), [(0.6, 0.0, 0.25), (3.5, 0.6, 0.8)])
def test_a_shift_that_few_customers_show_is_kept_as_far_as_many_horizons_show_it(years, least, most):
    rates = _rates(lambda _: 0.8, years=years, logits=LOGITS[::100])
    found = forecast_base_rate(rates, LOGITS, NOW, TASK)
    assert least < found.shift / 0.8 < most
    assert found.mean + found.trend + found.season + found.recent == pytest.approx(found.shift)


def test_busy_newest_weeks_lower_the_forecast_by_less_than_they_show():
    rates = _rates(lambda year: 0.4 * np.sin(9 * year))
    start = NOW - timedelta(days=15)
    quiet, busy = (
        forecast_base_rate(rates, LOGITS, NOW, TASK, ObservedRate(start, 2000, 0.8, excess)).shift
        for excess in (0.5, -0.5)
    )
    assert 0.05 < quiet - busy < 0.9


@pytest.mark.parametrize(("inactive_days", "higher"), [(30, True), (0, False)])
def test_inactivity_in_the_newest_weeks_exceeds_the_expectation(inactive_days, higher):
    orders = [
        {"customer_id": f"c{who}", "order_id": f"{who}-{days}", "amount": 5.0, "ordered_at": NOW - timedelta(days=days)}
        for who in range(60)
        for days in range(1 + who % 9 + (inactive_days if who % 2 else 0), 400 - 3 * who, 9)
    ]
    task = TaskSpec("churn", NOW, parse_duration("90d"), parse_duration("365d"))
    found = fit_bg_nbd_at(history_of({"orders": orders}), task, [], [NOW], catalog()).newest_weeks
    assert found[NOW].start == NOW - timedelta(days=15)
    assert (found[NOW].excess > 0.5) == higher


def test_a_rule_of_thumb_steadies_a_history_without_past_forecasts_and_retires_as_they_come():
    young, old = (forecast_base_rate(_rates(lambda _: 0.3, years=years), LOGITS, NOW, TASK) for years in (0.4, 3.5))
    assert young.fixed_mix_weight == pytest.approx(0.5)
    # Cutoffs from 3.5 years ago to 90 days ago, the first a horizon after the oldest: about 11 horizons of forecasts.
    assert 1 / 15 < old.fixed_mix_weight < 1 / 10
    assert old.shift == pytest.approx(0.3, abs=0.05)


def test_the_rule_of_thumb_takes_the_season_the_newest_weeks_and_the_mean_in_its_shares():
    quarter = timedelta(days=90)
    flat = {NOW - quarter * (index + 1): 0.0 for index in range(3)}
    year_ago = NOW - timedelta(days=365)
    mix = partial(fixed_mix, moment=NOW, horizon=quarter, newest_weeks=None)
    swung = flat | {year_ago: 1.0}
    # Four cutoffs over 365 days: the mean .25, shrunk by spans / (spans + 1) with spans = 275 / 90 + 1.
    spans = 275 / 90 + 1
    mean = 0.25 * spans / (spans + 1)
    assert mix(swung, support=1.0) == pytest.approx(mean + 0.9 * (1 - mean) + 0.1 * 0.2 * (0 - mean))
    assert mix(swung, support=0.0) == pytest.approx(mean + 0.2 * (0 - mean))
    assert mix(flat, support=1.0, newest_weeks=5.0) == 0.0
    assert mix(swung, support=0.0, newest_weeks=1.0) > mix(swung, support=0.0) + 0.4


def _fixed_mix_by_hand(excess, horizon, newest_weeks, support):
    """Return the rule of thumb for ``NOW`` written out, from the excess by days before now."""
    newest, oldest = min(excess), max(excess)
    spans = (oldest - newest) / horizon + 1
    mean = np.mean(list(excess.values())) * spans / (spans + 1)
    recent = np.mean([each for days, each in excess.items() if days - newest <= horizon / 2])
    swing = np.mean([(each - mean) ** 2 for each in excess.values()])
    news = 0.2 * (recent - mean) + 0.6 * swing / (swing + 0.15**2) * (newest_weeks - mean)
    seasons = []
    for year in range(1, 6):
        nearest = min(excess, key=lambda days: abs(days - 365 * year))
        if abs(nearest - 365 * year) <= max(horizon / 6, 16):
            seasons.append(excess[nearest])
    if not seasons:
        return mean + news
    share = 0.9 * min(1.0, support)
    return mean + share * (np.mean(seasons) - mean) + (1 - share) * news


@pytest.mark.parametrize("support", [0.4, 3.0])
@pytest.mark.parametrize(
    ("horizon", "days"),
    [
        # Two cutoffs within half a horizon of the newest; seasons 15, 16 and 17 days off: the last is none of these.
        (90, [90, 130, 200, 380, 714, 1112, 1460]),
        # A longer horizon has longer seasons, up to 30 days off; the fifth year is the last.
        (180, [180, 260, 365 - 29, 730 + 31, 1825 + 8, 2190]),
        (90, [90, 134, 136, 250]),
    ],
)
def test_the_rule_of_thumb_is_its_formula(horizon, days, support):
    generator = np.random.default_rng(len(days))
    excess = {day: float(generator.normal(0.3, 0.2)) for day in days}
    dated = {NOW - timedelta(days=day): one for day, one in excess.items()}
    found = fixed_mix(dated, NOW, horizon=timedelta(days=horizon), support=support, newest_weeks=-0.7)
    assert found == pytest.approx(_fixed_mix_by_hand(excess, horizon, -0.7, support))
