"""Former names in stored bundles: what training recorded under older names is read under the current ones."""

from collections.abc import Mapping
from typing import Any

EVALUATION_NAMES: Mapping[str, str] = {
    "votes": "weights",
    "guards": "data_checks",
    "data_checks.doubled": "duplicates",
    "size.rarer_outcome": "minority_count",
    "level.since": "observed",
    "card.tiers.said": "predicted",
    "spend.mean_came": "mean_observed",
}
"""Dotted path of a former name in ``evaluation`` (after the renames above it) and its current name."""

_PARAMS: Mapping[str, str] = {
    "leaves": "num_leaves",
    "rounds": "n_estimators",
    "rate": "learning_rate",
    "ridge": "reg_lambda",
    "columns": "feature_fraction",
    "rows": "bagging_fraction",
    "leaf_share": "min_leaf_share",
}
PROVENANCE_NAMES: Mapping[str, str] = {
    "shapes": "gbm_params",
    "gbm_params.newest": "recent",
    "gbm_params.many": "historical",
    **{f"gbm_params.recent.{former}": current for former, current in _PARAMS.items()},
    **{f"gbm_params.historical.{former}": current for former, current in _PARAMS.items()},
}
"""The same for the record of how the model was trained."""


def with_current_names(stored: Mapping[str, object]) -> dict[str, Any]:
    """Return the content of a ``bundle.json`` with the current names in its evaluation and its record."""
    sections = {"evaluation": EVALUATION_NAMES, "record": PROVENANCE_NAMES}
    renamed = {name: _all_renamed(stored[name], names) for name, names in sections.items() if name in stored}
    return {**stored, **renamed}


def _all_renamed(section: object, names: Mapping[str, str]) -> object:
    for path, current in names.items():
        section = _renamed(section, path.split("."), current)
    return section


def _renamed(value: object, path: list[str], current: str) -> object:
    if isinstance(value, list):
        return [_renamed(each, path, current) for each in value]
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    if len(path) == 1:
        return {current if name == path[0] else name: each for name, each in value.items()}
    return {name: _renamed(each, path[1:], current) if name == path[0] else each for name, each in value.items()}
