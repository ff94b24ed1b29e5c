"""Fit the renewal hazard: a discrete-time logistic model of the end of a contract."""

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.logistic import LogisticMember
from rapport.training.data.dataset import Dataset
from rapport.training.members.logistic import MOST_TERMS, fit_terms, select_terms

HAZARD_FAMILIES, FEATURES_PER_FAMILY, HAZARD_RIDGE = frozenset({"contract", "tenure"}), (5,), 30.0


def fit_renewal_hazard(dataset: Dataset, *, offset: Floats, weight: Floats) -> LogisticMember:
    """Fit a logistic model on contract and tenure features only: few customers cannot support more.

    Each contract is one step in discrete time (Singer & Willett 1993): estimated is the probability that this step
    is the last, from how many came before, how they ended, and how long it is until the end. The rows of one
    customer therefore count as separate steps, not as repeats.
    """
    chosen = select_terms(dataset, MOST_TERMS, HAZARD_FAMILIES, FEATURES_PER_FAMILY)
    return fit_terms("hazard", chosen, dataset, offset=offset, weight=weight, ridge=HAZARD_RIDGE)
