"""Event streams of tickets, surveys, invoices, credit and risk events."""

from __future__ import annotations

import ibis

from rapport.features.streams.stream import (
    DAY_SECONDS,
    Stream,
    Tables,
    at_fact_time,
    event_rows,
    open_interval,
    with_gaps,
)


def tickets(tables: Tables) -> ibis.Table:
    """Return one row per ticket when it is opened."""
    rows = tables["tickets"]
    return with_gaps(rows.mutate(complaint=rows.kind.lower() == "complaint"))


def responses(tables: Tables) -> ibis.Table:
    """Return one row per ticket when it is first answered, with its hours to the first answer."""
    rows = at_fact_time(tables["tickets"], "responded_at")
    return rows.mutate(hours=ibis.greatest(rows.responded_at_us - rows.opened_at_us, 0) // 360_000)


def resolutions(tables: Tables) -> ibis.Table:
    """Return one row per ticket when it is resolved, with its hours to resolution and its satisfaction."""
    rows = at_fact_time(tables["tickets"], "resolved_at")
    hours = ibis.greatest(rows.resolved_at_us - rows.opened_at_us, 0) // 360_000
    return rows.mutate(hours=hours, complaint=rows.kind.lower() == "complaint")


def open_tickets(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open tickets."""
    return open_interval(tables["tickets"], at_fact_time(tables["tickets"], "resolved_at"))


def open_complaints(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open complaints."""
    rows = tables["tickets"]
    rows = rows.filter(rows.kind.lower() == "complaint")
    return open_interval(rows, at_fact_time(rows, "resolved_at"))


def overdue_tickets(tables: Tables) -> ibis.Table:
    """Return the changes of the number of tickets open for more than a week."""
    rows = tables["tickets"]
    slow = rows.filter(rows.resolved_at_day.isnull() | (rows.resolved_at_day > rows.day + 7))
    begin = slow.mutate(day=slow.day + 7, second=slow.second + 7 * DAY_SECONDS)
    return open_interval(begin, at_fact_time(slow, "resolved_at"))


def surveys(tables: Tables) -> ibis.Table:
    """Return one row per survey answer, its score in the column of its kind."""
    rows = tables["surveys"]
    kind = rows.kind.lower()
    return rows.mutate(
        **{name: ibis.ifelse(kind == name, rows.score, None) for name in ("nps", "csat", "referral")},
        promoter=(kind == "nps") & (rows.score >= 90_000),
        detractor=(kind == "nps") & (rows.score <= 60_000),
    )


def satisfaction(tables: Tables) -> ibis.Table:
    """Return one row per satisfaction mark (1 to 5), from surveys and from resolved tickets."""
    answers = tables["surveys"]
    answers = answers.filter(answers.kind.lower() == "csat")
    solved = at_fact_time(tables["tickets"], "resolved_at")
    rows = ibis.union(event_rows(answers, mark=answers.score), event_rows(solved, mark=solved.satisfaction))
    return rows.filter(rows.mark.notnull())


def invoices(tables: Tables) -> ibis.Table:
    """Return one row per invoice when it is issued."""
    return billed(tables)


def billed(tables: Tables) -> ibis.Table:
    """Return the invoices with a positive amount (credit notes excluded)."""
    rows = tables["invoices"]
    return rows.filter(rows.amount > 0)


def payments(tables: Tables) -> ibis.Table:
    """Return one row per invoice when it is paid, with the days it was late (0 if on time)."""
    rows = at_fact_time(billed(tables), "paid_at")
    return rows.mutate(
        late_days=ibis.greatest(rows.paid_at_day - rows.due_at_day, 0),
        late=rows.paid_at_day > rows.due_at_day,
    )


def overdue(tables: Tables) -> ibis.Table:
    """Return the changes of the overdue amount; ``each`` is +1 and -1 per invoice."""
    rows = billed(tables)
    late = rows.filter(rows.paid_at_day.isnull() | (rows.paid_at_day > rows.due_at_day))
    begin = late.mutate(
        day=ibis.greatest(late.due_at_day, late.day),
        second=ibis.greatest(late.due_at_us // 1_000_000, late.second),
    )
    return open_interval(begin, at_fact_time(late, "paid_at"), "amount")


RISKS = ("judicial", "operational", "financial", "industry")


def risks(tables: Tables) -> ibis.Table:
    """Return one row per risk event with its category as flags."""
    rows = tables["risk_events"]
    return rows.mutate(
        defendant=rows.role.lower() == "defendant",
        **{name: rows.category.lower() == name for name in RISKS},
    )


def credit(tables: Tables) -> ibis.Table:
    """Return one row per statement of credit, with the share used."""
    rows = tables["credit"]
    rows = rows.filter((rows.credit_limit > 0) & rows.credit_used.notnull())
    # Divided as floats: a large credit in fixed point times the scale overflows an integer.
    share = (rows.credit_used.cast("float64") / rows.credit_limit.cast("float64")).clip(-100.0, 100.0)
    return rows.mutate(used_share=(share * 10_000).round().cast("int64"))


STREAMS = (
    Stream("tickets", ("tickets",), tickets, integers=("gap",), fixed_point=("severity",), flags=("complaint",)),
    Stream("responses", ("tickets",), responses, fixed_point=("hours",)),
    Stream("resolutions", ("tickets",), resolutions, fixed_point=("hours", "satisfaction"), flags=("complaint",)),
    Stream("open_tickets", ("tickets",), open_tickets, integers=("change",)),
    Stream("open_complaints", ("tickets",), open_complaints, integers=("change",)),
    Stream("overdue_tickets", ("tickets",), overdue_tickets, integers=("change",)),
    Stream("surveys", ("surveys",), surveys, fixed_point=("nps", "csat", "referral"), flags=("promoter", "detractor")),
    Stream("satisfaction", ("surveys", "tickets"), satisfaction, fixed_point=("mark",), any_table=True),
    Stream("invoices", ("invoices",), invoices, fixed_point=("amount",)),
    Stream("payments", ("invoices",), payments, integers=("late_days",), fixed_point=("amount",), flags=("late",)),
    Stream("overdue", ("invoices",), overdue, integers=("each",), fixed_point=("change",)),
    Stream("risks", ("risk_events",), risks, fixed_point=("amount",), flags=(*RISKS, "defendant")),
    Stream("credit", ("credit",), credit, fixed_point=("used_share",)),
)
