"""Open deals as a board by stage: amount, C139 score, next step, and which deals have stalled."""

from collections.abc import Mapping

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext

_STAGES = ("qualify", "propose", "negotiate")
_SHOWN = 300


def show(page: PageContext) -> Response:
    """Show the open deals of the viewer's scope."""
    found = page.application.insights.deals(page.viewer, {}, limit=_SHOWN, language=page.language)
    deals = found["deals"]
    page.record_view([str(deal["customer_id"]) for deal in deals])
    stages = sorted({str(deal.get("stage") or "") for deal in deals}, key=_rank)
    return page.render(
        "deals.html",
        found=found,
        columns=[(stage, [deal for deal in deals if str(deal.get("stage") or "") == stage]) for stage in stages],
        stalled=[deal for deal in deals if _is_stalled(deal)],
    )


def _is_stalled(deal: Mapping[str, object]) -> bool:
    return bool(deal.get("stalled") or deal.get("blockers"))


def _rank(stage: str) -> tuple[int, str]:
    return (_STAGES.index(stage) if stage in _STAGES else len(_STAGES), stage)
