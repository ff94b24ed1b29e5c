"""The report of one training run: a page that works offline, its pictures inside, and the same as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape

from training.assembly import Made
from training.plots import curves, levels, profit_curve, swarm
from training.recipe import Trained
from training.summary import SHOWN


def write_report(trained: Trained, folder: Path) -> Path:
    """Write report.html, evaluation.json and record.json."""
    for name, content in (("evaluation", trained.bundle.evaluation), ("record", trained.bundle.record)):
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, "utf-8")
    page = folder / "report.html"
    page.write_text(report_page(trained), "utf-8")
    return page


def report_page(trained: Trained) -> str:
    """Give the page."""
    bundle, made = trained.bundle, trained.made
    environment = Environment(loader=PackageLoader("training", "."), autoescape=select_autoescape())
    evaluation = bundle.evaluation
    return environment.get_template("report.html").render(
        bundle=bundle,
        evaluation=evaluation,
        record=bundle.record,
        names=SHOWN,
        curves=curves(made.assessment) if len(made.assessment.label) else {},
        levels=levels(evaluation["level"]),
        swarm=swarm(bundle, made.now),
        profit=profit_curve(evaluation["profit"]) if evaluation.get("profit") else "",
        audit=_card_audit(made),
        facts=_facts(bundle.record),
    )


def _card_audit(made: Made) -> dict[str, Any]:
    """Return the outcome's rate in each tier of the card, on the newest later slice."""
    expert = next((expert for expert in made.committee.experts if expert.is_card), None)
    if expert is None or not made.trial.judged:
        return {}
    part = made.trial.judged[0]
    scores = expert.scores(part.rows.matrix)  # type: ignore[attr-defined]  # the one expert that is a card
    tier = np.array([each or "unknown" for each in scores.tier], dtype=object)
    said = made.assessment.said["blend"][: len(tier)]
    names = [*(each.name for each in scores.card.tiers), "unknown"]
    return {
        "card": scores.card.reference,
        "tiers": [
            {
                "tier": name,
                "count": int((tier == name).sum()),
                "rate": float(part.rows.label[tier == name].mean()),
                "said": float(said[tier == name].mean()),
            }
            for name in names
            if (tier == name).any()
        ],
    }


def _facts(record: Any) -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return {
        "data fingerprint": record["data_fingerprint"],
        "catalog fingerprint": record["catalog_fingerprint"],
        "python": record["python"],
        "libraries": versions,
        "tables": ", ".join(f"{name} {count:,}" for name, count in record["tables"].items()),
    }
