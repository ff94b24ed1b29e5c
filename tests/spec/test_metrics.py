"""Metrics are held to scikit-learn, the stability index to its formula; a changed constant changes a figure here."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from rapport.metrics import auc, average_precision, brier_score, calibration_error, log_loss, stability_index


@pytest.fixture(params=range(5))
def sample(request):
    """Labels and probabilities with many ties."""
    generator = np.random.default_rng(request.param)
    probability = np.round(generator.uniform(0.02, 0.98, 400), 1 + request.param % 3)
    return (generator.uniform(size=400) < probability).astype(float), probability


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (auc, sklearn_metrics.roc_auc_score),
        (average_precision, sklearn_metrics.average_precision_score),
        (brier_score, sklearn_metrics.brier_score_loss),
        (log_loss, lambda label, p: sklearn_metrics.log_loss(label, np.clip(p, 1e-6, 1 - 1e-6))),
    ],
)
def test_a_metric_agrees_with_scikit_learn(sample, ours, reference):
    assert ours(*sample) == pytest.approx(reference(*sample), abs=1e-12)


def test_one_class_has_no_ranking():
    assert np.isnan(auc([1, 1], [0.1, 0.9]))
    assert np.isnan(average_precision([0, 0], [0.1, 0.9]))


def test_calibration_error_uses_ten_groups():
    # Ten groups of ten; in the group of probability p, ten times p customers have the outcome, but for the last group.
    probability = np.repeat(np.arange(10) / 10 + 0.05, 10)
    label = np.concatenate([np.arange(10) < round(10 * p - 0.5) for p in np.arange(10) / 10 + 0.05]).astype(float)
    assert calibration_error(label, probability) == pytest.approx(0.05)
    label[-10:] = 0
    assert calibration_error(label, probability) == pytest.approx(0.05 + (0.95 - 0.05) / 10)


def test_the_stability_index_is_the_formula_less_sampling_noise():
    raw = (0.7 - 0.5) * np.log(0.7 / 0.5) + (0.3 - 0.5) * np.log(0.3 / 0.5)
    assert stability_index([0.5, 0.5], [0.7, 0.3], (np.inf, 1000)) == pytest.approx(raw - 1 / 1000)
    assert stability_index([500, 500], [700, 300]) == pytest.approx(raw - 2 / 1000)


def test_an_empty_bin_counts_as_half_a_row():
    floor = 0.5 / 100
    expected = (1 - 0.5) * np.log(1 / 0.5) + (floor - 0.5) * np.log(floor / 0.5) - 2 / 100
    assert stability_index([50, 50], [100, 0]) == pytest.approx(expected)
    # Half a row of four is an eighth: (1 − ½) ln 2 + (⅛ − ½) ln ¼ is 0.866, and chance alone shows ¼ + ¼.
    assert stability_index([2, 2], [4, 0]) == pytest.approx(0.3664, abs=1e-4)
    # No rows at all are no drift: there is nothing to compare.
    assert stability_index([0, 0], [50, 50]) == stability_index([50, 50], [0, 0]) == 0.0


def test_samples_of_one_distribution_show_no_drift():
    generator = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    found = [stability_index(shares, generator.multinomial(300, shares) / 300, (np.inf, 300)) for _ in range(200)]
    # Without the correction the mean is 9 / 300 = 0.03.
    assert np.mean(found) < 0.008
