"""With grade D a part or the rate is served where validation shows it to be better than the blend."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from rapport.durations import parse_duration
from rapport.history import history_of
from rapport.metrics import compute_metrics
from rapport.scoring import build_answers
from rapport.scoring.models.blend import Blend, logit_of, sigmoid
from rapport.scoring.models.bundle import Fallback
from rapport.scoring.models.scorer import Scorer
from rapport.training import train
from rapport.training.evaluation.grade import Grade
from rapport.training.evaluation.served_part import choose_served_part, served_fallback
from rapport.training.stacking.stacking_weights import make_blend

GENERATOR = np.random.default_rng(3)
ALONE = np.arange(600)
FIGURES = {"auc": 0.6, "log_loss": 0.5}
FEW = Fallback("card_and_rhythm", "Only 12 of 90.", "90 位中 12 位。")
LABEL = (GENERATOR.uniform(size=600) < 0.3).astype(float)


def _informative(strength):
    return 1 / (1 + np.exp(-(strength * (LABEL - 0.3) + GENERATOR.normal(size=600) - 0.85)))


GOOD, WEAK, WRONG = _informative(2.0), _informative(0.5), _informative(-2.0)


def _choose(letter, customers=ALONE, **probabilities):
    probabilities = {"blend": WEAK} | probabilities
    evaluation = SimpleNamespace(
        label=LABEL,
        grade=Grade(letter, ()),
        probabilities=probabilities,
        metrics={name: compute_metrics(LABEL, values) for name, values in probabilities.items()},
    )
    fold = SimpleNamespace(dataset=LABEL, expected_rate=0.3)
    names = [name for name in probabilities if name != "blend"]
    return choose_served_part(evaluation, SimpleNamespace(folds=[fold], customer_ids=customers), names)


def test_a_model_with_a_grade_serves_its_blend():
    assert _choose("C", blend=WEAK, linear=GOOD) == "blend"


def test_grade_d_serves_the_part_with_the_least_loss():
    assert _choose("D", blend=WEAK, linear=GOOD, rhythm=WRONG) == "linear"
    assert _choose("D", blend=GOOD, linear=WEAK) == "blend"


def _slightly_better_than_good(share):
    toward = np.where(share > ALONE % 100, 0.02, -0.02)
    better = sigmoid(logit_of(GOOD) + toward * np.where(LABEL == 1, 1.0, -1.0))
    assert compute_metrics(LABEL, better)["log_loss"] < compute_metrics(LABEL, GOOD)["log_loss"]
    return better


def test_a_part_that_is_better_by_less_than_two_standard_errors_does_not_replace_the_blend():
    assert _choose("D", blend=GOOD, linear=_slightly_better_than_good(53)) == "blend"
    assert _choose("D", blend=GOOD, linear=_slightly_better_than_good(56)) == "linear"


def test_rows_of_one_customer_count_together():
    two_customers = (ALONE % 100 < 56).astype(int)
    assert _choose("D", customers=two_customers, blend=GOOD, linear=_slightly_better_than_good(56)) == "blend"


def test_parts_worse_than_the_rate_are_never_served():
    assert _choose("D", blend=WRONG, rhythm=WRONG) == "rate"
    overconfident = np.where(WEAK > 0.5, 0.999, 0.001)
    assert _choose("D", blend=overconfident) == "rate"


@pytest.fixture(scope="module")
def coin_tosses():
    """A history in which who orders again is chance alone."""
    generator = np.random.default_rng(11)
    start = datetime(2023, 1, 1)
    rows = [
        {"customer_id": f"C{customer:04}", "order_id": f"{customer}-{month}", "amount": 100.0}
        | {"ordered_at": start + timedelta(days=30 * month + 1)}
        for customer in range(400)
        for month in range(24)
        if generator.uniform() < 0.25
    ]
    with history_of({"orders": pa.Table.from_pylist(rows)}) as history:
        yield train(
            history,
            "churn",
            horizon=parse_duration("3mo"),
            active=parse_duration("6mo"),
            as_of=datetime(2024, 12, 1),
        )


def test_without_signal_the_model_loses_no_more_than_its_blend_and_says_that_it_is_weak(coin_tosses):
    bundle = coin_tosses.bundle
    served, measures = bundle.evaluation["served"], bundle.evaluation["measures"]
    assert bundle.grade == "D"
    assert served["log_loss"] <= measures["blend"]["log_loss"]
    assert bundle.fallback.label in ("best_member", "rate", "committee")
    assert "Grade D" in bundle.fallback.en
    assert "D 级" in bundle.fallback.zh


@pytest.mark.parametrize(
    ("part", "metrics", "own", "label", "says"),
    [
        ("linear", FIGURES, Fallback(), "best_member", "Grade D"),
        ("blend", FIGURES, Fallback(), "committee", "Grade D"),
        ("rate", FIGURES, FEW, "rate", "the expected rate"),
        (
            "rhythm",
            FIGURES,
            FEW,
            "card_and_rhythm",
            "Only 12 of 90. In temporal validation its best part was order cadence",
        ),
        ("blend", FIGURES, FEW, "card_and_rhythm", "Only 12 of 90."),
        ("blend", {}, Fallback(), "committee", "no later outcomes"),
        ("blend", {}, FEW, "card_and_rhythm", "Only 12 of 90."),
    ],
)
def test_every_model_of_grade_d_says_what_its_answers_rest_on(part, metrics, own, label, says):
    found = served_fallback(part, metrics, own)
    assert found.label == label
    assert says in found.en
    assert found.zh


def test_a_blend_without_weights_is_the_rate_for_everyone():
    blend = make_blend({"linear": 0.0, "rhythm": 0.0}, {}, 0.27)
    assert blend.logit({"linear": np.array([2.0, -5.0])}, 2) == pytest.approx(np.log(0.27 / 0.73))


def test_a_bundle_that_serves_the_rate_scores_everyone_alike_without_evidence(coin_tosses):
    bundle, run = coin_tosses.bundle, coin_tosses.run
    rate = Blend(dict.fromkeys(bundle.blend.weights, 0.0), slope=0.0, intercept=float(np.log(0.27 / 0.73)))
    flat = replace(bundle, blend=rate, model_blend=rate)
    ids = np.array([f"C{row}" for row in range(len(run.current))], dtype=object)
    scored = Scorer(flat).score_rows(run.current, ids, np.full(len(ids), flat.eligible, dtype=object), run.task.as_of)
    assert scored.probability == pytest.approx(0.27)
    assert not scored.evidence.any()
    assert all(answer.reasons == () for answer in build_answers(scored, 5, "en"))
