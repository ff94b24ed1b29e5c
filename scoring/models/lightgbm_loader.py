"""Load LightGBM boosters; LightGBM is imported on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rapport.errors import BundleError

if TYPE_CHECKING:
    from lightgbm import Booster


def load_booster(text: str, name: str) -> Booster:
    """Parse the text of ``Booster.model_to_string``."""
    # LightGBM imports scikit-learn where it is installed, which takes two seconds, and most bundles never need it.
    lightgbm = importlib.import_module("lightgbm")
    try:
        booster: Booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise BundleError(f"the trees of '{name}' cannot be read ({error}). Publish the bundle again.") from error
    return booster
