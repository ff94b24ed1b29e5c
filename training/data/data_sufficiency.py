"""Is there enough data for a learned model, and what the answers rest on if not."""

from dataclasses import dataclass

from rapport.scoring.models.bundle import Fallback
from rapport.training.data.cutoff_schedule import CutoffSchedule
from rapport.training.data.dataset import Dataset
from rapport.training.messages import localized

ENSEMBLE_MIN_OUTCOMES, BG_NBD_MIN_OUTCOMES = 40, 10


@dataclass(frozen=True)
class DataSufficiency:
    """Counts of distinct customers: all, with the minority outcome, and with it at the recent cutoffs."""

    customers: int
    minority_count: int
    recent_minority_count: int
    fallback: Fallback

    @property
    def can_learn(self) -> bool:
        """Return whether trees and the logistic model may be fitted."""
        return self.fallback.label == "committee"


def assess_sufficiency(dataset: Dataset, schedule: CutoffSchedule) -> DataSufficiency:
    """Count the customers and choose what the answers rest on."""
    return sufficiency_of(dataset, dataset.at_cutoffs(schedule.recent))


def sufficiency_of(dataset: Dataset, recent: Dataset) -> DataSufficiency:
    """Count the customers of all rows, and of the recent ones."""
    customers, minority_count = len(set(dataset.customer_ids)), dataset.minority_count
    return DataSufficiency(customers, minority_count, recent.minority_count, _fallback(customers, minority_count))


def _fallback(customers: int, minority_count: int) -> Fallback:
    if minority_count >= ENSEMBLE_MIN_OUTCOMES:
        return Fallback()
    label = "card_and_rhythm" if minority_count >= BG_NBD_MIN_OUTCOMES else "card"
    return Fallback.of(label, localized(f"too_few.{label}", count=minority_count, customers=customers))
