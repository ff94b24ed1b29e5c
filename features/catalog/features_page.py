"""The page ``docs/features.md``, generated from the catalog."""

from __future__ import annotations

from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.catalog.feature import FAMILIES, Feature
from rapport.features.catalog.vocabulary import Vocabulary
from rapport.features.streams import STREAM_BY_NAME

_INTRODUCTION = """# Features

The {count} features of a customer at a cutoff, in {families} families, in the order in which a model reads them. A
company's own vocabulary adds more: each further action of its touches and channel of its interactions, and each
attribute listed in `fixed_attributes` in `rapport.toml` (here `industry`); the source of a customer needs no listing,
because it never changes. Categories keep their most frequent values; all others count as one. The features of relatives
(`kin_…`, `parent_active`) exist only if `parent_id` is listed too, and cover relatives in the same history or request.

* Windows are half-open: *the last 30 days* are `[cutoff − 30 days, cutoff)`. Days are whole days, counted back from
  the cutoff at its own time of day.
* A row counts if it happened and was recorded before the cutoff; a fact later than its row (paid, closed, resolved)
  counts from its own time on.
* *If nothing happened* is the value for a customer without any event; – is unknown. If a company does not keep a
  table, all features of that table are unknown, which is not the same as 0.
* *Churn* and *conversion* are the expected directions: ↑ a larger value raises the churn probability, or a lead's
  conversion probability; ↓ lowers it. They become monotone constraints of the model. ✎ marks what the company can
  change itself, ✉ its own activity, which is never shown as lowering a risk.
"""
_ARROWS = {-1: "↓", 0: "", 1: "↑"}


def features_page(features: Catalog | None = None) -> str:
    """Return the page as Markdown."""
    features = features or catalog(Vocabulary(attributes=("industry", "parent_id")))
    present = [family for family in FAMILIES if any(each.family == family for each in features.features)]
    parts = [_INTRODUCTION.format(count=len(features.features), families=len(present))]
    for family in present:
        rows = [_row(each) for each in features.features if each.family == family]
        head = "| feature | unit | meaning | 含义 | read from | churn | conversion | if nothing happened |"
        parts += ["\n".join([f"## {family.capitalize()}", "", head, "| --- " * 8 + "|", *rows, ""])]
    return "\n".join(parts)


def _row(feature: Feature) -> str:
    nothing_else = ["touches" if feature.touch else "customers"]
    tables = sorted({table for stream in feature.streams for table in STREAM_BY_NAME[stream].tables}) or nothing_else
    marks = " ✎" * feature.actionable + " ✉" * feature.outbound
    nothing = "–" if feature.if_no_events is None else f"{feature.if_no_events:g}"
    cells = (
        f"`{feature.name}`{marks}",
        feature.unit.replace("_", " "),
        feature.meaning.en,
        feature.meaning.zh,
        ", ".join(tables),
        _ARROWS[feature.direction],
        _ARROWS[feature.conversion_direction],
        nothing,
    )
    return f"| {' | '.join(cells)} |"
