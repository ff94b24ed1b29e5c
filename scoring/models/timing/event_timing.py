"""When the event comes: every customer's curve goes through its served probability at the horizon.

The shape says how time spreads the event; one shift in log-odds for all days of a customer puts the curve through the
served probability. So every curve is monotone, agrees with the score, and has the score's reasons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from rapport.errors import BundleError
from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.members.member import EnsembleMember
from rapport.scoring.models.stored_values import frozen
from rapport.scoring.models.timing.hazard_shape import (
    BG_NBD,
    CONSTANT,
    CONTRACT_END,
    TREES,
    BgNbdHazard,
    ConstantHazard,
    ContractEndHazard,
    HazardShape,
    TreeHazard,
)

FORMAT = 1
TimedEvent = Literal["order", "purchase", "non_renewal", "cancellation"]
ORDER: TimedEvent = "order"
PURCHASE: TimedEvent = "purchase"
NON_RENEWAL: TimedEvent = "non_renewal"
CANCELLATION: TimedEvent = "cancellation"
MONTHS = 24
END_DAYS = 730
FILE = "timing.lgb.txt"
QUANTILES = (0.05, 0.5, 0.95)
_GRID = np.unique(np.r_[np.arange(0, 61), np.arange(60, END_DAYS + 1, 7), END_DAYS]).astype(np.float64)
_CHUNK_ROWS = 5_000


@dataclass(frozen=True)
class EventTiming:
    """The timing of a bundle's event.

    Parameters
    ----------
    event : order (the score is the chance that none comes), or purchase, non_renewal, cancellation (that it comes).
    shape : the name of the shape; ``edges``, ``rates`` and ``booster`` are those of the trees.
    observed_days : how far past cutoffs show what happened; beyond, curves are extrapolated.
    evaluation : the integrated Brier score of each shape on later cutoffs.
    """

    event: TimedEvent
    shape: str
    horizon_days: float
    observed_days: float
    edges: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    booster: str = ""
    evaluation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_absence(self) -> bool:
        """Return whether the score is the chance that the event does not come."""
        return self.event == ORDER

    def chances(
        self,
        logits: Floats,
        rows: Matrix,
        days: Sequence[float],
        horizon_days: float,
        members: Sequence[EnsembleMember],
    ) -> Floats:
        """Return rows × days: that no order has come by that day, or for other events that it has happened.

        ``logits`` are the served log-odds at ``horizon_days``, the days from the cutoff to the end of the horizon.
        """
        cumulative = self.hazard_shape(members).cumulative(rows, [*days, horizon_days])
        silent = _no_event_logit(cumulative)
        sign = 1.0 if self.is_absence else -1.0
        with np.errstate(invalid="ignore"):
            shifted = silent[:, :-1] - silent[:, -1:] + sign * logits[:, None]
        return sigmoid(sign * np.where(np.isinf(silent[:, :-1]), np.inf, shifted))

    def expected_days(
        self, logits: Floats, rows: Matrix, horizon_days: float, members: Sequence[EnsembleMember]
    ) -> Floats:
        """Return rows × 3: the days until the event, if it comes within the curve: 5 %, 50 % and 95 % of its time."""
        shape = self.hazard_shape(members)
        if isinstance(shape, ContractEndHazard):
            return np.repeat(shape.days_left(rows)[:, None], len(QUANTILES), axis=1)
        found = np.empty((len(rows), len(QUANTILES)))
        for first in range(0, len(rows), _CHUNK_ROWS):
            some = np.arange(first, min(first + _CHUNK_ROWS, len(rows)))
            chances = self.chances(logits[some], rows.take(some), _GRID.tolist(), horizon_days, members)
            happened = 1.0 - chances if self.is_absence else chances
            share = happened / np.maximum(happened[:, -1:], 1e-300)
            found[some] = [np.interp(QUANTILES, each, _GRID) for each in share]
        return found

    def hazard_shape(self, members: Sequence[EnsembleMember]) -> HazardShape:
        """Return the shape; BG/NBD is that of the ensemble."""
        if self.shape == TREES:
            return TreeHazard(self.edges, self.rates, self.booster)
        if self.shape == CONTRACT_END:
            return ContractEndHazard(self.horizon_days)
        if self.shape == BG_NBD:
            return BgNbdHazard(next(member for member in members if isinstance(member, BgNbdMember)))
        return ConstantHazard()

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON; the trees are a file."""
        stored = {"format": FORMAT} | asdict(self)
        del stored["booster"]
        return stored

    def files(self) -> dict[str, str]:
        """Return the trees' text by file name."""
        return {FILE: self.booster} if self.booster else {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> "EventTiming":
        """Load what ``to_dict`` and ``files`` returned."""
        if stored["format"] != FORMAT:
            raise BundleError(
                f"the timing of this bundle has format {stored['format']}; this version reads {FORMAT}. "
                "Install the newer Rapport that wrote it, or train again."
            )
        parts = {"booster": files[FILE] if stored["shape"] == TREES else "", "evaluation": stored["evaluation"]}
        return cls(**{name: each for name, each in frozen(stored).items() if name != "format"} | parts)


def _no_event_logit(cumulative: Floats) -> Floats:
    """Return the log-odds of no event yet; infinite while nothing can have happened."""
    with np.errstate(divide="ignore"):
        return np.asarray(-cumulative - np.log(-np.expm1(-cumulative)))


__all__ = ["CANCELLATION", "CONSTANT", "NON_RENEWAL", "ORDER", "PURCHASE", "EventTiming"]
