"""A frozen dataclass as JSON and back: ``asdict`` writes tuples as lists, ``frozen`` reads lists as tuples."""

from typing import Any


def frozen(value: Any) -> Any:
    """Return a value of JSON with a tuple in place of every list, at any depth."""
    if isinstance(value, dict):
        return {name: frozen(each) for name, each in value.items()}
    return tuple(frozen(each) for each in value) if isinstance(value, list | tuple) else value
