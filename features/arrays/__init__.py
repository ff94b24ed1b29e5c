"""The plan run on arrays, for histories so small that a database would cost more than the work."""

from features.arrays.engine import ArrayPlan, small_snapshot

__all__ = ["ArrayPlan", "small_snapshot"]
