"""Analyses: the list of all, one as a table, and the same rows as CSV."""

from typing import Any

from starlette.responses import Response

from rapport.serving.application.analysis_catalog import BY_CUSTOMER
from rapport.serving.console import formats
from rapport.serving.console.export import Cell, to_csv
from rapport.serving.console.page_context import PageContext
from rapport.serving.shapes.insight_answers import Analysis

_SHOWN, _ALL_ROWS = 200, 10_000_000
_SHARES = {
    "share", "share_of_customers", "share_of_revenue", "rate", "low", "high", "win_rate", "growth", "retention", "roi",
    "gross_revenue_retention", "net_revenue_retention", "against_no_contact", "defendant_share", "exposure_share",
    "high_risk_share", "mean_probability", "replied_in_a_day", "still_open", "cost_share", "rate_of_others",
    "abandoned_share", "share_of_clv",
}  # fmt: skip
_MONEY = {
    "revenue", "revenue_before", "pace", "open_amount", "amount", "amount_won", "cost", "overdue", "revenue_at_risk",
    "spend_if_retained", "margin_after_cost", "clv", "lifetime_value",
}  # fmt: skip
_CODES = {"customer_id", "ticket_id", "name", "owner", "product", "quote", "relative_id", "quarter"}
"""Columns whose texts are the company's own."""


def show_list(page: PageContext) -> Response:
    """Show the analyses that the viewer may read."""
    names = page.application.insights.names(page.language)
    seen = [each for each in names if page.viewer.owners is None or each["name"] in BY_CUSTOMER]
    return page.render("analyses.html", names=seen, found=None)


def show(page: PageContext) -> Response:
    """Show one analysis: its first rows, formatted."""
    found = _read(page, _SHOWN)
    columns = _columns(found["rows"])
    lines = [[_shown(page, name, row[name]) for name in columns] for row in found["rows"]]
    numeric = {name for name in columns for row in found["rows"] if isinstance(row[name], int | float)}
    heads = [(page.translate.label("analysis", name), name in numeric) for name in columns]
    return page.render("analyses.html", names=[], found=found, heads=heads, lines=lines, shown=_SHOWN)


def csv_file(page: PageContext) -> Response:
    """Return all rows of an analysis, with heads in the viewer's language, after the date of the scoring run."""
    found = _read(page, _ALL_ROWS)
    columns = _columns(found["rows"])
    header = [page.translate.label("analysis", name) for name in ("as_of", *columns)]
    lines = [[found["as_of"], *(_cell(page, name, row[name]) for name in columns)] for row in found["rows"]]
    return page.file(to_csv(header, lines), f"rapport-{found['name']}-{found['as_of']}.csv")


def _read(page: PageContext, limit: int) -> Analysis:
    name = page.request.path_params["name"]
    return page.application.insights.analysis(page.viewer, name, limit=limit, language=page.language)


def _columns(rows: list[dict[str, object]]) -> list[str]:
    return list(rows[0]) if rows else []


def _cell(page: PageContext, column: str, value: Any) -> Cell:
    """Return a value for a spreadsheet: numbers as they are, codes with their labels."""
    if isinstance(value, list):
        return ", ".join(str(_cell(page, column, each)) for each in value)
    if isinstance(value, bool):
        return page.translate.label("analysis_value", str(value).lower())
    if isinstance(value, str) and column not in _CODES:
        return page.translate.label("analysis_value", value)
    cell: Cell = value
    return cell


def _shown(page: PageContext, column: str, value: object) -> str:
    cell = _cell(page, column, value)
    if cell is None:
        return formats.PLACEHOLDER
    if isinstance(cell, str):
        return cell
    if column in _SHARES:
        return formats.percent(cell)
    if column in _MONEY:
        return formats.money(cell, str(page.about["currency"]), page.language)
    return formats.number(cell, 0 if isinstance(value, int) else 1)
