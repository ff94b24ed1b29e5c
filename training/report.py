"""The report of one training run: a page that works offline, its pictures inside, and the same as JSON."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

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
        audit=evaluation.get("card"),
        facts=_facts(bundle.record),
    )


def _facts(record: Any) -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return {
        "data fingerprint": record["data_fingerprint"],
        "catalog fingerprint": record["catalog_fingerprint"],
        "python": record["python"],
        "libraries": versions,
        "tables": ", ".join(f"{name} {count:,}" for name, count in record["tables"].items()),
    }
