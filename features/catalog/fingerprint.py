"""The text of a measure from which catalog fingerprints are computed; stored in bundles, so it must not change."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

STORED_NAMES = {"WindowAggregate": "Leaf", "PartialAggregate": "Partial", "Constant": "Number", "Coalesce": "Either"}
"""The names of the fingerprint format for classes that have another name in code."""


def declaration(value: object) -> str:
    """Return a measure as text: class names and fields, as in the format of stored fingerprints."""
    if not is_dataclass(value):
        return repr(value)
    name = type(value).__name__
    parts = ", ".join(f"{field.name}={declaration(getattr(value, field.name))}" for field in fields(value))
    return f"{STORED_NAMES.get(name, name)}({parts})"
