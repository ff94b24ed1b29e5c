"""Rendering of the check report as plain text and as an HTML page."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rapport.history.checks.contents import RejectionSummary, ReportContents, TableSummary
from rapport.history.checks.finding import Finding
from rapport.history.checks.readiness import Readiness
from rapport.history.rejected_rows import translate_reason
from rapport.localized import LocalizedText, localize

_TEXTS = {
    "title": LocalizedText("Data check", "数据检查"),
    "as_of": LocalizedText("as of", "截至"),
    "read": LocalizedText("Tables read", "已读取的表"),
    "rejected": LocalizedText("Rejected rows", "已剔除的行"),
    "none_rejected": LocalizedText("No row was rejected.", "没有剔除任何行。"),
    "trainable": LocalizedText("Trainable targets", "可训练的目标"),
    "findings": LocalizedText("Data quality findings", "数据质量发现"),
    "no_findings": LocalizedText("No problem was found.", "未发现问题。"),
    "table": LocalizedText("table", "表"),
    "rows": LocalizedText("rows", "行数"),
    "from": LocalizedText("from", "起"),
    "to": LocalizedText("to", "止"),
    "left_out": LocalizedText("left out by where or as deleted", "按 where 条件或删除标记略去"),
    "tracked": LocalizedText("past values of", "可追溯的列"),
    "buyers": LocalizedText("of buyers", "覆盖客户"),
    "missing": LocalizedText("missing columns", "缺少的列"),
    "not_present": LocalizedText("not present", "未提供"),
    "reason": LocalizedText("reason", "原因"),
    "first_line": LocalizedText("first line", "首行"),
    "value": LocalizedText("value", "取值"),
    "target": LocalizedText("target", "目标"),
    "horizon": LocalizedText("horizon", "预测周期"),
    "customers": LocalizedText("customers", "客户数"),
    "outcomes": LocalizedText("outcomes", "结果数"),
    "rate": LocalizedText("rate", "比例"),
    "months": LocalizedText("months", "月数"),
    "verdict": LocalizedText("verdict", "结论"),
    "needs": LocalizedText("still needed", "还需要"),
    "churn": LocalizedText("churn", "流失"),
    "conversion": LocalizedText("conversion", "成交"),
    "eligible": LocalizedText("customers", "位客户"),
    "churn_outcome": LocalizedText("churned", "位流失"),
    "conversion_outcome": LocalizedText("converted", "位成交"),
    "yes": LocalizedText("yes", "可以"),
    "weak": LocalizedText("weak", "勉强"),
    "no": LocalizedText("no", "不行"),
    "stop": LocalizedText("must fix", "必须修复"),
    "warn": LocalizedText("warning", "警告"),
    "note": LocalizedText("note", "提示"),
    "complete": LocalizedText("all columns present", "各列齐全"),
    "volume": LocalizedText("rows per month", "每月行数"),
}


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
    pages.filters.update(day=_day, thousands=_thousands, percent=_percent, bars=_bars, reason=translate_reason)
    page = pages.get_template("report.html")
    return page.render(report=report, text=_translator(language), language=language)


def _translator(language: str) -> Any:
    return lambda key: getattr(_TEXTS[key], language)


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
    needs = "; ".join(getattr(need, language) for need in each.needs)
    more = f" · {text('needs')}: {needs}" if needs else ""
    return f"  {text(each.target):<11}{each.horizon:>5}  {text(each.verdict):<5} {counts} ({_percent(each.rate)}){more}"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else "–"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _bars(months: tuple[tuple[str, int], ...], width: int = 132, height: int = 22) -> list[dict[str, Any]]:
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
