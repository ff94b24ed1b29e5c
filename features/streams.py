"""Streams: what happened, one row a fact, each placed on the day from which it is known.

A stream is built from prepared tables (see ``sources``) and has the columns customer_id, branch, day (whole days
since 1970), second (seconds since 1970) and its own numbers and flags. A fact that comes later than its row (paid,
resolved, closed) is a row of its own at its own time, so it cannot be seen before. A stock (open tickets, overdue
amount) is +1 on the day it begins and -1 on the day it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis

from features.measures import Either, Leaf, Measure

Tables = Mapping[str, ibis.Table]
UNIT = ["customer_id", "branch"]
"""What one history belongs to; ``branch`` tells apart what was known at different cutoffs (see ``engine``)."""

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Stream:
    """A named stream: the tables it reads, how it is built, and what its columns are.

    ``ticks`` are numbers in 1/10,000 parts, ``whole`` are whole numbers, ``flags`` are true or false, ``names`` are
    texts that a measure may ask to equal a value (``where="action=webinar"``), in lower case. ``either`` says that one
    of the tables is enough.
    """

    name: str
    tables: tuple[str, ...]
    build: Callable[[Tables], ibis.Table]
    whole: tuple[str, ...] = ()
    ticks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    either: bool = False

    def is_kept(self, tables: frozenset[str]) -> bool:
        """Return whether a company that keeps these tables has this stream."""
        return (any if self.either else all)(table in tables for table in self.tables)

    def rows(self, tables: Tables) -> ibis.Table:
        """Return the stream's rows with exactly the declared columns."""
        built = self.build(tables)
        return built.select(
            *UNIT,
            day=built.day.cast("int32"),
            second=built.second.cast("int64"),
            **{name: built[name].cast("int64") for name in (*self.whole, *self.ticks)},
            **{name: built[name].fill_null(False) for name in self.flags},
            **{name: built[name].lower().fill_null("") for name in self.names},
        )


def with_gaps(rows: ibis.Table) -> ibis.Table:
    """Add ``gap``, the whole days since the previous day with a row, and ``new_day``, true on a day's first row."""
    # By day, not by second: a cutoff's turn of the day may lie within a second.
    before = rows.day.lag().over(ibis.window(group_by=UNIT, order_by=rows.day))
    rows = rows.mutate(previous_day=before)
    new_day = rows.previous_day.isnull() | (rows.day > rows.previous_day)
    return rows.mutate(new_day=new_day, gap=ibis.ifelse(new_day, rows.day - rows.previous_day, None))


