"""SQL of the facts of each kind, as known at a cutoff ``$as_of``; all have the same columns."""

from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.analytics.point_in_time import days_open, days_since, rows_known_at

RECENT_DAYS = 180
"""A rating, a message or an event before this is no occasion any more."""

_AGO = "$as_of::TIMESTAMP - INTERVAL {days} DAY"


def _row(kind: str, source: str, **columns: str) -> str:
    """Return a SELECT of facts of one kind; columns that are not given are null.

    Days are whole days up to the cutoff, as in the features, so that an action and a reason name the same number.
    """
    values = {"subject": "NULL", "amount": "NULL", "deadline": "NULL", "since": "NULL", "detail": "NULL"} | columns
    days = values.pop("days", days_since(values["since"]))
    return (
        f"SELECT customer_id, '{kind}' AS kind, ({values['subject']})::VARCHAR AS subject, "
        f"({values['amount']})::DOUBLE AS amount, ({values['deadline']})::DATE AS deadline, "
        f"({values['since']})::DATE AS since, ({days})::BIGINT AS days, "
        f"({values['detail']})::VARCHAR AS detail {source}"
    )


def _largest(table: str, where: str, order: str) -> str:
    """Return FROM … with one row per customer: the first by `order`."""
    return (
        f"FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY {order}) AS place "
        f"FROM {table} WHERE {where}) WHERE place = 1"
    )


def _ago(days: int) -> str:
    return _AGO.format(days=days)


def _complaints() -> str:
    where = "kind = 'complaint' AND resolved_at IS NULL"
    detail = "CASE WHEN responded_at IS NULL THEN 'unanswered' ELSE 'answered' END"
    source = _largest(rows_known_at("tickets"), where, "responded_at NULLS FIRST, opened_at, ticket_id")
    return _row("open_complaint", source, subject="ticket_id", since="opened_at", detail=detail)


def _tickets() -> str:
    where = f"coalesce(kind, '') <> 'complaint' AND resolved_at IS NULL AND opened_at < {_ago(7)}"
    source = _largest(rows_known_at("tickets"), where, "opened_at, ticket_id")
    return _row("open_ticket", source, subject="ticket_id", since="opened_at")


def _invoices() -> str:
    unpaid = "paid_at IS NULL AND due_at < $as_of AND amount > 0"
    source = f"FROM {rows_known_at('invoices')} WHERE {unpaid} GROUP BY customer_id"
    return _row(
        "overdue_invoice", source,
        subject="arg_min(invoice_id, (due_at, invoice_id))", amount="sum(amount)", deadline="min(due_at)",
        since="min(due_at)", detail="count(*)",
    )  # fmt: skip


def _contracts() -> str:
    # A contract that a later one continues is no renewal that anybody has to talk about.
    open_end = (
        "renewed_at IS NULL AND ends_at IS NOT NULL AND customer_id NOT IN "
        f"(SELECT customer_id FROM {rows_known_at('contracts')} WHERE ends_at > {{limit}} OR ends_at IS NULL)"
    )
    table, order = rows_known_at("contracts"), "ends_at DESC, amount DESC NULLS LAST, contract_id"
    ahead = "$as_of::TIMESTAMP + INTERVAL 180 DAY"
    ending = f"ends_at >= $as_of AND ends_at <= {ahead} AND {open_end.format(limit=ahead)}"
    ended = f"ends_at < $as_of AND ends_at >= {_ago(RECENT_DAYS)} AND {open_end.format(limit='$as_of::TIMESTAMP')}"
    left = "date_diff('day', $as_of::DATE, ends_at::DATE)"
    named = {"subject": "contract_id", "amount": "amount", "deadline": "ends_at"}
    return " UNION ALL ".join(
        (
            _row("contract_end", _largest(table, ending, order), **named, since="started_at", days=left),
            _row("contract_expired", _largest(table, ended, order), **named, since="ends_at"),
        )
    )


def _deals() -> str:
    source = _largest(rows_known_at("opportunities"), "closed_at IS NULL", "amount DESC NULLS LAST, opportunity_id")
    days = days_open("opened_at")
    return _row(
        "open_deal", source, subject="opportunity_id", amount="amount", since="opened_at", days=days, detail="stage"
    )


