"""What intervals are made of: refits on halves of the customers, score changes by group, the rate's error."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import pytest
from scipy.special import expit, logit

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.dataset import Dataset
from rapport.training.evaluation import uncertainty

CUTOFF, NAMES = datetime(2025, 3, 1), ("many", "linear")
AGE = FeatureColumn("customer_age_days", "tenure", "days", 0, False, "", "", ())
CURRENT = Matrix((AGE,), np.arange(300.0)[:, None])
BLENDED = np.random.default_rng(1).normal(-1.0, 1.0, 300)
RATE = 0.3


@dataclass(frozen=True)
class Config:
    """What the refits read of a fit's configuration."""

    learn: bool = True
    bg_nbd: tuple = ()
    recent_params: object = None
    historical_params: object = None


@dataclass(frozen=True)
class Params:
    """Parameters of a fit of trees."""

    seeds: int = 3


CONFIG = Config(recent_params=Params(), historical_params=Params())


def dataset(customers=200, rows=1, label=None):
    """Return rows of customers; whoever has an even number has the outcome."""
    ids = np.array([f"c{place % customers}" for place in range(customers * rows)], dtype=object)
    outcome = np.arange(len(ids)) % 2 if label is None else np.full(len(ids), label)
    return Dataset(
        ids, np.zeros(len(ids), dtype=np.intp), outcome.astype(float), Matrix((), np.empty((len(ids), 0))), (CUTOFF,)
    )


def half(ids, seed):
    """Return which customers belong to a half."""
    return np.array([crc32(f"{seed} {name}".encode()) % 2 == 0 for name in ids])


def refit_logits(ids):
    """Return the members' log-odds that a refit on these customers gives: any function of who they are."""
    draw = np.random.default_rng(crc32(" ".join(ids).encode()))
    return {name: draw.normal(-1.0, 1.0, 300) for name in NAMES}


@pytest.fixture
def fits(monkeypatch):
    """Replace the fit of members by ``refit_logits``; each fit is recorded."""
    made = []

    def fit_ensemble(rows, _schedule, config, *, as_of):
        made.append((tuple(rows.customer_ids), config.recent_params.seeds, config.historical_params.seeds, as_of))
        return SimpleNamespace(logits=lambda _: refit_logits(rows.customer_ids))

    monkeypatch.setattr(uncertainty, "fit_ensemble", fit_ensemble)
    return made


def run_of(rows, folds=()):
    """Return what the refits read of a training run."""
    task = SimpleNamespace(as_of=CUTOFF + timedelta(days=90), horizon_days=90, target="conversion")
    return SimpleNamespace(dataset=rows, task=task, expected_rate=RATE, validation=SimpleNamespace(folds=folds))


SCHEDULE = SimpleNamespace(recent=(CUTOFF,))


def sampling_error(run, config=CONFIG):
    return uncertainty._sampling_error(run, config, SCHEDULE, CURRENT, BLENDED, NAMES)


def at_rate(logits):
    """Shift log-odds to a mean probability of ``RATE``, by bisection."""
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(logits + middle).mean() < RATE else (low, middle)
    return logits + low


def test_the_sampling_error_is_the_root_mean_square_of_three_refits_on_halves(fits, monkeypatch):
    weights = {"many": 0.7, "linear": 0.4}
    monkeypatch.setattr(uncertainty, "final_weights", lambda _run, _names, _folds: weights)
    rows = dataset(rows=2)
    found = sampling_error(run_of(rows))
    kept = [rows.customer_ids[half(rows.customer_ids, seed)] for seed in range(3)]
    assert fits == [(tuple(ids), 1, 1, CUTOFF + timedelta(days=90)) for ids in kept]
    refits = [at_rate(0.7 * refit_logits(ids)["many"] + 0.4 * refit_logits(ids)["linear"]) for ids in kept]
    assert found == pytest.approx(np.sqrt(sum((refit - BLENDED) ** 2 for refit in refits) / 3), abs=1e-6)


@pytest.mark.parametrize("bg_nbd", [(), (1,)])
def test_beside_bg_nbd_a_half_has_weights_of_its_own_validation_rows(fits, monkeypatch, bg_nbd):
    asked = []
    monkeypatch.setattr(uncertainty, "folds_of", lambda _validation, kept: [rows.tolist() for rows in kept])
    monkeypatch.setattr(
        uncertainty, "final_weights", lambda _run, _names, folds: asked.append(folds) or dict.fromkeys(NAMES, 0.5)
    )
    fold = SimpleNamespace(dataset=dataset(40))
    sampling_error(run_of(dataset(), (fold,)), Config(True, bg_nbd, Params(), Params()))
    own = [[half(fold.dataset.customer_ids, seed).tolist()] for seed in range(3)]
    assert asked == (own if bg_nbd else [None] * 3)
    assert len(fits) == 3


