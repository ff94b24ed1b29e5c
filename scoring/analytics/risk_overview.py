"""Risk overview: the reported risk events of each customer in the last year, by category, and the sentence on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.localized import LocalizedText, localize
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.reasons.numbers import format_value, spaced

# Kinds that are grave whatever the amount; in both languages, because sources of risk events use both.
_GRAVE = "bankrupt|insolven|liquidat|dishonest|freeze|frozen|seiz|default|破产|清算|失信|冻结|查封|违约|被执行"
# Kinds that are a category of their own, whatever category the source files them under.
_OWN_CATEGORIES = {
    "debt_default": "debt_default|bond_default|债务违约|债券违约",
    "capital_change": "capital|注册资本|减资|增资",
    "registration_change": "registration|address_change|legal_representative|工商变更|登记变更|法定代表人变更",
    "public_opinion": "public_opinion|negative_news|media|舆情|负面新闻",
}
CATEGORIES = {
    "judicial": LocalizedText("judicial", "司法"),
    "operational": LocalizedText("operational", "经营"),
    "financial": LocalizedText("financial", "财务"),
    "industry": LocalizedText("industry", "行业"),
    "debt_default": LocalizedText("debt default", "债务违约"),
    "capital_change": LocalizedText("change of capital", "资本变更"),
    "registration_change": LocalizedText("change of registration", "工商变更"),
    "public_opinion": LocalizedText("public opinion", "舆情"),
}


def risk_overview(history: History, as_of: datetime) -> pa.Table:
    """Return one row per customer and category: events and amount in 12 months, defendant share, latest, gravest.

    A case in which the customer is the plaintiff is no risk: it is counted apart.
    """
    own = " ".join(
        f"WHEN regexp_matches(lower(concat_ws(' ', kind, category)), '{kinds}') THEN '{name}'"
        for name, kinds in _OWN_CATEGORIES.items()
    )
    return query_as_of(
        history,
        f"""
        WITH events AS (SELECT * REPLACE (CASE {own} ELSE category END AS category),
                coalesce(lower(role), '') = 'plaintiff' AS suing,
                regexp_matches(lower(coalesce(kind, '')), '{_GRAVE}') AS grave
            FROM {rows_known_at("risk_events")} WHERE occurred_at >= $as_of::TIMESTAMP - INTERVAL 365 DAY)
        SELECT events.customer_id, any_value(name) AS name, category, count(*) FILTER (NOT suing) AS records,
            coalesce(sum(amount) FILTER (NOT suing), 0) AS amount,
            avg((lower(role) = 'defendant')::INT) FILTER (role IS NOT NULL AND NOT suing) AS defendant_share,
            coalesce(max(occurred_at) FILTER (NOT suing), max(occurred_at)) AS latest,
            coalesce(bool_or(grave) FILTER (NOT suing), false) AS grave,
            arg_max(concat_ws(' · ', kind, role), (grave::INT, coalesce(amount, 0), occurred_at))
                FILTER (NOT suing) AS important,
            count(*) FILTER (lower(role) = 'defendant') AS defendant_records,
            count(*) FILTER (suing) AS plaintiff_records
        FROM events LEFT JOIN {rows_known_at("customers")} AS customers USING (customer_id)
        GROUP BY events.customer_id, category ORDER BY events.customer_id, category
        """,
        as_of,
    )


def risk_sentence(rows: Sequence[dict[str, Any]], language: str, currency: str) -> str | None:
    """Return the sentence on one customer's risk events of the last year; None where there are none."""
    # Runs of before this version did not count the cases with the customer as defendant.
    if not rows or any("defendant_records" not in row for row in rows):
        return None
    records, own = (sum(row[name] for row in rows) for name in ("records", "plaintiff_records"))
    sued = sum(row["defendant_records"] for row in rows)
    share = format_value(sued / records if records else 0.0, "share", language, currency)
    amount = format_value(sum(row["amount"] for row in rows), "money", language, currency)
    ordered = sorted(rows, key=lambda row: (-row["amount"], -row["records"], str(row["category"])))
    parts = [_part(row, language, currency) for row in ordered if row["records"]]
    if language == "zh":
        text = f"近 12 个月共{records}条风险记录，其中作为被告{sued}条（{share}），涉及金额{amount}：{'、'.join(parts)}"
        text = text if records else "近 12 个月没有风险记录"
        return spaced(f"{text}{f'；另有{own}条由客户作为原告' if own else ''}。")
    word, listed = "record" if records == 1 else "records", ", ".join(parts)
    text = f"Last 12 months: {records} risk {word}, {sued} as defendant ({share}), {amount} at stake: {listed}"
    text = text if records else "Last 12 months: no risk record"
    return f"{text}{f'; {own} more with the customer as plaintiff' if own else ''}."


def _part(row: dict[str, Any], language: str, currency: str) -> str:
    named = CATEGORIES.get(row["category"])
    name = localize(named, language) if named else str(row["category"] or ("其他" if language == "zh" else "other"))
    amount = format_value(row["amount"], "money", language, currency) if row["amount"] else ""
    if language == "zh":
        return f"{name}{row['records']}条{f'（{amount}）' if amount else ''}"
    return f"{name} {row['records']}{f' ({amount})' if amount else ''}"
