"""The last measured effect of contact: the service shows it, and scoring runs use it once it is proven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rapport.history.settings import Settings

EFFECT_FILE = "effect.json"


def read_effect(data_dir: Path) -> dict[str, Any] | None:
    """Return the last report; None before the first."""
    try:
        found: dict[str, Any] = json.loads((data_dir / EFFECT_FILE).read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None


def proven_effect(data_dir: Path) -> float | None:
    """Return the proven chance that a contact helps, at its best as in the settings; None while nothing is proven."""
    found = read_effect(data_dir)
    proven = found.get("contact_effect") if found else None
    return float(proven) if proven else None


def nothing_measured(settings: Settings) -> dict[str, Any]:
    """Return the report before the first measurement."""
    return {
        "seed": settings.holdout_seed, "share": settings.holdout_share, "as_of": "", "drawn": 0, "matured": 0,
        "early_outcome": settings.early_outcome, "bound": "", "contacted_share": None, "contaminated_share": None,
        "primary": None, "cells": [], "spend_per_customer": {}, "verdict": "not_proven", "contact_effect": None,
        "summary": {
            "en": "Nothing is measured yet; run: rapport effect HISTORY.",
            "zh": "尚未测算，请运行 rapport effect HISTORY。",
        },
        "assumed_contact_effect": settings.contact_effect,
    }  # fmt: skip
