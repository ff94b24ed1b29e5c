"""Sales: the nested stages of leads with their bottleneck, the return on campaigns, the sales cycle, attribution."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext

_FUNNEL_STAGES = ("leads", "touched", "opportunity", "won")
_ATTRIBUTION_MODELS = ("first", "last", "linear", "u_shape", "removal")
_ANALYSES = ("lead_stages", "channel_roi", "sales_cycle")
_ROI_ROWS = 15


def show(page: PageContext) -> Response:
    """Show how leads become customers; the figures cover the whole company."""
    if page.viewer.owners is not None:
        return page.render("sales.html", whole_company=False)
    views = page.application.population_tables()
    found = {name: page.application.insights.analysis(page.viewer, name)["rows"] for name in _ANALYSES}
    stages = found["lead_stages"]
    return page.render(
        "sales.html",
        whole_company=True,
        stages=stages,
        bottleneck=_bottleneck(stages),
        returns=by_dimension(found["channel_roi"], _ROI_ROWS),
        cycle=by_dimension(found["sales_cycle"]),
        funnel=_funnel(views.get("funnel") or []),
        funnel_stages=_FUNNEL_STAGES,
        attribution=views.get("attribution") or [],
        attribution_models=_ATTRIBUTION_MODELS,
    )


def by_dimension(rows: list[dict[str, object]], most: int | None = None) -> dict[str, list[dict[str, object]]]:
    """Group the rows of an analysis by what they count."""
    found: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        found.setdefault(str(row["dimension"]), []).append(row)
    return {name: group[:most] for name, group in found.items()}


def _bottleneck(stages: list[dict[str, object]]) -> dict[str, object] | None:
    """Return the stage that loses most, with the name of the stage before it."""
    for before, stage in pairwise(stages):
        if stage["bottleneck"]:
            return {**stage, "before": before["stage"]}
    return None


def _funnel(rows: list[Mapping[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {by: _funnel_by(rows, by) for by in ("grade", "source")} if rows else {}


def _funnel_by(rows: list[Mapping[str, Any]], by: str) -> list[dict[str, object]]:
    summed: list[dict[str, Any]] = []
    for name in sorted({str(row.get(by) or "") for row in rows}):
        group = [row for row in rows if str(row.get(by) or "") == name]
        sums = {stage: sum(row.get(stage) or 0 for row in group) for stage in _FUNNEL_STAGES}
        summed.append({"name": name, **sums, "rate": sums["won"] / sums["leads"] if sums["leads"] else None})
    return summed
