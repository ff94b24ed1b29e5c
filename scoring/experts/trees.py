"""LightGBM trees, averaged in log-odds and read by exact TreeSHAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rapport.scoring.experts import Reading
from rapport.scoring.lightgbm_text import booster_of
from rapport.scoring.matrix import Floats, Matrix, Places
from rapport.scoring.treeshap import Kernel, feature_names, kernel_of

if TYPE_CHECKING:
    from lightgbm import Booster

KIND = "trees"


@dataclass(frozen=True)
class Trees:
    """One or more boosters as text; their log-odds are averaged.

    Parameters
    ----------
    boosters : the text of ``Booster.model_to_string``; features by name, a subset of the bundle's will do.
    expected : the mean log-odds, and ``centre`` the mean contribution of each feature, on the reference population.
    """

    name: str
    boosters: tuple[str, ...]
    expected: float = 0.0
    centre: Mapping[str, float] = field(default_factory=dict)

    is_card = False

    @cached_property
    def loaded(self) -> tuple[Booster, ...]:
        """Parse the boosters; done once, when LightGBM itself is asked."""
        return tuple(booster_of(text, self.name) for text in self.boosters)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Name the features that the boosters read, in their order."""
        return feature_names(self.boosters[0])

    def read(self, rows: Matrix) -> Reading:
        """Say the average log-odds and each feature's exact Shapley share of it."""
        shares, _ = self._shares(rows)
        places = self._places.within(rows)
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_feature[:, places] = shares - self._centres
        return Reading(self.expected, by_feature, {})

    def centred_on(self, rows: Matrix) -> Trees:
        """Give the same trees with their evidence centred on ``rows``."""
        shares, base = self._shares(rows)
        means = shares.mean(axis=0)
        centre = dict(zip(self.features, means.tolist(), strict=True))
        # The expected value that the boosters carry is the training rows'; the reference may be others.
        return replace(self, expected=float(base + np.add.accumulate(means)[-1]), centre=centre)

    @property
    def by_tables(self) -> bool:
        """Tell whether the tables cover these boosters, so that LightGBM need not be asked."""
        return self._kernel is not None

    def disagreement(self, rows: Matrix) -> float:
        """Give the largest difference between the shares that are used and LightGBM's own."""
        used, asked = self._shares(rows), self._asked(np.ascontiguousarray(rows.values[:, self._places.within(rows)]))
        return max(float(np.abs(used[0] - asked[0]).max(initial=0.0)), abs(used[1] - asked[1]))

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold; the boosters are files."""
        return {
            "kind": KIND,
            "name": self.name,
            "boosters": list(self.files()),
            "expected": self.expected,
            "centre": dict(self.centre),
        }

    def files(self) -> dict[str, str]:
        """Give the boosters' texts by file name."""
        return {f"{self.name}-{place}.lgb.txt": text for place, text in enumerate(self.boosters)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> Trees:
        """Read what ``to_dict`` and ``files`` wrote."""
        texts = tuple(files[name] for name in stored["boosters"])
        return cls(stored["name"], texts, stored["expected"], stored["centre"])

    @cached_property
    def _centres(self) -> Floats:
        return np.array([self.centre.get(name, 0.0) for name in self.features])

    @cached_property
    def _places(self) -> Places:
        return Places(self.features)

    @cached_property
    def _kernel(self) -> Kernel | None:
        return kernel_of(self.boosters, len(self.features))

    def _shares(self, rows: Matrix) -> tuple[Floats, float]:
        """Give the mean contribution of each feature, and the boosters' own expected value."""
        given = np.ascontiguousarray(rows.values[:, self._places.within(rows)])
        if self._kernel is not None:
            return self._kernel.shares(given), self._kernel.expected
        return self._asked(given)

    def _asked(self, given: Floats) -> tuple[Floats, float]:
        """Ask LightGBM itself, for the boosters that the tables do not cover."""
        count = len(given)
        if not len(given):
            given = np.full((1, len(self.features)), np.nan)
        total = 0.0
        for booster in self.loaded:
            total = total + booster.predict(given, pred_contrib=True, num_threads=1)
        mean: Floats = np.asarray(total) / len(self.loaded)
        return mean[:count, :-1], float(mean[0, -1])
