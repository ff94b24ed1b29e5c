"""The whole book: where the risk is, how it moves, and what brings customers in and keeps them."""

from collections.abc import Iterable, Mapping
from typing import Any

from rapport.serving.console import portfolio
from rapport.serving.console.book import Book, Mask
from rapport.serving.console.visit import Visit
from rapport.serving.console.worklist import FILTERS, visible
from starlette.responses import Response

_SIDES = (("family",), ("segment", "region"), ("owner",))
_STAGES = ("leads", "touched", "opportunity", "won")
_ATTRIBUTIONS = ("first", "last", "linear", "u_shape", "removal")
_COHORT_QUARTERS = 9
_COHORTS = 12
_RISKS = 5


def show(visit: Visit) -> Response:
    """Show what the visible customers add up to."""
    book, views = visit.book, visit.desk.views()
    seen = visible(book, visit.viewer.owner)
    return visit.show(
        "portfolio.html",
        total=portfolio.total(book, seen),
        tiers=portfolio.tiers(book, seen),
        histogram=portfolio.histogram(book, seen),
        sides={by: portfolio.parts(book, seen, by) for stack in _SIDES for by in stack},
        stacks=_SIDES,
        filters=FILTERS,
        cells=portfolio.rfm_map(book, seen),
        movers={days: _movers(book, seen, days) for days in (7, 30)},
        company=visit.viewer.owner is None,
        views={
            "cohorts": (views.get("cohorts") or [])[-_COHORTS:],
            "attribution": views.get("attribution") or [],
        },
        cohort_width=_COHORT_QUARTERS,
        funnel=_funnel(views.get("funnel") or []),
        stages=_STAGES,
        attributions=_ATTRIBUTIONS,
        risk=_gravest([row for row in views.get("risk") or [] if visit.may_see(str(row["customer_id"]))]),
    )


def _movers(book: Book, seen: Mask, days: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    before, after = book.numbers(f"probability_{days}d"), book.numbers("probability")

    def drawn(rows: Iterable[int]) -> list[dict[str, Any]]:
        return [
            {
                "customer_id": book.text("customer_id", row),
                "name": book.text("name", row),
                "before": float(before[row]),
                "after": float(after[row]),
            }
            for row in rows
        ]

    up, down = portfolio.movers(book, seen, days)
    return drawn(up), drawn(down)


def _gravest(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows worth a look first: grave events, then large amounts."""
    return sorted(rows, key=lambda row: (not row.get("grave"), -(row.get("amount") or 0.0)))[:_RISKS]


def _funnel(rows: list[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {by: _added(rows, by) for by in ("grade", "source")} if rows else {}


def _added(rows: list[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    names = sorted({str(row.get(by) or "") for row in rows})
    added: list[dict[str, Any]] = []
    for name in names:
        mine = [row for row in rows if str(row.get(by) or "") == name]
        sums = {stage: sum(row.get(stage) or 0 for row in mine) for stage in _STAGES}
        added.append({"name": name, **sums, "rate": sums["won"] / sums["leads"] if sums["leads"] else None})
    return added
