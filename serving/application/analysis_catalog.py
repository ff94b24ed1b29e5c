"""The analyses that ``/v1/analytics`` and the console offer, and docs/analyses.md; titles and notes are texts."""

from __future__ import annotations

from rapport.serving.shapes.insight_answers import Analysis
from rapport.serving.translations import translations

ANALYSES = (
    "deal_rates", "key_accounts", "account_plans", "segment_shares", "white_space", "next_products",
    "referrals", "sales_cycle", "response_times", "lead_stages", "channel_roi", "satisfaction", "best_practice",
    "key_figures", "risk", "signals", "industries", "cost_to_serve", "late_tickets", "presale_health",
    "touch_effect", "clv_concentration", "carts", "attribution_campaign", "attribution_action",
    "attribution_asset",
)  # fmt: skip
BY_CUSTOMER = frozenset((
    "key_accounts", "account_plans", "white_space", "next_products", "referrals", "risk", "signals",
    "cost_to_serve", "late_tickets", "presale_health",
))  # fmt: skip
"""Analyses whose rows are customers; the others cover the whole company."""

_INTRODUCTION = """# Analyses

Every scoring run writes these tables. `POST /v1/analytics` with a `name` answers one, the console's page
`/analyses` shows them all and downloads each as CSV, and `rapport analysis NAME --out FILE.csv` writes one row a
line after the date of the run: `rapport analysis key_figures --out kpis.csv` is the file of key figures by owner
for a bonus. A key that sees some owners only gets the rows of their customers, and no analysis of the whole
company. `facts` of an answer are figures about all rows.

| name | title | 名称 | meaning | rows |
| --- | --- | --- | --- | --- |"""


def about(name: str, language: str) -> Analysis:
    """Return name and title of an analysis, and how to read it."""
    texts = translations(language)
    return {"name": name, "title": texts(f"analysis_title.{name}"), "note": texts(f"analysis_note.{name}")}


def analyses_page() -> str:
    """Return docs/analyses.md: every analysis by name, in both languages."""
    rows = [
        f"| `{name}` | {about(name, 'en')['title']} | {about(name, 'zh')['title']} | {about(name, 'en')['note']} | "
        f"{'by customer' if name in BY_CUSTOMER else 'whole company'} |"
        for name in ANALYSES
    ]
    return "\n".join([_INTRODUCTION, *rows]) + "\n"
