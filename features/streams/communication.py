"""Event streams of interactions, contacts and marketing touches."""

from __future__ import annotations

from collections.abc import Callable

import ibis

from rapport.features.streams.stream import Stream, Tables, distinct_in_window, first_occurrences, with_gaps


def interactions(tables: Tables) -> ibis.Table:
    """Return one row per interaction with its channel, direction, response time and sentiment."""
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
    """Return one row per interaction with a known contact, with the contact's role, from when both are known."""
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
    """Return one row per contact person, from when the person is known."""
    rows = tables["contacts"]
    return rows.filter(rows.day.notnull()).mutate(decider=rows.role == "decision_maker")


def active_contacts(days: int) -> Callable[[Tables], ibis.Table]:
    """Return the builder of the stream that counts contacts with an interaction in the last ``days`` days."""
    return lambda tables: distinct_in_window(tables["interactions"], "contact_id", days)


OWN_ACTIONS = ("sent", "email_sent", "sms_sent", "mailing", "ad_shown")


def touches(tables: Tables) -> ibis.Table:
    """Return one row per touch made by the customer."""
    return with_gaps(_customer_touches(tables))


def _customer_touches(tables: Tables) -> ibis.Table:
    """Return the touches except those that the company itself sent."""
    rows = tables["touches"]
    return rows.filter(~rows.action.lower().isin(OWN_ACTIONS).fill_null(False))


def assets(tables: Tables) -> ibis.Table:
    """Return the customer's first touch of each asset."""
    return first_occurrences(_customer_touches(tables), "asset")


def campaigns(tables: Tables) -> ibis.Table:
    """Return the first touch of each campaign."""
    return first_occurrences(tables["touches"], "campaign")


def actions(tables: Tables) -> ibis.Table:
    """Return the customer's first touch of each action."""
    return first_occurrences(_customer_touches(tables), "action")


STREAMS = (
    Stream(
        "interactions",
        ("interactions",),
        interactions,
        integers=("gap",),
        fixed_point=("response", "sentiment"),
        flags=("inbound", "outbound", "meeting", "deep", "negative", "new_day"),
        texts=("channel",),
    ),
    Stream("chain", ("interactions", "contacts"), chain, flags=("decider", "influencer", "finance")),
    Stream("contacts", ("contacts",), contacts, flags=("decider",)),
    Stream("contacts_90d", ("interactions",), active_contacts(90), integers=("change",)),
    Stream("contacts_180d", ("interactions",), active_contacts(180), integers=("change",)),
    Stream("contacts_365d", ("interactions",), active_contacts(365), integers=("change",)),
    Stream("touches", ("touches",), touches, integers=("gap",), flags=("new_day",), texts=("action",)),
    Stream("assets", ("touches",), assets),
    Stream("campaigns", ("touches",), campaigns),
    Stream("actions", ("touches",), actions),
)
