"""The check report in words: plain text for a terminal, and one page of HTML."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader
from rapport.history.contract import Words
from rapport.history.rejects import reason_in

if TYPE_CHECKING:
    from rapport.history.check import CheckReport, Refusal, TableLine
    from rapport.history.trainable import Readiness

_SAID = {
    "title": Words("What this history can carry", "这份历史数据能支撑什么"),
    "as_of": Words("as of", "截至"),
    "read": Words("What was read", "已读取"),
    "refused": Words("What was refused", "已剔除"),
    "nothing_refused": Words("No row was refused.", "没有剔除任何行。"),
    "trainable": Words("What can be trained", "可训练的目标"),
    "odd": Words("What to look at", "需要关注"),
    "nothing_odd": Words("Nothing odd was found.", "未发现异常。"),
    "table": Words("table", "表"),
    "rows": Words("rows", "行数"),
    "from": Words("from", "起"),
    "to": Words("to", "止"),
    "buyers": Words("of buyers", "覆盖客户"),
    "missing": Words("columns not given", "未提供的列"),
    "not_given": Words("not given", "未提供"),
    "reason": Words("reason", "原因"),
    "first_line": Words("first line", "首行"),
    "value": Words("value", "取值"),
    "target": Words("target", "目标"),
    "horizon": Words("horizon", "预测期"),
    "customers": Words("customers", "客户数"),
    "outcomes": Words("outcomes", "结果数"),
    "rate": Words("rate", "比例"),
    "months": Words("months", "月数"),
    "verdict": Words("verdict", "结论"),
    "needs": Words("what more is needed", "还需要"),
    "churn": Words("churn", "流失"),
    "conversion": Words("conversion", "转化"),
    "asked": Words("customers", "位客户"),
    "churn_outcome": Words("left", "位流失"),
    "conversion_outcome": Words("bought", "位成交"),
    "yes": Words("yes", "可以"),
    "weak": Words("weak", "勉强"),
    "no": Words("no", "不行"),
    "stop": Words("mend first", "先修复"),
    "warn": Words("look", "留意"),
    "note": Words("note", "提示"),
    "whole": Words("all columns given", "各列齐全"),
    "volume": Words("rows a month", "每月行数"),
}


def text_report(report: CheckReport, language: str) -> str:
    """Return the report as plain text."""
    say = _speaker(language)
    lines = [f"{report.origin} · {say('as_of')} {report.as_of:%Y-%m-%d}", "", say("read")]
    lines += [_table_text(table, say) for table in report.tables]
    lines += ["", say("refused")]
    lines += [_refusal_text(each, say, language) for each in report.refusals] or [f"  {say('nothing_refused')}"]
    lines += ["", say("trainable")]
    lines += [_ready_text(each, say, language) for each in report.trainable]
    lines += ["", say("odd")]
    lines += [f"  [{say(each.level)}] {getattr(each.says, language)}" for each in report.findings] or [
        f"  {say('nothing_odd')}"
    ]
    return "\n".join(lines)


def html_report(report: CheckReport, language: str) -> str:
    """Return the report as one page that needs no network."""
    pages = Environment(
        loader=PackageLoader("rapport.history", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(day=_day, thousands=_thousands, percent=_percent, bars=_bars, said=reason_in)
    page = pages.get_template("report.html")
    return page.render(report=report, say=_speaker(language), language=language)


def _speaker(language: str) -> Any:
    return lambda key: getattr(_SAID[key], language)


def _table_text(table: TableLine, say: Any) -> str:
    if not table.columns:
        return f"  {table.name:<14}{say('not_given')}"
    span = f"{_day(table.first)} … {_day(table.last)}"
    missing = f" · {say('missing')}: {', '.join(_shown(table.missing))}" if _shown(table.missing) else ""
    return (
        f"  {table.name:<14}{_thousands(table.rows):>12}  {span}  {_percent(table.share):>5} {say('buyers')}{missing}"
    )


def _refusal_text(each: Refusal, say: Any, language: str) -> str:
    where = f"{say('first_line')} {each.line}: {each.value}"
    return f"  {each.table}: {_thousands(each.rows)} × {reason_in(language, each.reason)} ({where})"


def _shown(names: Iterable[str], most: int = 4) -> list[str]:
    """Return some of the names, and how many more there are; recorded_at is never missed."""
    listed = [name for name in names if name != "recorded_at"]
    return listed if len(listed) <= most + 1 else [*listed[:most], f"+{len(listed) - most}"]


def _ready_text(each: Readiness, say: Any, language: str) -> str:
    counts = f"{_thousands(each.customers)} {say('asked')}, {_thousands(each.outcomes)} {say(each.target + '_outcome')}"
    needs = "; ".join(getattr(need, language) for need in each.needs)
    more = f" · {say('needs')}: {needs}" if needs else ""
    return f"  {say(each.target):<11}{each.horizon:>5}  {say(each.verdict):<5} {counts} ({_percent(each.rate)}){more}"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else "–"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _bars(months: tuple[tuple[str, int], ...], width: int = 132, height: int = 22) -> list[dict[str, Any]]:
    """Return the bars of a small drawing of rows a month, the last ones that there is room for."""
    shown = months[-width // 3 :]
    most = max((count for _, count in shown), default=0) or 1
    step = width / max(len(shown), 1)
    return [
        {
            "x": round(place * step, 2),
            "w": round(max(step - 0.8, 0.8), 2),
            "y": round(height - max(height * count / most, 0.6), 2),
            "h": round(max(height * count / most, 0.6), 2),
            "title": f"{month}: {_thousands(count)}",
        }
        for place, (month, count) in enumerate(shown)
    ]
