"""Stakeholders of a customer: the strength of each relationship, the missing roles, and the next step."""

from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

ROLES = ("decision_maker", "influencer", "user", "finance")
"""The roles that should be covered; other roles are optional."""
MIN_STRENGTH = 0.2
"""A contact with a weaker relationship does not cover a role."""

# A relationship decays with a half-life of 60 days, is full at one interaction a month, and weighs more for seniors.
_HALF_LIFE_DAYS, _FULL_INTERACTIONS = 60, 6
_SHARES = {"recency": 0.5, "frequency": 0.3, "seniority": 0.2}
_HIGH = "chief|ceo|cfo|cto|coo|president|director|vp|head|owner|partner|executive|总经理|总裁|总监|董事|副总|负责人"
_MIDDLE = "manager|lead|senior|supervisor|经理|主管|主任"


def list_stakeholders(history: History, as_of: datetime) -> pa.Table:
    """Return one row per contact: role, level, last interaction, interactions in 180 days, strength from 0 to 1."""
    return query_as_of(
        history, f"SELECT * FROM ({_contacts_sql()}) ORDER BY customer_id, strength DESC, contact_id", as_of
    )


def stakeholder_coverage(history: History, as_of: datetime) -> pa.Table:
    """Return one row per customer: roles covered, gaps, single thread, and the code of the next step (steps.yaml)."""
    covers = f"strength >= {MIN_STRENGTH}"
    flags = ", ".join(f"bool_or({covers} AND role = '{role}') AS has_{role}" for role in ROLES)
    gaps = ", ".join(f"CASE WHEN NOT has_{role} THEN '{role}' END" for role in ROLES)
    return query_as_of(
        history,
        f"""
        WITH people AS ({_contacts_sql()}), chain AS (
            SELECT customer_id, count(*) AS contacts, count(*) FILTER ({covers}) AS active_contacts,
                max(strength) AS strongest, max(last_at) AS last_at, {flags},
                coalesce(bool_or(role = 'decision_maker' AND last_at IS NOT NULL), false) AS knows_decision_maker
            FROM people GROUP BY customer_id)
        SELECT customer_id, contacts, active_contacts, strongest, last_at,
            ({" + ".join(f"has_{role}::INT" for role in ROLES)}) / {len(ROLES)} AS coverage,
            list_filter([{gaps}], lambda role: role IS NOT NULL) AS gaps, active_contacts = 1 AS single_thread,
            CASE WHEN active_contacts = 0 THEN 'reopen'
                WHEN NOT has_decision_maker AND knows_decision_maker THEN 'renew_decision_maker'
                WHEN NOT has_decision_maker THEN 'meet_decision_maker'
                WHEN active_contacts = 1 THEN 'second_contact' WHEN NOT has_finance THEN 'meet_finance'
                WHEN NOT has_user THEN 'meet_user' WHEN NOT has_influencer THEN 'meet_influencer' ELSE 'keep' END
                AS next_step
        FROM chain ORDER BY customer_id
        """,
        as_of,
    )


def _contacts_sql() -> str:
    recency, frequency, seniority = _SHARES.values()
    level = "lower(concat_ws(' ', level, CASE WHEN role = 'decision_maker' THEN 'head' END))"
    high, middle = (f"regexp_matches({level}, '{words}')" for words in (_HIGH, _MIDDLE))
    rank = f"CASE WHEN {high} THEN 1 WHEN {middle} THEN 0.6 ELSE 0.3 END"
    fresh = f"pow(0.5, date_diff('day', last_at, $as_of::TIMESTAMP) / {_HALF_LIFE_DAYS})"
    # A contact without any interaction has no relationship, whatever the title.
    return f"""
        SELECT people.customer_id, people.contact_id, name, role, level, last_at, coalesce(talks, 0) AS talks_180d,
            CASE WHEN last_at IS NULL THEN 0
                ELSE {recency} * {fresh} + {frequency} * least(talks / {_FULL_INTERACTIONS}, 1)
                    + {seniority} * {rank} * {fresh} END
                AS strength
        FROM {rows_known_at("contacts")} AS people LEFT JOIN (
            SELECT customer_id, contact_id, max(occurred_at) AS last_at,
                count(*) FILTER (occurred_at >= $as_of::TIMESTAMP - INTERVAL 180 DAY) AS talks
            FROM {rows_known_at("interactions")} WHERE contact_id IS NOT NULL GROUP BY ALL) AS talked
        ON talked.customer_id = people.customer_id AND talked.contact_id = people.contact_id
    """
