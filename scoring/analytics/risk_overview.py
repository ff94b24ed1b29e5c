"""Risk overview: the reported risk events of each customer in the last year, by category, and the sentence on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.languages import grammar
from rapport.localized import localize
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.messages import MESSAGES, value_label
from rapport.scoring.reasons.numbers import format_value

# Kinds that are grave whatever the amount; in both languages, because sources of risk events use both.
_GRAVE = "bankrupt|insolven|liquidat|dishonest|freeze|frozen|seiz|default|破产|清算|失信|冻结|查封|违约|被执行"
# Kinds that are a category of their own, whatever category the source files them under.
_OWN_CATEGORIES = {
    "debt_default": "debt_default|bond_default|债务违约|债券违约",
    "capital_change": "capital|注册资本|减资|增资",
    "registration_change": "registration|address_change|legal_representative|工商变更|登记变更|法定代表人变更",
    "public_opinion": "public_opinion|negative_news|media|舆情|负面新闻",
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
    records, own, sued = (
        sum(row[name] for row in rows) for name in ("records", "plaintiff_records", "defendant_records")
    )
    say = MESSAGES.translator(language)
    ordered = sorted(rows, key=lambda row: (-row["amount"], -row["records"], str(row["category"])))
    text = say(
        ("risk.none", "risk.one", "risk.some")[min(records, 2)],
        records=records,
        sued=sued,
        share=format_value(sued / records if records else 0.0, "share", language, currency),
        amount=format_value(sum(row["amount"] for row in rows), "money", language, currency),
        parts=grammar(language).comma.join(_part(row, language, currency) for row in ordered if row["records"]),
        also=say("risk.also", own=own) if own else "",
    )
    return grammar(language).spaced(text)


def _part(row: dict[str, Any], language: str, currency: str) -> str:
    category = str(row["category"] or "other")
    return MESSAGES.translator(language)(
        "risk.part_with_amount" if row["amount"] else "risk.part",
        name=localize(MESSAGES.texts.get(f"risk_category.{category}", value_label(category)), language),
        records=row["records"],
        amount=format_value(row["amount"], "money", language, currency),
    )
