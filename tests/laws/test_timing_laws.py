"""Timing: monotone over time, equal to the score at its horizon, the same after storing, honest about older models."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import lightgbm as lgb
import numpy as np
import pytest
from scoring_world import AS_OF, churn_bundle, invented, table_of

from rapport.durations import parse_duration
from rapport.errors import BundleError, SettingsError
from rapport.scoring import Bundle, Scorer
from rapport.scoring.models.bundle_files import MAIN
from rapport.scoring.models.timing.event_timing import CANCELLATION, NON_RENEWAL, ORDER, PURCHASE, EventTiming
from rapport.scoring.models.timing.hazard_shape import BG_NBD, CONSTANT, CONTRACT_END, INTERVAL, TREES
from rapport.scoring.reasons.timing_answer import MONTHLY, describe_timings, parse_horizons, timing_columns

EDGES = (0.0, 30.0, 90.0, 365.0, 600.0)
FEATURES = ("days_since_last_order", "order_days_count_ever")


def trees() -> str:
    draw = np.random.default_rng(5)
    rows = np.column_stack([draw.gamma(1, 90, 800), draw.integers(1, 20, 800), draw.integers(0, 4, 800)])
    events = (draw.random(800) < 0.2).astype(float)
    settings = {"objective": "poisson", "num_leaves": 7, "num_threads": 1, "verbose": -1}
    data = lgb.Dataset(rows, events, feature_name=[*FEATURES, INTERVAL])
    return str(lgb.train(settings, data, 20).model_to_string())


TIMINGS = {
    "constant": EventTiming(PURCHASE, CONSTANT, 365.0, 500.0),
    "bg_nbd": EventTiming(ORDER, BG_NBD, 365.0, 500.0),
    "trees": EventTiming(ORDER, TREES, 365.0, 600.0, EDGES, (0.01, 0.004, 0.002, 0.001), trees()),
    "tree_cancellation": EventTiming(CANCELLATION, TREES, 365.0, 600.0, EDGES, (0.01, 0.004, 0.002, 0.001), trees()),
    "contract_end": EventTiming(NON_RENEWAL, CONTRACT_END, 365.0, 730.0),
}


@pytest.fixture(scope="module")
def bundle():
    return churn_bundle()


@pytest.fixture(scope="module")
def rows():
    return table_of(invented(60, 9))


@pytest.mark.parametrize("name", TIMINGS)
def test_the_curve_is_monotone_and_goes_through_the_score_at_its_horizon(bundle, rows, name):
    timing = TIMINGS[name]
    batch = Scorer(replace(bundle, timing=timing)).score(rows, AS_OF)
    found = describe_timings(batch, range(len(batch)), "en", (*MONTHLY, parse_duration("365d")))
    for row, described in enumerate(found):
        chances = np.array([point["probability"] for point in described["curve"]])
        assert abs(chances[11] - batch.probability[row]) < 1e-9
        assert chances[24] == chances[11]
        steps = np.diff(chances[:24]) * (-1 if timing.event == ORDER else 1)
        assert (steps >= 0).all()
        assert described["expected_from"] <= described["expected_date"] <= described["expected_to"]
        assert [point["extrapolated"] for point in described["curve"]][:12] == [False] * 12
    assert found[0]["curve"][23]["extrapolated"] == (timing.observed_days < 720)


def test_one_customer_alone_has_the_numbers_of_the_batch_and_of_the_export(bundle, rows):
    batch = Scorer(replace(bundle, timing=TIMINGS["trees"])).score(rows, AS_OF)
    horizons = parse_horizons(["45d", "3mo"])
    together = describe_timings(batch, range(len(batch)), "zh", horizons)
    alone = [describe_timings(batch.take([row]), [0], "zh", horizons)[0] for row in range(len(batch))]
    assert alone == together
    columns = timing_columns(batch, horizons)
    assert columns["probability_45d"].to_pylist() == [each["curve"][0]["probability"] for each in together]
    assert [str(day) for day in columns["expected_date"].to_pylist()] == [each["expected_date"] for each in together]


def test_a_contract_is_lost_on_the_day_it_ends_and_not_before(bundle, rows):
    batch = Scorer(replace(bundle, timing=TIMINGS["contract_end"])).score(rows, AS_OF)
    left = np.clip(np.nan_to_num(batch.rows.column("contract_days_to_end")), 0, 364)
    [first, *_] = describe_timings(batch, [0], "en", parse_horizons(["1d", "364d", "24mo"]))
    before, own, later = (point["probability"] for point in first["curve"])
    assert before == (0.0 if left[0] >= 1 else batch.probability[0])
    assert own == pytest.approx(batch.probability[0])
    assert later == pytest.approx(own)


@pytest.mark.parametrize("name", TIMINGS)
def test_a_stored_bundle_has_the_same_timing(bundle, name, tmp_path):
    saved = replace(bundle, timing=TIMINGS[name])
    assert Bundle.load(saved.save(tmp_path / name)).timing == TIMINGS[name]


def test_a_bundle_of_before_answers_and_says_that_it_cannot_tell_when(bundle, rows, tmp_path):
    folder = bundle.save(tmp_path / "former")
    described = json.loads((folder / MAIN).read_text("utf-8"))
    # Format 1, which had neither.
    del described["timing"], described["individual"]
    described["format"] = 1
    (folder / MAIN).write_text(json.dumps(described), "utf-8")
    batch = Scorer(Bundle.load(folder)).score(rows, AS_OF)
    [found] = describe_timings(batch, [0], "en")
    assert found["curve"] == []
    assert found["expected_date"] is None
    assert "earlier version" in found["note"]
    with pytest.raises(SettingsError, match=r"--horizons: This model was trained by an earlier version"):
        timing_columns(batch, parse_horizons(["3mo"]))


def test_a_bundle_of_a_later_format_is_refused(bundle, tmp_path):
    folder = replace(bundle, timing=TIMINGS["constant"]).save(tmp_path / "later")
    described = json.loads((folder / MAIN).read_text("utf-8"))
    described["timing"]["format"] = 99
    (folder / MAIN).write_text(json.dumps(described), "utf-8")
    with pytest.raises(BundleError, match="has format 99; this version reads 1"):
        Bundle.load(folder)


def test_no_number_is_made_up_for_a_customer_without_a_probability(bundle):
    batch = Scorer(replace(bundle, timing=TIMINGS["trees"])).score(table_of(invented(3, 2), "lapsed"), AS_OF)
    assert describe_timings(batch, range(3), "en") == [None, None, None]
    assert timing_columns(batch, parse_horizons(["3mo"]))["probability_3mo"].null_count == 3


def test_horizons_are_at_most_24_and_at_most_24_months():
    with pytest.raises(SettingsError, match="25 horizons are too many"):
        parse_horizons([f"{day}d" for day in range(1, 26)])
    with pytest.raises(SettingsError, match="25mo: a horizon has at most 24 months"):
        parse_horizons(["3mo", "25mo"])
    assert parse_horizons(["24mo"])[0].after(datetime(2026, 1, 31, tzinfo=UTC)).year == 2028
