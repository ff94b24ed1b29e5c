"""The page ``docs/features.md``, made from the catalog itself."""

from __future__ import annotations

from rapport.features.catalog import Catalog, Vocabulary, catalog
from rapport.features.feature import FAMILIES, Feature
from rapport.features.streams import STREAM

_INTRODUCTION = """# Features

What Rapport knows about a customer at a cutoff: {count} numbers in {families} families, in the order in which a model
reads them. A company's own words add more: each further action of its touches and channel of its interactions, and
each attribute that `fixed_attributes` in `rapport.toml` names (here `industry`). The customer tree (`kin_…`,
`parent_active`) is told only where `parent_id` is among them, and of relatives that are in the same history or request.

* Windows are half-open: *the last 30 days* are `[cutoff − 30 days, cutoff)`. Days are whole days, counted back from
  the cutoff, whatever its time of day.
* A row counts if it happened and was recorded before the cutoff; a fact that comes later than its row (paid, closed,
  resolved) counts from its own time on.
* *If nothing happened* is the value for a customer without any event; – is unknown. Where a company does not keep a
  table, all features read from it are unknown, which is not the same as 0.
* *Churn* and *buying* are the expected directions: ↑ a larger value raises the chance of leaving, or of a lead's first
  order; ↓ lowers it. They become constraints of the model. ✎ marks what the company itself can change, ✉ our own
  activity, which is never shown as lowering a risk.
"""
_ARROWS = {-1: "↓", 0: "", 1: "↑"}


def features_page(features: Catalog | None = None) -> str:
    """Return the page as Markdown."""
    features = features or catalog(Vocabulary(attributes=("industry", "parent_id")))
    present = [family for family in FAMILIES if any(each.family == family for each in features.features)]
    parts = [_INTRODUCTION.format(count=len(features.features), families=len(present))]
    for family in present:
        rows = [_row(each) for each in features.features if each.family == family]
        head = "| feature | unit | meaning | 含义 | read from | churn | buying | if nothing happened |"
        parts += ["\n".join([f"## {family.capitalize()}", "", head, "| --- " * 8 + "|", *rows, ""])]
    return "\n".join(parts)


def _row(feature: Feature) -> str:
    tables = sorted({table for stream in feature.streams for table in STREAM[stream].tables}) or ["customers"]
    marks = " ✎" * feature.actionable + " ✉" * feature.outbound
    nothing = "–" if feature.if_no_events is None else f"{feature.if_no_events:g}"
    cells = (
        f"`{feature.name}`{marks}",
        feature.unit.replace("_", " "),
        feature.meaning.en,
        feature.meaning.zh,
        ", ".join(tables),
        _ARROWS[feature.direction],
        _ARROWS[feature.buying],
        nothing,
    )
    return f"| {' | '.join(cells)} |"
