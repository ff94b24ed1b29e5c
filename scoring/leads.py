"""Which feature speaks for a family: the strongest one whose words would agree with the evidence."""

import numpy as np
import numpy.typing as npt

from scoring.columns import Column
from scoring.matrix import Floats, Matrix
from scoring.reference import Reference

NOBODY = -1
Places = npt.NDArray[np.int16]


class Leads:
    """Chooses, for each row and family, the leading feature of the family's evidence.

    A feature leads when its own share points the way the family does, when its declared direction does not say the
    opposite (fewer complaints than usual cannot raise a risk), and when it is not our own outreach lowering one.
    """

    def __init__(self, columns: tuple[Column, ...], families: tuple[str, ...], reference: Reference) -> None:
        self._directions = np.array([column.direction for column in columns], dtype=np.float64)
        self._outbound = np.array([column.outbound for column in columns])
        middles = [reference.middle(column) for column in columns]
        self._medians = np.array([median for median, _ in middles])
        self._means = np.array([mean for _, mean in middles])
        self._members = [
            np.array([place for place, column in enumerate(columns) if column.family == family], dtype=np.intp)
            for family in families
        ]

    def choose(self, rows: Matrix, by_feature: Floats, evidence: Floats, *, risk: bool) -> Places:
        """Give the column of each row's and family's leading feature; -1 where none may speak.

        ``risk`` says that a higher probability is bad news, as for churn.
        """
        leads = np.full(evidence.shape, NOBODY, dtype=np.int16)
        pulls = self._expected(rows.values)
        for family, members in enumerate(self._members):
            if len(members):
                way = np.sign(evidence[:, family])[:, None]
                strength = self._strength(by_feature[:, members] * way, pulls[:, members] * way)
                if risk:
                    strength[:, self._outbound[members]] *= way >= 0
                best = strength.argmax(axis=1)
                spoken = strength[np.arange(len(best)), best] > 0
                leads[spoken, family] = members[best[spoken]]
        return leads

    def _expected(self, values: Floats) -> Floats:
        """Say which way each value should pull by its declared direction; 0 where nothing is declared or known."""
        side = np.sign(values - self._medians)
        # Half of the customers may share the median (no complaint at all); then the mean tells on which side they are.
        side = np.where(side == 0, np.sign(values - self._means), side)
        return np.where(np.isnan(side), 0.0, side) * self._directions

    @staticmethod
    def _strength(share: Floats, pull: Floats) -> Floats:
        return np.where(pull < 0, 0.0, np.maximum(share, 0.0))
