"""Boosters by LightGBM itself, which is imported when one is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rapport.errors import BundleError

if TYPE_CHECKING:
    from lightgbm import Booster


def booster_of(text: str, name: str) -> Booster:
    """Parse the text of ``Booster.model_to_string``."""
    # LightGBM brings scikit-learn along where it is installed: two seconds, and most bundles never ask it.
    lightgbm = importlib.import_module("lightgbm")
    try:
        booster: Booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise BundleError(f"the trees of '{name}' cannot be read ({error}). Publish the bundle again.") from error
    return booster