def _contacts() -> str:
    talks = (
        f"(SELECT customer_id, contact_id, max(occurred_at) AS last_at FROM {rows_known_at('interactions')} "
        "WHERE contact_id IS NOT NULL GROUP BY ALL)"
    )
    people = (
        f"(SELECT people.*, last_at FROM {rows_known_at('contacts')} AS people LEFT JOIN {talks} AS talked "
        "ON talked.customer_id = people.customer_id AND talked.contact_id = people.contact_id)"
    )
    where = f"role = 'decision_maker' AND (last_at IS NULL OR last_at < {_ago(90)})"
    # One decision maker in touch is enough; with all of them silent, the last one is the way back in.
    talking = f"(SELECT customer_id FROM {people} WHERE role = 'decision_maker' AND last_at >= {_ago(90)})"
    source = _largest(people, f"{where} AND customer_id NOT IN {talking}", "last_at DESC NULLS LAST, contact_id")
    return _row(
        "silent_decision_maker", source, subject="coalesce(name, contact_id)", since="last_at",
        detail="CASE WHEN last_at IS NULL THEN 'never_met' ELSE 'silent' END",
    )  # fmt: skip


def _ratings() -> str:
    # A good mark in one kind of survey says nothing about the other: the latest answer of each counts.
    return " UNION ALL ".join(_rating(kind, low) for kind, low in (("nps", 6), ("csat", 2)))


def _rating(kind: str, low: int) -> str:
    where = f"answered_at >= {_ago(RECENT_DAYS)} AND score IS NOT NULL AND kind = '{kind}'"
    latest = _largest(rows_known_at("surveys"), where, "answered_at DESC, score")
    return _row(
        "low_rating", f"{latest} AND score <= {low}", subject=f"'{kind.upper()}'", since="answered_at",
        detail="CASE WHEN score = round(score) THEN score::BIGINT::VARCHAR ELSE round(score, 1)::VARCHAR END",
    )  # fmt: skip


def _messages() -> str:
    where = f"occurred_at >= {_ago(60)} AND direction = 'inbound' AND sentiment IS NOT NULL"
    latest = _largest(rows_known_at("interactions"), where, "occurred_at DESC, sentiment")
    return _row(
        "negative_message", f"{latest} AND sentiment < -0.3", subject="contact_id", since="occurred_at",
        detail="channel",
    )  # fmt: skip


def _risks() -> str:
    # What the customer does to others (a plaintiff's case) is no risk of the customer.
    where = f"occurred_at >= {_ago(90)} AND coalesce(lower(role), '') <> 'plaintiff'"
    source = _largest(rows_known_at("risk_events"), where, "occurred_at DESC, amount DESC NULLS LAST, kind")
    return _row(
        "risk_event", source, subject="coalesce(kind, category)", amount="amount", since="occurred_at", detail="role"
    )


def _late_orders() -> str:
    # The same gap as that of the features: the mean between days with an order.
    days = "max(ordered_at) AS newest, ordered_at::DATE AS day"
    orders = f"(SELECT customer_id, {days} FROM {rows_known_at('orders')} WHERE amount > 0 GROUP BY ALL)"
    gap = "(max(day) - min(day)) / (count(*) - 1)"
    source = f"FROM {orders} GROUP BY customer_id HAVING count(*) >= 4 AND $as_of::DATE - max(day) > 1.5 * {gap}"
    return _row("late_order", source, since="max(newest)", detail=f"round({gap})::BIGINT")


def _carts() -> str:
    touches, orders = rows_known_at("touches"), rows_known_at("orders")
    source = (
        f"FROM {touches} AS carts WHERE action = 'cart' AND occurred_at >= {_ago(30)} AND NOT EXISTS (SELECT 1 FROM "
        f"{orders} AS bought WHERE bought.customer_id = carts.customer_id AND ordered_at >= occurred_at) "
        "GROUP BY customer_id"
    )
    return _row("abandoned_cart", source, subject="arg_max(asset, occurred_at)", since="max(occurred_at)")


_HAS_ORDER = "SELECT customer_id FROM {orders} WHERE amount > 0"


