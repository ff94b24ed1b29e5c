"""LightGBM trees, averaged in log-odds and explained by exact TreeSHAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rapport.scoring.models.lightgbm_loader import load_booster
from rapport.scoring.models.matrix import ColumnIndex, Floats, Matrix
from rapport.scoring.models.members.member import Contributions
from rapport.scoring.models.treeshap import LookupTreeShap, feature_names, lookup_tree_shap

if TYPE_CHECKING:
    from lightgbm import Booster

KIND = "trees"


@dataclass(frozen=True)
class TreesMember:
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
        """Return the parsed boosters; LightGBM is imported only when they are needed."""
        return tuple(load_booster(text, self.name) for text in self.boosters)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Return the features that the boosters read, in their order."""
        return feature_names(self.boosters[0])

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the average log-odds of each row, split into exact Shapley values by feature."""
        shares, _ = self._shares(rows)
        columns = self._columns.within(rows)
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_feature[:, columns] = shares - self._centres
        return Contributions(self.expected, by_feature, {})

    def centred_on(self, rows: Matrix) -> TreesMember:
        """Return the same trees with their contributions centred on ``rows``."""
        shares, base = self._shares(rows)
        means = shares.mean(axis=0)
        centre = dict(zip(self.features, means.tolist(), strict=True))
        # The boosters' own expected value is that of the training rows; the reference population may differ.
        centred = replace(self, expected=float(base + np.add.accumulate(means)[-1]), centre=centre)
        # The same boosters have the same tables, which take a second to make.
        vars(centred)["_lookup"] = self._lookup
        return centred

    def disagreement(self, rows: Matrix) -> float:
        """Return the largest difference between the Shapley values in use and LightGBM's own."""
        used, native = self._shares(rows), self._native_shares(self._values(rows))
        return max(float(np.abs(used[0] - native[0]).max(initial=0.0)), abs(used[1] - native[1]))

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON; the boosters are files."""
        return {
            "kind": KIND,
            "name": self.name,
            "boosters": list(self.files()),
            "expected": self.expected,
            "centre": dict(self.centre),
        }

    def files(self) -> dict[str, str]:
        """Return the boosters' texts by file name."""
        return {f"{self.name}-{position}.lgb.txt": text for position, text in enumerate(self.boosters)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> TreesMember:
        """Load what ``to_dict`` and ``files`` returned."""
        texts = tuple(files[name] for name in stored["boosters"])
        return cls(stored["name"], texts, stored["expected"], stored["centre"])

    @cached_property
    def _centres(self) -> Floats:
        return np.array([self.centre.get(name, 0.0) for name in self.features])

    @cached_property
    def _columns(self) -> ColumnIndex:
        return ColumnIndex(self.features)

    @cached_property
    def _lookup(self) -> LookupTreeShap | None:
        return lookup_tree_shap(self.boosters, len(self.features))

    def _shares(self, rows: Matrix) -> tuple[Floats, float]:
        """Return each feature's Shapley value, averaged over boosters, and the boosters' expected value."""
        values = self._values(rows)
        if self._lookup is not None:
            return self._lookup.shares(values), self._lookup.expected
        return self._native_shares(values)

    def _values(self, rows: Matrix) -> Floats:
        return np.ascontiguousarray(rows.values[:, self._columns.within(rows)])

    def _native_shares(self, values: Floats) -> tuple[Floats, float]:
        """Return the same from LightGBM itself, for boosters that the lookup tables do not cover."""
        count = len(values)
        if not len(values):
            values = np.full((1, len(self.features)), np.nan)
        total = sum(np.asarray(booster.predict(values, pred_contrib=True, num_threads=1)) for booster in self.loaded)
        mean: Floats = np.asarray(total) / len(self.loaded)
        return mean[:count, :-1], float(mean[0, -1])
