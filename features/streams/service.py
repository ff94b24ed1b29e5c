"""Event streams of tickets, surveys, invoices, credit and risk events."""

from __future__ import annotations

import numpy as np

from rapport.features.arrays.value import Value
from rapport.features.arrays.verbs import Rows, concat
from rapport.features.streams.stream import (
    DAY_SECONDS,
    Stream,
    Tables,
    at_fact_time,
    event_rows,
    open_interval,
    with_gaps,
)


def tickets(tables: Tables) -> Rows:
    """Return one row per ticket when it is opened."""
    rows = tables["tickets"]
    return with_gaps(rows.with_columns(complaint=_is_complaint(rows)))


def responses(tables: Tables) -> Rows:
    """Return one row per ticket when it is first answered, with its hours to the first answer."""
    rows = at_fact_time(tables["tickets"], "responded_at")
    return rows.with_columns(hours=_hours(rows["opened_at_us"], rows["responded_at_us"]))


def resolutions(tables: Tables) -> Rows:
    """Return one row per ticket when it is resolved, with its hours to resolution and its satisfaction."""
    rows = at_fact_time(tables["tickets"], "resolved_at")
    return rows.with_columns(hours=_hours(rows["opened_at_us"], rows["resolved_at_us"]), complaint=_is_complaint(rows))


def _is_complaint(rows: Rows) -> Value:
    return rows["kind"].lower().equals("complaint")


def _hours(begin: Value, end: Value) -> Value:
    """Return the hours between two times (microseconds) in fixed point, 0 where they are reversed."""
    return (end - begin).at_least(0) // 360_000


def open_tickets(tables: Tables) -> Rows:
    """Return the changes of the number of open tickets."""
    return open_interval(tables["tickets"], at_fact_time(tables["tickets"], "resolved_at"))


def open_complaints(tables: Tables) -> Rows:
    """Return the changes of the number of open complaints."""
    rows = tables["tickets"]
    rows = rows.filter(_is_complaint(rows))
    return open_interval(rows, at_fact_time(rows, "resolved_at"))


def overdue_tickets(tables: Tables) -> Rows:
    """Return the changes of the number of tickets open for more than a week."""
    rows = tables["tickets"]
    slow = rows.filter(rows["resolved_at_day"].is_null() | (rows["resolved_at_day"] > rows["day"] + 7))
    begin = slow.with_columns(day=slow["day"] + 7, second=slow["second"] + 7 * DAY_SECONDS)
    return open_interval(begin, at_fact_time(slow, "resolved_at"))


def surveys(tables: Tables) -> Rows:
    """Return one row per survey answer, its score in the column of its kind."""
    rows = tables["surveys"]
    kind, score = rows["kind"].lower(), rows["score"]
    return rows.with_columns(
        **{name: score.null_unless(kind.equals(name)) for name in ("nps", "csat", "referral")},
        promoter=kind.equals("nps") & (score >= 90_000),
        detractor=kind.equals("nps") & (score <= 60_000),
    )


def satisfaction(tables: Tables) -> Rows:
    """Return one row per satisfaction mark (1 to 5), from surveys and from resolved tickets."""
    answers = tables["surveys"]
    answers = answers.filter(answers["kind"].lower().equals("csat"))
    solved = at_fact_time(tables["tickets"], "resolved_at")
    rows = concat(event_rows(answers, mark=answers["score"]), event_rows(solved, mark=solved["satisfaction"]))
    return rows.filter(rows["mark"].is_known())


def invoices(tables: Tables) -> Rows:
    """Return one row per invoice when it is issued; credit notes are none."""
    rows = tables["invoices"]
    return rows.filter(rows["amount"] > 0)


def payments(tables: Tables) -> Rows:
    """Return one row per invoice when it is paid, with the days it was late (0 if on time)."""
    rows = at_fact_time(invoices(tables), "paid_at")
    return rows.with_columns(
        late_days=(rows["paid_at_day"] - rows["due_at_day"]).at_least(0),
        late=rows["paid_at_day"] > rows["due_at_day"],
    )


def overdue(tables: Tables) -> Rows:
    """Return the changes of the overdue amount; ``each`` is +1 and -1 per invoice."""
    rows = invoices(tables)
    late = rows.filter(rows["paid_at_day"].is_null() | (rows["paid_at_day"] > rows["due_at_day"]))
    begin = late.with_columns(
        day=late["due_at_day"].at_least(late["day"]),
        second=(late["due_at_us"] // 1_000_000).at_least(late["second"]),
    )
    return open_interval(begin, at_fact_time(late, "paid_at"), "amount")


RISKS = ("judicial", "operational", "financial", "industry", "public_opinion")


def risks(tables: Tables) -> Rows:
    """Return one row per risk event with its category as flags.

    What the customer claims as a plaintiff is no amount at risk.
    """
    rows = tables["risk_events"]
    category, role = rows["category"].lower(), rows["role"].lower()
    return rows.with_columns(
        amount=rows["amount"].null_unless(~role.equals("plaintiff").fill_null(False)),
        defendant=role.equals("defendant"),
        **{name: category.equals(name) for name in RISKS},
    )


def credit(tables: Tables) -> Rows:
    """Return one row per statement of credit, with the share used."""
    rows = tables["credit"]
    rows = rows.filter((rows["credit_limit"] > 0) & rows["credit_used"].is_known())
    # Divided as floats: a large credit in fixed point times the scale overflows an integer.
    share = (rows["credit_used"].cast(np.float64) / rows["credit_limit"].cast(np.float64)).clip(-100.0, 100.0)
    return rows.with_columns(used_share=(share * 10_000).round())


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
