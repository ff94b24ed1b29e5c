"""The report of a training run: a page that works offline, with its plots inside, and the same as JSON."""

import json
from pathlib import Path

from rapport.localized import localize
from rapport.scoring import Bundle
from rapport.scoring.models.evaluation_record import BaseRateRecord, ProvenanceRecord
from rapport.scoring.models.members.card import CardMember
from rapport.training.evaluation.summary import SHOWN
from rapport.training.messages import Translate, translator
from rapport.training.pipeline import TrainedModel
from rapport.training.reports.pages import money_formatter, render_page
from rapport.training.reports.plots import ReportPlots

FIGURES = "figures"


def write_report(trained: TrainedModel, folder: Path, language: str) -> Path:
    """Write report.html, evaluation.json, record.json, and the plots below ``figures``."""
    for name, content in (("evaluation", trained.bundle.evaluation), ("record", trained.bundle.provenance)):
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, "utf-8")
    path, plots = folder / "report.html", ReportPlots(language)
    path.write_text(render_report(trained, plots), "utf-8")
    (folder / FIGURES).mkdir()
    for name, picture in plots.drawn.items():
        (folder / FIGURES / f"{name}.png").write_bytes(picture)
    return path


def render_report(trained: TrainedModel, plots: ReportPlots) -> str:
    """Return the page, in the language of ``plots``."""
    language = plots.language
    bundle, run, translate = trained.bundle, trained.run, translator(language)
    evaluation = bundle.evaluation
    return render_page(
        "training_report.html",
        language,
        bundle=bundle,
        evaluation=evaluation,
        provenance=bundle.provenance,
        names=SHOWN,
        curves=plots.curves(run.evaluation) if len(run.evaluation.label) else {},
        base_rate_plot=plots.base_rate(evaluation["level"]),
        base_rate_parts=_base_rate_parts(evaluation["level"], translate),
        base_rate_error=_base_rate_error(evaluation["level"], translate),
        swarm=plots.swarm(bundle, run.current),
        money=money_formatter(bundle.currency, language),
        profit_curve=plots.profit(evaluation["profit"]) if evaluation.get("profit") else "",
        audit=evaluation.get("card"),
        tiers=_tiers(bundle, language),
        features={column.name: _without_full_stop(column.meaning(language)) for column in bundle.columns},
        facts=_facts(bundle.provenance),
    )


def _base_rate_parts(base_rate: BaseRateRecord, translate: Translate) -> str:
    shifts = {
        "mean": base_rate["mean"], "trend": base_rate["trend"], "season": base_rate["season"],
        "recent": base_rate["recent"],
    }  # fmt: skip
    parts = (translate(f"base_rate.{name}", shift=f"{shift:+.2f}") for name, shift in shifts.items())
    return translate("base_rate.comma").join(parts)


def _base_rate_error(base_rate: BaseRateRecord, translate: Translate) -> str:
    observed = base_rate["observed"]
    return translate(
        "base_rate.error",
        error=f"{base_rate['error']:.2f}",
        weight=f"{base_rate['plain_rate_weight']:.2f}",
        rule=f"{base_rate.get('fixed_mix_weight', 0.0):.2f}",
        observed="" if observed is None else translate("base_rate.observed", shift=f"{observed:+.2f}"),
    )


def _tiers(bundle: Bundle, language: str) -> dict[str, str]:
    card = next((member.card for member in bundle.members if isinstance(member, CardMember)), None)
    return {tier.name: localize(tier.label, language) for tier in card.tiers} if card else {}


def _without_full_stop(meaning: str) -> str:
    return meaning.rstrip(".。")


def _facts(provenance: ProvenanceRecord) -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    return {
        "data_fingerprint": provenance["data_fingerprint"],
        "catalog_fingerprint": provenance["catalog_fingerprint"],
        "python": provenance["python"],
        "libraries": versions,
        "tables": ", ".join(f"{name} {count:,}" for name, count in provenance["tables"].items()),
    }
