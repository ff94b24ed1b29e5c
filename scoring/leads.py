"""Which feature speaks for a family: the strongest one whose words would agree with the evidence."""

import numpy as np
import numpy.typing as npt
from rapport.scoring.blend import Vote
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.reference import Reference

NOBODY = -1
Places = npt.NDArray[np.int16]


class Leads:
    """Chooses, for each row and family, the leading feature of the family's evidence.

    A feature leads when its own share points the way the family does, when its declared direction does not say the
    opposite (fewer complaints than usual cannot raise a risk), and when it is not our own outreach lowering one.
    """

    def __init__(self, columns: tuple[Column, ...], families: tuple[str, ...], reference: Reference) -> None:
        self._families = families
        self._directions = np.array([column.direction for column in columns], dtype=np.float64)
        self._outbound = np.array([column.outbound for column in columns])
        middles = [reference.middle(column) for column in columns]
        self._medians = np.array([median for median, _ in middles])
        self._means = np.array([mean for _, mean in middles])
        self._family_of = np.array([families.index(column.family) for column in columns], dtype=np.intp)
        self._members = [
            np.array([place for place, column in enumerate(columns) if column.family == family], dtype=np.intp)
            for family in families
        ]

    def choose(self, rows: Matrix, voted: Vote, evidence: Floats, *, risk: bool) -> Places:
        """Give the column of each row's and family's leading feature; -1 where none may speak.

        ``risk`` says that a higher probability is bad news, as for churn. Evidence that an expert gives for a family as
        a whole is spoken for by the features whose declared direction it agrees with.
        """
        leads = np.full(evidence.shape, NOBODY, dtype=np.int16)
        strength = self._strength(rows.values, voted, np.sign(evidence), risk=risk)
        every = np.arange(len(leads))
        for family, members in enumerate(self._members):
            if len(members):
                own = strength[:, members]
                best = own.argmax(axis=1)
                leads[:, family] = np.where(own[every, best] > 0, members[best], NOBODY)
        return leads

    def _strength(self, values: Floats, voted: Vote, ways: Floats, *, risk: bool) -> Floats:
        """Give how strongly each feature may speak for its family, rows x features; 0 where it may not."""
        way = ways[:, self._family_of]
        pull = self._expected(values) * way
        strength = np.maximum(voted.by_feature * way, 0.0)
        for family, whole in voted.by_family.items():
            members = self._members[self._families.index(family)]
            strength[:, members] += np.maximum(whole[:, None] * way[:, members], 0.0) * (pull[:, members] > 0)
        silent = pull < 0
        if risk:
            silent |= self._outbound & (way < 0)
        return np.where(silent, 0.0, strength)

    def _expected(self, values: Floats) -> Floats:
        """Say which way each value should pull by its declared direction; 0 where nothing is declared or known."""
        side = np.sign(values - self._medians)
        # Half of the customers may share the median (no complaint at all); then the mean tells on which side they are.
        side = np.where(side == 0, np.sign(values - self._means), side)
        return np.where(np.isnan(side), 0.0, side) * self._directions
