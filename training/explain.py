"""Explanations of a bundle for the plots of the library shap: of the blend that is served, not of one of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rapport.frames import as_table
from rapport.scoring import Bundle
from rapport.scoring.models.blend import weighted_contributions
from rapport.scoring.models.matrix import Floats, Matrix

if TYPE_CHECKING:
    import shap


def explain(bundle: Bundle, frame: object, *, families: bool = False) -> shap.Explanation:
    """Return the blend's log-odds of each row, split by feature: ``base_values + values.sum(1)`` is the served logit.

    ``frame`` is a table of features from pandas, Polars or Arrow, such as ``rapport.features.snapshot`` returns. What a
    member says about a family as a whole (the order rhythm) is a column of its own. With ``families``, the values of
    each family are added up, as in the answers. A logit beyond the served limit (13) is not cut here.
    """
    import shap  # noqa: PLC0415  # slow to import, and only needed here

    rows = Matrix.of(as_table(frame), bundle.columns)
    contributions = {member.name: member.contributions(rows) for member in bundle.members}
    weighted = weighted_contributions(bundle.blend, contributions, rows.values.shape)
    names = [column.name for column in bundle.columns]
    values, data = weighted.by_feature, rows.values
    if weighted.by_family:
        parts = np.column_stack(list(weighted.by_family.values()))
        names = [*names, *(f"{family} (as a whole)" for family in weighted.by_family)]
        values, data = np.hstack([values, parts]), np.hstack([data, np.full(parts.shape, np.nan)])
    if families:
        own = [*(column.family for column in bundle.columns), *weighted.by_family]
        names = list(dict.fromkeys(own))
        values, data = _added(values, own, names), np.full((len(rows), len(names)), np.nan)
    base = np.full(len(rows), weighted.base)
    return shap.Explanation(values=values, base_values=base, data=data, feature_names=names)


def _added(values: Floats, own: list[str], names: list[str]) -> Floats:
    added = np.zeros((len(values), len(names)))
    for position, family in enumerate(own):
        added[:, names.index(family)] += values[:, position]
    return added
