"""A model judged on other customers than it scores is graded on judged rows like those to be scored."""

import numpy as np
import pytest

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