def later(rows: ibis.Table, fact: str) -> ibis.Table:
    """Return the rows whose fact has come, each placed at the fact's own time (never before the row itself)."""
    rows = rows.filter(rows[f"{fact}_day"].notnull())
    return rows.mutate(
        day=ibis.greatest(rows[f"{fact}_day"], rows.day),
        second=ibis.greatest((rows[f"{fact}_us"] // 1_000_000).cast("int64"), rows.second),
    )


def stock(begin: ibis.Table, end: ibis.Table, amount: str | None = None) -> ibis.Table:
    """Return +1 (or +amount) where something begins and -1 (or -amount) where it ends, as column ``change``.

    ``each`` is +1 and -1 in any case.
    """
    parts = []
    for rows, sign in ((begin, 1), (end, -1)):
        change = rows[amount] * sign if amount else ibis.literal(sign, "int64")
        parts.append(placed(rows, change=change, each=ibis.literal(sign, "int64")))
    return ibis.union(*parts)


def placed(rows: ibis.Table, **columns: ibis.Value) -> ibis.Table:
    """Return who, when and the given columns, in types that any two parts share."""
    day, second = rows.day.cast("int32"), rows.second.cast("int64")
    return rows.select(*UNIT, day=day, second=second, **{name: value.cast("int64") for name, value in columns.items()})


def firsts(rows: ibis.Table, column: str) -> ibis.Table:
    """Return the first row of each value of a column, so that counting rows counts distinct values."""
    rows = rows.filter(rows[column].notnull())
    return rows.group_by(*UNIT, column).agg(day=rows.day.min(), second=rows.second.min())


def distinct_within(rows: ibis.Table, column: str, days: int) -> ibis.Table:
    """Return changes whose sum is the number of distinct values seen in the last ``days`` days.

    A value counts from its row (or, if it already counted, from the day its previous row runs out) until ``days``
    days after the row.
    """
    rows = rows.filter(rows[column].notnull())
    before = rows.day.lag().over(ibis.window(group_by=[*UNIT, column], order_by=rows.day))
    rows = rows.mutate(until=(before + days).fill_null(-1_000_000))
    begin = rows.mutate(day=ibis.greatest(rows.day, rows.until))
    end = rows.mutate(day=rows.day + days)
    return stock(begin, end)


def orders(tables: Tables) -> ibis.Table:
    """Return one row an order: lines of one order at one moment added up; returns are another stream."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount > 0)
    whole = lines.group_by(*UNIT, "order_id", "day", "second").agg(
        amount=lines.amount.sum(), lines=lines.count(), quantity=lines.quantity.sum()
    )
    return with_gaps(whole)


def returns(tables: Tables) -> ibis.Table:
    """Return one row a returned or cancelled line, its amount positive."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount <= 0)
    return lines.mutate(amount=-lines.amount)


def products(tables: Tables) -> ibis.Table:
    """Return the first purchase of each product."""
    lines = tables["orders"]
    return firsts(lines.filter(lines.amount > 0), "product")


def interactions(tables: Tables) -> ibis.Table:
    """Return one row an interaction with its kind, who began it, how fast it was answered and how it felt."""
    rows = tables["interactions"]
    channel = rows.channel.lower()
    rows = rows.mutate(
        response=rows.response_hours,
        inbound=rows.direction.lower() == "inbound",
        outbound=rows.direction.lower() == "outbound",
        meeting=channel.isin(["meeting", "visit"]),
        deep=channel.isin(["meeting", "visit", "call"]),
        negative=rows.sentiment < 0,
    )
    return with_gaps(rows)


def chain(tables: Tables) -> ibis.Table:
    """Return one row an interaction with a known contact, with the contact's role, from when both are known."""
    rows, people = tables["interactions"], tables["contacts"]
    people = people.select(*UNIT, "contact_id", "role", known_day=people.day, known_second=people.second)
    rows = rows.join(people, [*UNIT, "contact_id"])
    return rows.mutate(
        day=ibis.greatest(rows.day, rows.known_day.fill_null(rows.day)),
        second=ibis.greatest(rows.second, rows.known_second.fill_null(rows.second)),
        decider=rows.role == "decision_maker",
        influencer=rows.role == "influencer",
        finance=rows.role == "finance",
    )


def contacts(tables: Tables) -> ibis.Table:
    """Return one row a contact person, from when the person is known."""
    rows = tables["contacts"]
    return rows.filter(rows.day.notnull()).mutate(decider=rows.role == "decision_maker")


def active_contacts(days: int) -> Callable[[Tables], ibis.Table]:
    """Return a builder of the number of contacts talked to within ``days`` days."""
    return lambda tables: distinct_within(tables["interactions"], "contact_id", days)


OWN_ACTIONS = ("sent", "email_sent", "sms_sent", "mailing", "ad_shown")


def touches(tables: Tables) -> ibis.Table:
    """Return one row a touch that the customer made."""
    return with_gaps(_not_ours(tables))


def _not_ours(tables: Tables) -> ibis.Table:
    """Return the touches that are not our own sendings."""
    rows = tables["touches"]
    return rows.filter(~rows.action.lower().isin(OWN_ACTIONS).fill_null(False))


def assets(tables: Tables) -> ibis.Table:
    """Return the customer's first touch of each asset."""
    return firsts(_not_ours(tables), "asset")


def campaigns(tables: Tables) -> ibis.Table:
    """Return the first touch of each campaign."""
    return firsts(tables["touches"], "campaign")


def actions(tables: Tables) -> ibis.Table:
    """Return the customer's first touch of each action."""
    return firsts(_not_ours(tables), "action")


def opportunities(tables: Tables) -> ibis.Table:
    """Return one row an opportunity when it is opened."""
    return tables["opportunities"]


def closings(tables: Tables) -> ibis.Table:
    """Return one row an opportunity when it is closed, won or lost."""
    rows = later(tables["opportunities"], "closed_at")
    return rows.mutate(
        won_flag=rows.won.fill_null(False),
        lost=~rows.won.fill_null(True),
        rival=rows.competitor.notnull(),
        age=ibis.greatest(rows.closed_at_day - rows.opened_at_day, 0),
    )


def open_opportunities(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open opportunities."""
    return stock(tables["opportunities"], later(tables["opportunities"], "closed_at"))


def open_pipeline(tables: Tables) -> ibis.Table:
    """Return the changes of the amount of open opportunities."""
    rows = tables["opportunities"]
    rows = rows.filter(rows.amount.notnull())
    return stock(rows, later(rows, "closed_at"), "amount")


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


def contracts(tables: Tables) -> ibis.Table:
    """Return one row a contract when it starts, with the change of its amount as a part of the one before."""
    rows = tables["contracts"]
    window = ibis.window(group_by=UNIT, order_by=[rows.second, rows.contract_id])
    before = rows.amount.lag().over(window)
    rows = rows.mutate(before=ibis.ifelse(before > 0, before, None).cast("float64"), end_day=rows.ends_at_day)
    share = ((rows.amount.cast("float64") - rows.before) / rows.before).clip(-100.0, 100.0)
    return rows.mutate(rise_share=(share * 10_000).round().cast("int64"))


def renewals(tables: Tables) -> ibis.Table:
    """Return one row a contract when it is renewed."""
    return later(tables["contracts"], "renewed_at")


def endings(tables: Tables) -> ibis.Table:
    """Return one row a contract at its end, and whether it had been renewed by then."""
    rows = tables["contracts"]
    rows = rows.mutate(renewed=(rows.renewed_at_day <= rows.ends_at_day).fill_null(False))
    return later(rows, "ends_at")


def contracts_in_force(tables: Tables) -> ibis.Table:
    """Return the changes of the number of contracts in force."""
    return stock(tables["contracts"], later(tables["contracts"], "ends_at"))


def credit(tables: Tables) -> ibis.Table:
    """Return one row a statement of credit, with the share used."""
    rows = tables["credit"]
    rows = rows.filter((rows.credit_limit > 0) & rows.credit_used.notnull())
    # Divided as fractions: ten thousand times a large credit does not fit in an integer.
    share = (rows.credit_used.cast("float64") / rows.credit_limit.cast("float64")).clip(-100.0, 100.0)
    return rows.mutate(used_share=(share * 10_000).round().cast("int64"))


def customers(tables: Tables) -> ibis.Table:
    """Return one row a customer, on the day it was created."""
    rows = tables["customers"]
    return rows.filter(rows.day.notnull())


STREAMS = (
    Stream(
        "orders",
        ("orders",),
        orders,
        whole=("gap", "lines"),
        ticks=("amount", "quantity"),
        flags=("new_day",),
    ),
    Stream("returns", ("orders",), returns, ticks=("amount",)),
    Stream("products", ("orders",), products),
    Stream(
        "interactions",
        ("interactions",),
        interactions,
        whole=("gap",),
        ticks=("response", "sentiment"),
        flags=("inbound", "outbound", "meeting", "deep", "negative", "new_day"),
        names=("channel",),
    ),
    Stream("chain", ("interactions", "contacts"), chain, flags=("decider", "influencer", "finance")),
    Stream("contacts", ("contacts",), contacts, flags=("decider",)),
    Stream("contacts_90d", ("interactions",), active_contacts(90), whole=("change",)),
    Stream("contacts_180d", ("interactions",), active_contacts(180), whole=("change",)),
    Stream("contacts_365d", ("interactions",), active_contacts(365), whole=("change",)),
    Stream("touches", ("touches",), touches, whole=("gap",), flags=("new_day",), names=("action",)),
    Stream("assets", ("touches",), assets),
    Stream("campaigns", ("touches",), campaigns),
    Stream("actions", ("touches",), actions),
    Stream("opportunities", ("opportunities",), opportunities, ticks=("amount",)),
    Stream(
        "closings",
        ("opportunities",),
        closings,
        whole=("age",),
        ticks=("amount",),
        flags=("won_flag", "lost", "rival"),
    ),
    Stream("open_opportunities", ("opportunities",), open_opportunities, whole=("change",)),
    Stream("open_pipeline", ("opportunities",), open_pipeline, ticks=("change",)),
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
    Stream("contracts", ("contracts",), contracts, whole=("end_day",), ticks=("amount", "rise_share")),
    Stream("renewals", ("contracts",), renewals),
    Stream("endings", ("contracts",), endings, flags=("renewed",)),
    Stream("contracts_in_force", ("contracts",), contracts_in_force, whole=("change",)),
    Stream("credit", ("credit",), credit, ticks=("used_share",)),
    Stream("customers", ("customers",), customers),
)
"""Every stream, in the order in which they are built."""


STREAM = {stream.name: stream for stream in STREAMS}


def measurable(measure: Measure, tables: frozenset[str]) -> bool:
    """Return whether a measure can be told from these tables; of two alternatives, one is enough."""
    if isinstance(measure, Leaf):
        return STREAM[measure.partial.stream].is_kept(tables)
    parts = [measurable(part, tables) for part in measure.parts()]
    return any(parts) if isinstance(measure, Either) else all(parts)
