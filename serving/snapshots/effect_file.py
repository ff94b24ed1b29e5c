"""The last measured effect of contact: the service shows it, and scoring runs use it once it is proven."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rapport.files import read_json, replace_text
from rapport.history.settings import Settings
from rapport.scoring.experiments.uplift import UpliftModel, UpliftReport
from rapport.serving.errors import message
from rapport.serving.shapes.feed_answers import EffectReport, Uplift

EFFECT_FILE, UPLIFT_FILE = "effect.json", "uplift.json"


@dataclass(frozen=True)
class ProvenEffect:
    """What an experiment has proved: the chance that a contact helps, at its best, and a model of it by customer."""

    contact_effect: float | None = None
    uplift: UpliftModel | None = None


def read_effect(data_dir: Path) -> EffectReport | None:
    """Return the last report; None before the first."""
    return cast("EffectReport | None", read_json(data_dir / EFFECT_FILE))


def proven_effect(data_dir: Path) -> ProvenEffect:
    """Return what the last report has proved; nothing before the first."""
    report, uplift = read_effect(data_dir), read_json(data_dir / UPLIFT_FILE)
    proven = report.get("contact_effect") if report else None
    return ProvenEffect(float(proven) if proven else None, UpliftModel.from_dict(uplift) if uplift else None)


def write_uplift(data_dir: Path, model: UpliftModel | None) -> None:
    """Keep the uplift model for the next scoring runs; None removes an earlier one."""
    if model is None:
        (data_dir / UPLIFT_FILE).unlink(missing_ok=True)
    else:
        replace_text(data_dir / UPLIFT_FILE, json.dumps(model.to_dict()))


def nothing_measured(settings: Settings) -> EffectReport:
    """Return the report before the first measurement."""
    return {
        "seed": settings.holdout_seed, "share": settings.holdout_share, "as_of": "", "drawn": 0, "matured": 0,
        "early_outcome": settings.early_outcome, "bound": "", "contacted_share": None, "contaminated_share": None,
        "primary": None, "cells": [], "spend_per_customer": {}, "verdict": "not_proven", "contact_effect": None,
        "summary": message("effect_not_measured").to_dict(), "assumed_contact_effect": settings.contact_effect,
        "uplift": uplift_fields(UpliftReport("not_enough_data", 0)),
    }  # fmt: skip


def uplift_fields(report: UpliftReport) -> Uplift:
    """Return how an uplift model ranks, with the sentence on it in both languages."""
    return {
        "verdict": report.verdict,
        "customers": report.customers,
        "qini": report.qini,
        "qini_score": report.qini_score,
        "difference": report.difference,
        "anytime_low": report.anytime_low,
        "anytime_high": report.anytime_high,
        "fifths": list(report.fifths),
        "summary": message(f"uplift_{report.verdict}", **vars(report)).to_dict(),
    }
