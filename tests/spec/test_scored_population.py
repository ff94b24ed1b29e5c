"""A model judged on other customers than it scores is graded on judged rows like those to be scored."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from rapport.durations import parse_duration
from rapport.history import history_of
from rapport.scoring import build_answers
from rapport.scoring.models.scorer import Scorer
from rapport.training import train
from rapport.training.evaluation.scored_population import match_scores

GENERATOR = np.random.default_rng(4)
JUDGED = GENERATOR.normal(1.6, 1.0, 6000)
LABEL = (GENERATOR.uniform(size=6000) < 1 / (1 + np.exp(-JUDGED))).astype(float)
PROBABILITY = 1 / (1 + np.exp(-JUDGED))


def test_rows_are_chosen_as_often_as_their_scores_are_scored():
    scored = GENERATOR.normal(0.6, 1.0, 2000)
    found = match_scores(JUDGED, scored, 9500)
    assert found.differs
    assert JUDGED[found.chosen].mean() == pytest.approx(scored.mean(), abs=0.1)
    figures = found.as_dict(LABEL, PROBABILITY)
    assert figures["rate"] == pytest.approx((1 / (1 + np.exp(-scored))).mean(), abs=0.03)
    assert figures["rate"] < LABEL.mean() - 0.1
    assert "9,500" in figures["sentence"]
    assert f"{LABEL.mean():.1%}" in figures["sentence_zh"]


def test_the_same_population_keeps_every_row_once():
    found = match_scores(JUDGED, GENERATOR.normal(1.6, 1.0, 2000), 2000)
    assert not found.differs
    assert found.chosen.tolist() == list(range(6000))
    assert "sentence" not in found.as_dict(LABEL, PROBABILITY)


def _orders(customer, months):
    start = datetime(2023, 1, 1)
    return [
        {"customer_id": customer, "order_id": f"{customer}-{month}", "amount": 100.0}
        | {"ordered_at": start + timedelta(days=30 * int(month) + 3)}
        for month in months
    ]


def test_every_answer_says_that_the_model_was_judged_on_other_customers():
    generator = np.random.default_rng(8)
    once = [row for name in range(500) for row in _orders(f"once-{name}", [generator.integers(0, 18)])]
    often = [
        row
        for name in range(260)
        for row in _orders(f"often-{name}", np.flatnonzero(generator.uniform(size=24) < 0.35))
    ]
    # Nobody orders only once any more: at the time of scoring those who did have lapsed.
    with history_of({"orders": pa.Table.from_pylist(once + often)}) as history:
        trained = train(
            history,
            "churn",
            as_of=datetime(2024, 12, 20),
            horizon=parse_duration("3mo"),
            active=parse_duration("6mo"),
        )
    bundle, run = trained.bundle, trained.run
    assert bundle.evaluation["population"]["rate"] < bundle.evaluation["rate"] - 0.1
    ids = np.array([f"C{row}" for row in range(len(run.current))], dtype=object)
    scored = Scorer(bundle).score_rows(
        run.current, ids, np.full(len(ids), bundle.eligible, dtype=object), run.task.as_of
    )
    for language, words in (("en", "differ from the"), ("zh", "与")):
        assert words in build_answers(scored, 5, language)[0].model.basis_note
    assert trained.as_text().count("differ from the") == 1
