"""Who talks to whom: interactions, contacts, and the touches of marketing."""

from __future__ import annotations

from collections.abc import Callable

import ibis
from rapport.features.streams.stream import Stream, Tables, distinct_within, firsts, with_gaps


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
    people = people.select("customer_id", "contact_id", "role", met_day=people.day, met_second=people.second)
    rows = rows.join(people, ["customer_id", "contact_id"])
    return rows.mutate(
        day=ibis.greatest(rows.day, rows.met_day.fill_null(rows.day)),
        second=ibis.greatest(rows.second, rows.met_second.fill_null(rows.second)),
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


STREAMS = (
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
)
