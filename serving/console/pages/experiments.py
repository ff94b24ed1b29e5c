"""What contact did: contacted customers beside those held out at random, by the numbers of `rapport effect`."""

from collections.abc import Sequence

from starlette.responses import Response

from rapport.localized import LocalizedText, localize
from rapport.serving.console.charts import Axis
from rapport.serving.console.page_context import PageContext
from rapport.serving.shapes.feed_answers import EffectCell

_WIDTH = 220
_LABELS = {"segment": "segment", "band": "tier"}
"""Kind of the label of a cell's value, by what the cells are cut by; an action has the name of its reason's family."""


def show(page: PageContext) -> Response:
    """Show the last measured effect; before the first measurement, what to do."""
    report = page.application.effect()
    # A report of an earlier version, or none yet, has no uplift model.
    uplift = report.get("uplift")
    cells = [cell for cell in (report["primary"], *report["cells"]) if cell]
    return page.render(
        "experiments.html",
        report=report,
        primary=report["primary"],
        summary=localize(LocalizedText.from_dict(report["summary"]), page.language),
        cells=[{**cell, "label": _label(page, cell["cell"])} for cell in cells],
        axis=_axis(cells),
        uplift=localize(LocalizedText.from_dict(uplift["summary"]), page.language) if uplift else "",
        fifths=uplift["fifths"] if uplift else (),
        harmful=[_label(page, cell["cell"]) for cell in cells if cell["verdict"] == "harms"],
    )


def _label(page: PageContext, cell: str) -> str:
    """Return the name of a cell: all customers, or what it is cut by and the value."""
    cut, _, value = cell.partition(": ")
    if not value:
        return page.translate("experiments.all")
    kind = "next_action" if page.translate.has(f"next_action.{value}") else _LABELS.get(cut, "family")
    return page.translate("experiments.cell", cut=page.translate(f"experiments.{cut}"), value=page.label(kind, value))


def _axis(cells: Sequence[EffectCell]) -> Axis | None:
    """Return the shared scale of all intervals, with 0 on it."""
    edges = [0.0, *(edge for cell in cells for edge in (cell["anytime_low"], cell["anytime_high"]))]
    return Axis(max(min(edges), -1.0), min(max(edges), 1.0), _WIDTH) if cells else None