def _leads() -> str:
    """Return one fact for each lead: nobody talked to it, it looked at something lately, or it waits for a review."""
    touches, talks = rows_known_at("touches"), rows_known_at("interactions")
    bought = _HAS_ORDER.format(orders=rows_known_at("orders"))
    sold = f"{bought} UNION SELECT customer_id FROM {rows_known_at('contracts')}"
    lost = f"SELECT customer_id FROM {rows_known_at('opportunities')} WHERE won IS NOT NULL AND NOT won"
    source = f"""
        FROM (
            SELECT lead.customer_id, created_at, seen_at, seen, talked_at,
                CASE WHEN seen_at >= {_ago(30)} AND (talked_at IS NULL OR talked_at < seen_at) THEN 'lead_interest'
                     WHEN talked_at IS NULL THEN 'lead_uncontacted' ELSE 'lead_review' END AS lead_kind
            FROM {rows_known_at("customers")} AS lead
            LEFT JOIN (SELECT customer_id, max(occurred_at) AS seen_at,
                arg_max(coalesce(asset, campaign, action), occurred_at) AS seen FROM {touches} GROUP BY ALL) AS touched
                USING (customer_id)
            LEFT JOIN (SELECT customer_id, max(occurred_at) AS talked_at FROM {talks} GROUP BY ALL) AS contacted
                USING (customer_id)
            WHERE lead.customer_id NOT IN ({sold}) AND lead.customer_id NOT IN ({lost}))
    """
    since = "CASE lead_kind WHEN 'lead_interest' THEN seen_at WHEN 'lead_review' THEN talked_at ELSE created_at END"
    undated = "CASE WHEN lead_kind = 'lead_uncontacted' AND created_at IS NULL THEN 'undated' END"
    subject = "CASE WHEN lead_kind = 'lead_interest' THEN seen END"
    row = _row("lead", source, subject=subject, since=since, detail=undated)
    return row.replace("'lead' AS kind", "lead_kind AS kind")


def _reviews(cadence: Cadence) -> str:
    """Return customers whose regular visit is due within 30 days: core, ordinary or new, each in its own rhythm.

    Who was never met is counted from the first order; where nobody's meeting is on record, no visit is known to be due.
    """
    orders, talks = rows_known_at("orders"), rows_known_at("interactions")
    group = (
        f"CASE WHEN first_at >= {_ago(cadence.new_for_days)} THEN 'new' WHEN before < 0.8 * total AND earned > 0 "
        "THEN 'core' ELSE 'ordinary' END"
    )
    interval = (
        f"CASE tier_group WHEN 'new' THEN {cadence.new_days} WHEN 'core' THEN {cadence.core_days} "
        f"ELSE {cadence.ordinary_days} END"
    )
    met = (
        f"SELECT customer_id, max(occurred_at) AS met_at FROM {talks} WHERE channel IN ('meeting', 'visit', 'call') "
        "GROUP BY customer_id"
    )
    source = f"""
        FROM (
            SELECT *, {group} AS tier_group FROM (
                SELECT *, sum(earned) OVER () AS total,
                    coalesce(sum(earned) OVER (ORDER BY earned DESC, customer_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                FROM (SELECT customer_id, min(ordered_at) AS first_at, max(ordered_at) AS last_order,
                    greatest(coalesce(sum(amount) FILTER (ordered_at >= {_ago(365)}), 0), 0) AS earned
                    FROM {orders} GROUP BY customer_id HAVING max(amount) > 0))
            LEFT JOIN ({met}) USING (customer_id)
            WHERE last_order >= {_ago(365)} AND EXISTS ({met}))
        WHERE coalesce(met_at, first_at)::DATE + ({interval})::INT <= $as_of::DATE + 30
    """
    planned = f"coalesce(met_at, first_at)::DATE + ({interval})::INT"
    detail = "CASE WHEN met_at IS NULL THEN tier_group || '.unmet' ELSE tier_group END"
    return _row("regular_visit", source, deadline=planned, since="coalesce(met_at, first_at)", detail=detail)


def fact_queries(cadence: Cadence) -> list[str]:
    """Return one SELECT of each kind of fact; ``cadence`` says how often customers are visited."""
    return [
        _complaints(), _invoices(), _risks(), _contracts(), _deals(), _messages(), _contacts(), _late_orders(),
        _ratings(), _carts(), _tickets(), _leads(), _reviews(cadence),
    ]  # fmt: skip