def test_without_refits_the_error_is_assumed(fits):
    # Enough rows leave little chance; without a learned model, or one outcome alone, half a log-odds is assumed.
    many = dataset(60_001)
    assert set(sampling_error(run_of(many))) == {0.1}
    assert set(sampling_error(run_of(many), Config(False))) == {0.5}
    assert set(sampling_error(run_of(dataset()), Config(False))) == {0.5}
    assert set(sampling_error(run_of(dataset(label=1)))) == {0.5}
    assert set(sampling_error(run_of(dataset(label=0)))) == {0.5}
    assert fits == []


def at_two_cutoffs(people, days=30):
    """Return leads of growing age at two cutoffs."""
    cutoffs = (CUTOFF, CUTOFF - timedelta(days=days))
    ids = np.array([f"c{place % people}" for place in range(2 * people)], dtype=object)
    ages = np.arange(2 * people, dtype=float)[:, None] % people
    return Dataset(ids, np.repeat([0, 1], people), np.zeros(2 * people), Matrix((AGE,), ages), cutoffs)


@pytest.mark.parametrize(("people", "edges"), [(200, (100.0, 160.0)), (59, (10.0,)), (60, ())])
def test_the_volatility_of_a_group_is_that_of_its_score_changes(people, edges):
    change = np.random.default_rng(2).normal(size=people) * np.linspace(0.2, 1.5, people)
    logits = {"many": np.r_[change, np.zeros(people)], "linear": np.zeros(2 * people)}
    run = run_of(at_two_cutoffs(people))
    run.ensemble = SimpleNamespace(logits=lambda _: logits)
    found = uncertainty._volatility(run, {"many": 2.0, "linear": 1.0}, AGE.name, edges)
    # A sixth of the horizon is 15 days: a change in 30 days counts by its root.
    steps = 2.0 * (change - change.mean()) * np.sqrt(15 / 30)
    overall = steps.std() if people >= 60 else 0.5
    bounds = [0, *(int(edge) for edge in edges), people]
    groups = [steps[low:high] for low, high in pairwise(bounds)]
    assert found == pytest.approx([group.std() if len(group) >= 60 else overall for group in groups])


@pytest.mark.parametrize("seen", [None, 0.5])
def test_the_error_of_the_rate_is_the_forecasts_own_and_what_validation_saw(monkeypatch, seen):
    monkeypatch.setattr(uncertainty, "common_error", lambda _: seen)
    run = SimpleNamespace(base_rate=SimpleNamespace(error=0.2))
    own = uncertainty.shift_of_scores(0.2, BLENDED)
    expected = own if seen is None else np.sqrt((own**2 + 0.25) / 2)
    assert uncertainty._base_rate_error(run, BLENDED) == pytest.approx(expected)
    middle = expit(BLENDED).mean()
    assert expit(BLENDED + own).mean() == pytest.approx(expit(logit(middle) + 0.2), abs=0.01)


@pytest.mark.parametrize(("sampling", "group"), [(0.3, 0.1), (0.1, 0.4)])
def test_the_two_intervals_put_their_errors_together(monkeypatch, sampling, group):
    """The rate's: the larger of sampling and groups, with the rate's own error; one lead's: also how leads differ."""
    logits = {"many": np.full(300, -0.6), "linear": np.full(300, -1.2)}
    run = run_of(dataset())
    run.ensemble = SimpleNamespace(logits=lambda _: logits, members=())
    parts = {
        "final_weights": dict.fromkeys(NAMES, 0.5),
        "_sampling_error": np.full(300, sampling),
        "group_error": group,
        "_base_rate_error": 0.15,
        "_disagreement": np.full(300, 0.2),
        "_volatility": np.array([0.25, 0.5, 0.5, 0.5, 0.5]),
        "rate_coverage": {"groups": 0},
    }
    for name, value in parts.items():
        monkeypatch.setattr(uncertainty, name, lambda *_, value=value: value)
    found = uncertainty.fit_intervals(run, CONFIG, SCHEDULE, CURRENT)
    assert found.rate.edges == pytest.approx([59.8, 119.6, 179.4, 239.2])
    spread = np.hypot(max(sampling, group), 0.15)
    own = np.sqrt(spread**2 + 0.2**2 + np.array([0.25, 0.5]) ** 2)
    # Nine tenths of a normal distribution are 3.29 standard deviations wide; the knot nearest to the score is −0.5.
    place = uncertainty.KNOTS.index(-0.5)
    widths = [
        [interval.below[row][place] + interval.above[row][place] for row in (0, 1)]
        for interval in (found.rate, found.individual)
    ]
    assert widths[0] == pytest.approx([3.29 * spread] * 2, rel=0.06)
    assert widths[1] == pytest.approx((3.29 * own).tolist(), rel=0.06)
    narrow, wide = found.evaluation["median_width"], found.evaluation["median_width_of_one_customer"]
    assert 0 < narrow < wide < 1
    assert found.evaluation["groups"] == 0
