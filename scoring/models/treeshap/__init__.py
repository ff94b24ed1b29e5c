"""Exact TreeSHAP by table look-up: the same numbers as LightGBM's ``pred_contrib``, several times faster."""

from rapport.scoring.models.treeshap.booster_parser import feature_names
from rapport.scoring.models.treeshap.lookup import LookupTreeShap, lookup_tree_shap

__all__ = ["LookupTreeShap", "feature_names", "lookup_tree_shap"]
