"""Reads each kind of expert back from the bundle's JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from rapport.scoring.experts import Expert
from rapport.scoring.experts.card import CardExpert
from rapport.scoring.experts.linear import Linear
from rapport.scoring.experts.rhythm import Rhythm
from rapport.scoring.experts.trees import Trees

from rapport.errors import BundleError


def expert_of(stored: Mapping[str, Any], files: Mapping[str, str]) -> Expert:
    """Give the expert that ``to_dict`` and ``files`` described."""
    readers: dict[str, Callable[[], Expert]] = {
        "trees": lambda: Trees.from_dict(stored, files),
        "linear": lambda: Linear.from_dict(stored),
        "rhythm": lambda: Rhythm.from_dict(stored),
        "card": lambda: CardExpert.from_dict(stored),
    }
    if stored["kind"] not in readers:
        raise BundleError(f"the bundle has a part of the kind '{stored['kind']}', which this program does not know.")
    return readers[stored["kind"]]()
