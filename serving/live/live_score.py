"""The score of one customer with its events, as a scoring run at that moment would have it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.live.event_store import Mark
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_row import PortfolioRow


@dataclass(frozen=True, eq=False)
class LiveScore:
    """One row of scores with its portfolio row and features, and the events that the source lacks.

    ``values`` are its numeric features in the order of ``names``, nan where unknown: thousands of these are kept.
    """

    batch: ScoreBatch
    portfolio_row: PortfolioRow
    names: Sequence[str]
    values: npt.NDArray[np.float64]
    received_at: datetime
    owner: str | None
    waiting: tuple[int, ...]

    @property
    def features(self) -> dict[str, float | None]:
        """Return the numeric features by name."""
        known = np.isfinite(self.values).tolist()
        cells = zip(self.names, self.values.tolist(), known, strict=True)
        return {name: value if is_known else None for name, value, is_known in cells}

    @property
    def as_of(self) -> datetime:
        """Return the cutoff."""
        return self.batch.as_of


Version = tuple[str, str, PortfolioPolicy]
"""What live scores depend on besides events: target, the run with its bundle, the portfolio's policy."""
_Scores = OrderedDict[str, tuple[int, LiveScore | None]]


class LiveScoreCache:
    """The newest live score of each customer, for one version of each target; thread-safe.

    None stands for a customer that the run answers. A new run, bundle or policy empties its target's cache.
    """

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._found: dict[str, tuple[Version, _Scores]] = {}

    def get(self, version: Version, marks: Mapping[str, Mark]) -> dict[str, LiveScore | None]:
        """Return the stored scores that hold every event up to their customer's mark."""
        with self._lock:
            kept = self._of(version)
            stored = {one: kept[one] for one in marks if one in kept}
            return {one: live for one, (seq, live) in stored.items() if seq == marks[one].seq}

    def put(self, version: Version, scores: Mapping[str, tuple[Mark, LiveScore | None]]) -> None:
        """Store scores, and drop those that were stored first when there are too many."""
        with self._lock:
            kept = self._of(version)
            for one, (mark, live) in scores.items():
                if one not in kept or kept[one][0] <= mark.seq:
                    kept[one] = mark.seq, live
                    kept.move_to_end(one)
            while len(kept) > self._size:
                kept.popitem(last=False)

    def _of(self, version: Version) -> _Scores:
        known, kept = self._found.get(version[0], (None, None))
        if known is None or kept is None or known[1] != version[1] or known[2] is not version[2]:
            kept = OrderedDict()
            self._found[version[0]] = version, kept
        return kept
