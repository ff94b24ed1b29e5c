"""The report of one training run: a page that works offline, its pictures inside, and the same as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapport.scoring import Bundle
from rapport.scoring.experts.card import CardExpert
from rapport.training.pages import Say, money, page, speaker
from rapport.training.plots import Drawing
from rapport.training.recipe import Trained
from rapport.training.summary import SHOWN


def write_report(trained: Trained, folder: Path, language: str) -> Path:
    """Write report.html, evaluation.json and record.json."""
    for name, content in (("evaluation", trained.bundle.evaluation), ("record", trained.bundle.record)):
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, "utf-8")
    path = folder / "report.html"
    path.write_text(report_page(trained, language), "utf-8")
    return path


def report_page(trained: Trained, language: str) -> str:
    """Give the page, in English or Chinese."""
    bundle, made, say = trained.bundle, trained.made, speaker(language)
    evaluation, draw = bundle.evaluation, Drawing(language)
    return page(
        "report.html",
        language,
        bundle=bundle,
        evaluation=evaluation,
        record=bundle.record,
        names=SHOWN,
        curves=draw.curves(made.assessment) if len(made.assessment.label) else {},
        levels=draw.levels(evaluation["level"]),
        level_parts=_level_parts(evaluation["level"], say),
        swarm=draw.swarm(bundle, made.now),
        money=money(bundle.currency, language),
        profit_curve=draw.profit(evaluation["profit"]) if evaluation.get("profit") else "",
        audit=evaluation.get("card"),
        tiers=_tiers(bundle, language),
        features={column.name: _short(column.meaning(language)) for column in bundle.columns},
        facts=_facts(bundle.record),
    )


def _level_parts(level: Mapping[str, Any], say: Say) -> str:
    told = {name: level[name] for name in ("season", "since", "recent", "mean") if level[name] is not None}
    weight = f"{level['season_weight']:.2f}"
    parts = (say(f"level.{name}", shift=f"{shift:+.2f}", weight=weight) for name, shift in told.items())
    return say("level.comma").join(parts)


def _tiers(bundle: Bundle, language: str) -> dict[str, str]:
    card = next((expert.card for expert in bundle.experts if isinstance(expert, CardExpert)), None)
    return {tier.name: getattr(tier.label, language) for tier in card.tiers} if card else {}


def _short(meaning: str) -> str:
    return meaning.rstrip(".。")


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return {
        "data_fingerprint": record["data_fingerprint"],
        "catalog_fingerprint": record["catalog_fingerprint"],
        "python": record["python"],
        "libraries": versions,
        "tables": ", ".join(f"{name} {count:,}" for name, count in record["tables"].items()),
    }
