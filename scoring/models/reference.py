"""The reference population of a bundle: typical values, percentiles, ranges, and the baseline for drift."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.peer_groups import PeerGroups
from rapport.scoring.models.stored_values import frozen

QUANTILE_STEPS = np.linspace(0.0, 1.0, 41)
FINE_QUANTILE_STEPS = np.linspace(0.0, 1.0, 1001)


@dataclass(frozen=True)
class ReferencePopulation:
    """Quantiles of every number, shares of every category, and quantiles of the blended log-odds.

    Parameters
    ----------
    quantiles : column name to the values at ``QUANTILE_STEPS`` (empty: never known).
    shares : category name to the share of each of its levels.
    missing : column name to the share of rows where it is unknown.
    logits : the blended log-odds at ``FINE_QUANTILE_STEPS``.
    peers : the medians of comparable customers; None in bundles that were made before they were kept.
    """

    count: int = 0
    quantiles: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    shares: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    missing: Mapping[str, float] = field(default_factory=dict)
    logits: tuple[float, ...] = ()
    peers: PeerGroups | None = None

    @classmethod
    def of(cls, rows: Matrix, logits: Floats) -> "ReferencePopulation":
        """Describe some rows and their blended log-odds."""
        numbers = [column for column in rows.columns if not column.is_category]
        categories = [column for column in rows.columns if column.is_category]
        unknown = np.isnan(rows.values).mean(axis=0) if len(rows) else np.ones(len(rows.columns))
        return cls(
            count=len(rows),
            quantiles={column.name: _quantiles(rows.column(column.name)) for column in numbers},
            shares={column.name: _shares(rows.column(column.name), len(column.levels)) for column in categories},
            missing=dict(zip(rows.positions, unknown.tolist(), strict=True)),
            logits=tuple(np.quantile(logits, FINE_QUANTILE_STEPS).tolist()) if len(logits) else (),
            peers=PeerGroups.of(rows),
        )

    def percentile(self, logits: Floats) -> npt.NDArray[np.int64]:
        """Return how many in a hundred of the population have a lower score."""
        if not self.logits:
            return np.zeros(len(logits), dtype=np.int64)
        below = np.searchsorted(np.asarray(self.logits), logits, side="left")
        return np.minimum(below * 100 // len(self.logits), 99).astype(np.int64)

    def typical_value(self, column: FeatureColumn) -> float | str | None:
        """Return the median of a number, or the most frequent value of a category."""
        if column.is_category:
            shares = self.shares.get(column.name, ())
            return column.levels[int(np.argmax(shares))] if shares else None
        return self._medians.get(column.name)

    def median_and_mean(self, column: FeatureColumn) -> tuple[float, float]:
        """Return a number's median and mean, nan where it was never known or is a category."""
        values = self.quantiles.get(column.name) or (np.nan,)
        return values[len(values) // 2], float(np.mean(values))

    def bounds(self, columns: Sequence[FeatureColumn], margin: float = 0.25) -> tuple[Floats, Floats]:
        """Return each column's training range, wider at both ends by a share of its width; infinite for categories."""
        known = [self.quantiles.get(column.name) or (-np.inf, np.inf) for column in columns]
        edges = np.array([(values[0], values[-1]) for values in known]).reshape(-1, 2)
        spread = np.where(np.isfinite(edges[:, 0]), edges[:, 1] - edges[:, 0], 0.0) * margin
        return edges[:, 0] - spread, edges[:, 1] + spread

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ReferencePopulation":
        """Load what ``to_dict`` returned."""
        values, peers = frozen(stored), stored.get("peers")
        return cls(**values | {"peers": PeerGroups.from_dict(peers) if peers else None})

    @cached_property
    def _medians(self) -> dict[str, float]:
        return {name: values[len(values) // 2] for name, values in self.quantiles.items() if values}


def _quantiles(values: Floats) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    return tuple(np.quantile(known, QUANTILE_STEPS).tolist()) if len(known) else ()


def _shares(codes: Floats, levels: int) -> tuple[float, ...]:
    known = codes[~np.isnan(codes)].astype(np.int64)
    counts = np.bincount(known, minlength=levels)[:levels]
    return tuple((counts / max(len(codes), 1)).tolist())
