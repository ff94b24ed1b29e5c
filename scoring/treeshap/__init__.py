"""Exact TreeSHAP as table look-ups: the same numbers as LightGBM's ``pred_contrib``, several times faster."""

from rapport.scoring.treeshap.kernel import Kernel, kernel_of
from rapport.scoring.treeshap.text import feature_names

__all__ = ["Kernel", "feature_names", "kernel_of"]
