"""Exact TreeSHAP as table look-ups: the same numbers as LightGBM's ``pred_contrib``, several times faster."""

from scoring.treeshap.kernel import Kernel, kernel_of
from scoring.treeshap.text import feature_names

__all__ = ["Kernel", "feature_names", "kernel_of"]
