"""The leading feature of a family's evidence: the strongest one whose direction agrees with the evidence."""

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.blend import WeightedContributions
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.reference import ReferencePopulation

NO_FEATURE = -1
FeatureIndex = npt.NDArray[np.int16]


class LeadingFeatureSelector:
    """Selects, for each row and family, the leading feature of the family's evidence.

    A feature may lead when its own contribution has the sign of the family's, when its declared direction does not
    contradict it (fewer complaints than usual cannot raise a risk), and when it is not outreach that lowers a risk.
    """

    def __init__(
        self, columns: tuple[FeatureColumn, ...], families: tuple[str, ...], reference: ReferencePopulation
    ) -> None:
        self._families = families
        self._directions = np.array([column.direction for column in columns], dtype=np.float64)
        self._outbound = np.array([column.outbound for column in columns])
        centres = [reference.median_and_mean(column) for column in columns]
        self._medians = np.array([median for median, _ in centres])
        self._means = np.array([mean for _, mean in centres])
        self._family_of = np.array([families.index(column.family) for column in columns], dtype=np.intp)
        self._features_of = [
            np.array([position for position, column in enumerate(columns) if column.family == family], dtype=np.intp)
            for family in families
        ]

    def select(self, rows: Matrix, weighted: WeightedContributions, evidence: Floats, *, risk: bool) -> FeatureIndex:
        """Return the column of the leading feature, rows x families; -1 where no feature may lead.

        ``risk`` tells that a higher probability is bad news, as for churn. Contributions that a member returns for a
        family as a whole count for the features whose declared direction agrees with them.
        """
        leading = np.full(evidence.shape, NO_FEATURE, dtype=np.int16)
        strength = self._strength(rows.values, weighted, np.sign(evidence), risk=risk)
        every_row = np.arange(len(leading))
        for family, features in enumerate(self._features_of):
            if len(features):
                own = strength[:, features]
                best = own.argmax(axis=1)
                leading[:, family] = np.where(own[every_row, best] > 0, features[best], NO_FEATURE)
        return leading

    def _strength(self, values: Floats, weighted: WeightedContributions, signs: Floats, *, risk: bool) -> Floats:
        """Return how strongly each feature supports its family's evidence, rows x features; 0 where it may not lead."""
        sign = signs[:, self._family_of]
        agreement = self._expected_sign(values) * sign
        strength = np.maximum(weighted.by_feature * sign, 0.0)
        for family, whole in weighted.by_family.items():
            features = self._features_of[self._families.index(family)]
            strength[:, features] += np.maximum(whole[:, None] * sign[:, features], 0.0) * (agreement[:, features] > 0)
        excluded = agreement < 0
        if risk:
            excluded |= self._outbound & (sign < 0)
        return np.where(excluded, 0.0, strength)

    def _expected_sign(self, values: Floats) -> Floats:
        """Return the sign that each value should have by its declared direction; 0 where none is declared or known."""
        side = np.sign(values - self._medians)
        # Half of the customers may share the median (no complaint at all); then compare with the mean.
        side = np.where(side == 0, np.sign(values - self._means), side)
        return np.where(np.isnan(side), 0.0, side) * self._directions
