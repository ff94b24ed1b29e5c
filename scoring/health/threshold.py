"""The churn probability from which nobody is graded better than at risk, and the risk bands by it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

RISK_BANDS = ("low", "medium", "high")
_BASE_RATE_FACTOR, _LEAST = 1.5, 0.5
_LEAST_SHARE = 0.5


def at_risk_threshold(base_rate: float, setting: float = 0.0) -> float:
    """Return the company's threshold, or max(0.5, 1.5 × base rate), always below 1."""
    if setting > 0:
        return setting
    # Where half of all customers leave, 1.5 × the base rate would reach 1: stay halfway between the two.
    return max(_LEAST, min(_BASE_RATE_FACTOR * base_rate, (1.0 + base_rate) / 2))


def least_risk_to_contact(base_rate: float, threshold: float) -> float:
    """Return the probability below which a customer is not on the list at_risk: half of the usual, and of low risk.

    A large account of 2 % would otherwise head the list by its size; its contacts follow the cadence of its grade. A
    limit at the base rate itself would leave much of the savable money off the list (docs/benchmarks.md).
    """
    return min(_LEAST_SHARE * base_rate, threshold / 2)


def risk_bands(probability: Floats, threshold: float) -> Texts:
    """Return high from the threshold on, medium from half of it, else low; None without a probability."""
    bands = np.full(len(probability), None, dtype=object)
    for name, floor in zip(RISK_BANDS, (0.0, threshold / 2, threshold), strict=True):
        bands[probability >= floor] = name
    return bands
