"""The plan run on arrays: for a chunk of a big history, and for a small one without any database."""

from rapport.features.arrays.engine import ArrayPlan, small_snapshot

__all__ = ["ArrayPlan", "small_snapshot"]
