"""How the customer fares: tickets, surveys, invoices, credit and risk events."""

from __future__ import annotations

import ibis
from rapport.features.streams.stream import DAY_SECONDS, Stream, Tables, later, placed, stock, with_gaps


def tickets(tables: Tables) -> ibis.Table:
    """Return one row a ticket when it is opened."""
    rows = tables["tickets"]
    return with_gaps(rows.mutate(complaint=rows.kind.lower() == "complaint"))


def responses(tables: Tables) -> ibis.Table:
    """Return one row a ticket when it is first answered, with the seconds that took."""
    rows = later(tables["tickets"], "responded_at")
    return rows.mutate(hours=ibis.greatest(rows.responded_at_us - rows.opened_at_us, 0) // 360_000)


def resolutions(tables: Tables) -> ibis.Table:
    """Return one row a ticket when it is resolved, with the hours that took and the satisfaction given."""
    rows = later(tables["tickets"], "resolved_at")
    hours = ibis.greatest(rows.resolved_at_us - rows.opened_at_us, 0) // 360_000
    return rows.mutate(hours=hours, complaint=rows.kind.lower() == "complaint")


def open_tickets(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open tickets."""
    return stock(tables["tickets"], later(tables["tickets"], "resolved_at"))


def open_complaints(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open complaints."""
    rows = tables["tickets"]
    rows = rows.filter(rows.kind.lower() == "complaint")
    return stock(rows, later(rows, "resolved_at"))


def overdue_tickets(tables: Tables) -> ibis.Table:
    """Return the changes of the number of tickets open for more than a week."""
    rows = tables["tickets"]
    slow = rows.filter(rows.resolved_at_day.isnull() | (rows.resolved_at_day > rows.day + 7))
    begin = slow.mutate(day=slow.day + 7, second=slow.second + 7 * DAY_SECONDS)
    return stock(begin, later(slow, "resolved_at"))


def surveys(tables: Tables) -> ibis.Table:
    """Return one row a survey answer, its score in the column of its kind."""
    rows = tables["surveys"]
    kind = rows.kind.lower()
    return rows.mutate(
        **{name: ibis.ifelse(kind == name, rows.score, None) for name in ("nps", "csat", "referral")},
        promoter=(kind == "nps") & (rows.score >= 90_000),
        detractor=(kind == "nps") & (rows.score <= 60_000),
    )


def satisfaction(tables: Tables) -> ibis.Table:
    """Return one row a satisfaction mark (1 to 5), from surveys and from resolved tickets."""
    asked = tables["surveys"]
    asked = asked.filter(asked.kind.lower() == "csat")
    solved = later(tables["tickets"], "resolved_at")
    rows = ibis.union(placed(asked, mark=asked.score), placed(solved, mark=solved.satisfaction))
    return rows.filter(rows.mark.notnull())


def invoices(tables: Tables) -> ibis.Table:
    """Return one row an invoice when it is issued."""
    return billed(tables)


def billed(tables: Tables) -> ibis.Table:
    """Return the invoices that ask for money (credit notes do not)."""
    rows = tables["invoices"]
    return rows.filter(rows.amount > 0)


def payments(tables: Tables) -> ibis.Table:
    """Return one row an invoice when it is paid, with the days it was late (0 if on time)."""
    rows = later(billed(tables), "paid_at")
    return rows.mutate(
        late_days=ibis.greatest(rows.paid_at_day - rows.due_at_day, 0),
        late=rows.paid_at_day > rows.due_at_day,
    )


def overdue(tables: Tables) -> ibis.Table:
    """Return the changes of the amount that is due and not paid; ``each`` is +1 and -1 an invoice."""
    rows = billed(tables)
    late = rows.filter(rows.paid_at_day.isnull() | (rows.paid_at_day > rows.due_at_day))
    begin = late.mutate(
        day=ibis.greatest(late.due_at_day, late.day),
        second=ibis.greatest(late.due_at_us // 1_000_000, late.second),
    )
    return stock(begin, later(late, "paid_at"), "amount")


RISKS = ("judicial", "operational", "financial", "industry")


def risks(tables: Tables) -> ibis.Table:
    """Return one row a risk event with its category as flags."""
    rows = tables["risk_events"]
    return rows.mutate(
        defendant=rows.role.lower() == "defendant",
        **{name: rows.category.lower() == name for name in RISKS},
    )


def credit(tables: Tables) -> ibis.Table:
    """Return one row a statement of credit, with the share used."""
    rows = tables["credit"]
    rows = rows.filter((rows.credit_limit > 0) & rows.credit_used.notnull())
    # Divided as fractions: ten thousand times a large credit does not fit in an integer.
    share = (rows.credit_used.cast("float64") / rows.credit_limit.cast("float64")).clip(-100.0, 100.0)
    return rows.mutate(used_share=(share * 10_000).round().cast("int64"))


STREAMS = (
    Stream("tickets", ("tickets",), tickets, whole=("gap",), ticks=("severity",), flags=("complaint",)),
    Stream("responses", ("tickets",), responses, ticks=("hours",)),
    Stream("resolutions", ("tickets",), resolutions, ticks=("hours", "satisfaction"), flags=("complaint",)),
    Stream("open_tickets", ("tickets",), open_tickets, whole=("change",)),
    Stream("open_complaints", ("tickets",), open_complaints, whole=("change",)),
    Stream("overdue_tickets", ("tickets",), overdue_tickets, whole=("change",)),
    Stream("surveys", ("surveys",), surveys, ticks=("nps", "csat", "referral"), flags=("promoter", "detractor")),
    Stream("satisfaction", ("surveys", "tickets"), satisfaction, ticks=("mark",), either=True),
    Stream("invoices", ("invoices",), invoices, ticks=("amount",)),
    Stream("payments", ("invoices",), payments, whole=("late_days",), ticks=("amount",), flags=("late",)),
    Stream("overdue", ("invoices",), overdue, whole=("each",), ticks=("change",)),
    Stream("risks", ("risk_events",), risks, ticks=("amount",), flags=(*RISKS, "defendant")),
    Stream("credit", ("credit",), credit, ticks=("used_share",)),
)
