"""The analyses that ``/v1/analytics`` and the console offer, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rapport.localized import LocalizedText


@dataclass(frozen=True)
class AnalysisEntry:
    """The title of an analysis, how to read it, and whether its rows are customers (or cover the whole company)."""

    title: LocalizedText
    note: LocalizedText
    by_customer: bool = False


ANALYSES: Mapping[str, AnalysisEntry] = {
    "deal_rates": AnalysisEntry(
        LocalizedText("What wins deals", "赢单因素"),
        LocalizedText(
            "Win rate of past deals by C139 tier, check and competitor, with 95 % intervals; tiers that do not differ "
            "share one rate. An association, not a cause.",
            "按 C139 等级、检查项和竞争对手统计的历史赢单率及 95% 区间；无差异的等级合并统计。仅为相关性，不代表因果。",
        ),
    ),
}
