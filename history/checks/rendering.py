"""Rendering of the check report as plain text and as an HTML page."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rapport.history.checks.contents import RejectionSummary, ReportContents, TableSummary
from rapport.history.checks.finding import MESSAGES, Finding
from rapport.history.checks.readiness import Readiness
from rapport.history.rejected_rows import translate_reason
from rapport.localized import localize


def text_report(report: ReportContents, language: str) -> str:
    """Return the report as plain text."""
    text = _translator(language)
    lines = [f"{report.origin} · {text('as_of')} {report.as_of:%Y-%m-%d}", "", text("read")]
    lines += [_table_text(table, text) for table in report.tables]
    lines += ["", text("rejected")]
    lines += [_rejection_text(each, text, language) for each in report.rejections] or [f"  {text('none_rejected')}"]
    lines += ["", text("trainable")]
    lines += trainable_lines(report, language)
    lines += ["", text("findings")]
    lines += finding_lines(report.findings, language) or [f"  {text('no_findings')}"]
    return "\n".join(lines)


def trainable_lines(report: ReportContents, language: str) -> list[str]:
    """Return what can be trained, and what would have to be added for the rest."""
    return [_ready_text(each, _translator(language), language) for each in report.trainable]


def finding_lines(findings: Iterable[Finding], language: str) -> list[str]:
    """Return the findings, each with its level."""
    text = _translator(language)
    return [f"  [{text(each.level)}] {localize(each.message, language)}" for each in findings]


def html_report(report: ReportContents, language: str) -> str:
    """Return the report as one page that needs no network."""
    # Scoring runs and exports use the gates of this package and never render a page.
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415 - only a page needs it

    pages = Environment(
        loader=PackageLoader("rapport.history.checks", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(
        day=_day, thousands=_thousands, percent=_percent, bars=_bars, reason=translate_reason, localized=localize
    )
    page = pages.get_template("report.html")
    return page.render(report=report, text=_translator(language), language=language)


def _translator(language: str) -> Any:
    return lambda key: localize(MESSAGES.texts[f"page.{key}"], language)


def _table_text(table: TableSummary, text: Any) -> str:
    if not table.columns:
        return f"  {table.name:<14}{text('not_present')}"
    span = f"{_day(table.first)} … {_day(table.last)}"
    missing = f" · {text('missing')}: {', '.join(_shown(table.missing))}" if _shown(table.missing) else ""
    left_out = f" · {_thousands(table.left_out)} {text('left_out')}" if table.left_out else ""
    share = f"{_percent(table.share):>5} {text('buyers')}"
    past = f" · {text('tracked')}: {', '.join(_shown(table.tracked))}" if table.tracked else ""
    return f"  {table.name:<14}{_thousands(table.rows):>12}  {span}  {share}{left_out}{past}{missing}"


def _rejection_text(each: RejectionSummary, text: Any, language: str) -> str:
    where = f"{text('first_line')} {each.line}: {each.value}"
    return f"  {each.table}: {_thousands(each.rows)} × {translate_reason(language, each.reason)} ({where})"


def _shown(names: Iterable[str], most: int = 4) -> list[str]:
    """Return the first names and the number of others; a missing recorded_at is not listed."""
    listed = [name for name in names if name != "recorded_at"]
    return listed if len(listed) <= most + 1 else [*listed[:most], f"+{len(listed) - most}"]


def _ready_text(each: Readiness, text: Any, language: str) -> str:
    counts = (
        f"{_thousands(each.customers)} {text('eligible')}, {_thousands(each.outcomes)} {text(each.target + '_outcome')}"
    )
    needs = "; ".join(localize(need, language) for need in each.needs)
    more = f" · {text('needs')}: {needs}" if needs else ""
    return f"  {text(each.target):<11}{each.horizon:>5}  {text(each.verdict):<5} {counts} ({_percent(each.rate)}){more}"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else "–"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _bars(months: tuple[tuple[str, int], ...], width: int = 132, height: int = 22) -> list[dict[str, object]]:
    """Return the bars of a small chart of rows per month, for the last months that fit."""
    shown = months[-width // 3 :]
    most = max((count for _, count in shown), default=0) or 1
    step = width / max(len(shown), 1)
    return [
        {
            "x": round(index * step, 2),
            "w": round(max(step - 0.8, 0.8), 2),
            "y": round(height - max(height * count / most, 0.6), 2),
            "h": round(max(height * count / most, 0.6), 2),
            "title": f"{month}: {_thousands(count)}",
        }
        for index, (month, count) in enumerate(shown)
    ]
