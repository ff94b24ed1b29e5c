"""YAML files of the package: read by the C library where it is there, which takes a tenth of the time."""

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_shipped(text: str) -> Any:
    """Return what a YAML file of the package holds; files of users are read by ``scoring.cards.strict_yaml``."""
    return yaml.load(text, Loader=_LOADER)
