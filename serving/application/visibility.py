"""What a viewer with an owner sees of another owner's accounts beside a customer's own: nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_RELATED = ("parent_id", "referred_by")


def visible_profile(profile: Mapping[str, Any], sees: Callable[[str], bool]) -> dict[str, object]:
    """Return a customer's profile without the ids of related accounts that the viewer may not see.

    The account hierarchy in it is built for the viewer already.
    """
    customer = {
        name: None if name in _RELATED and value is not None and not sees(str(value)) else value
        for name, value in profile["customer"].items()
    }
    return {**profile, "customer": customer}
