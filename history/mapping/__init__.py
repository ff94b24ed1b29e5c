"""Matching the table and column names of other systems with the contract."""

from rapport.history.mapping.proposal import propose_mapping

__all__ = ["propose_mapping"]
