"""Event streams of interactions, contacts, marketing touches and product use."""

from __future__ import annotations

from collections.abc import Callable

from rapport.features.arrays.operations import Operation, where_text
from rapport.features.arrays.verbs import Rows, joined
from rapport.features.streams.stream import Stream, Tables, distinct_in_window, first_occurrences, with_gaps
from rapport.history.content import KINDS, content_signals


def interactions(tables: Tables) -> Rows:
    """Return one row per interaction with its channel, direction, response time and sentiment."""
    rows = tables["interactions"]
    channel, direction = rows["channel"].lower(), rows["direction"].lower()
    rows = rows.with_columns(
        response=rows["response_hours"],
        inbound=direction.equals("inbound"),
        outbound=direction.equals("outbound"),
        meeting=channel.is_in(["meeting", "visit"]),
        deep=channel.is_in(["meeting", "visit", "call"]),
        negative=rows["sentiment"] < 0,
    )
    return with_gaps(rows)


def chain(tables: Tables) -> Rows:
    """Return one row per interaction with a known contact, with the contact's role, from when both are known."""
    rows, people = joined(tables["interactions"], tables["contacts"], on=["customer_id", "contact_id"])
    return rows.with_columns(
        day=rows["day"].at_least(people["day"]),
        second=rows["second"].at_least(people["second"]),
        decider=people["role"].equals("decision_maker"),
        influencer=people["role"].equals("influencer"),
        finance=people["role"].equals("finance"),
    )


def _has_signal(kind: str) -> Operation:
    return where_text(lambda text: any(signal.kind == kind for signal in content_signals(text)))


_SIGNAL_OPERATIONS = {kind: _has_signal(kind) for kind in KINDS}


def signals(tables: Tables) -> Rows:
    """Return one row per interaction that the company did not start, with the kinds of signals in its text as flags."""
    rows = tables["interactions"]
    rows = rows.filter(~rows["direction"].lower().equals("outbound").fill_null(False))
    return rows.with_columns(**{kind: rows["text"].where_text(test) for kind, test in _SIGNAL_OPERATIONS.items()})


def contacts(tables: Tables) -> Rows:
    """Return one row per contact person, from when the person is known."""
    rows = tables["contacts"]
    rows = rows.filter(rows["day"].is_known())
    return rows.with_columns(decider=rows["role"].equals("decision_maker"))


def active_contacts(days: int) -> Callable[[Tables], Rows]:
    """Return the builder of the stream that counts contacts with an interaction in the last ``days`` days."""
    return lambda tables: distinct_in_window(tables["interactions"], "contact_id", days)


OWN_ACTIONS = ("sent", "email_sent", "sms_sent", "mailing", "ad_shown")


def touches(tables: Tables) -> Rows:
    """Return one row per touch made by the customer."""
    return with_gaps(_customer_touches(tables))


def _customer_touches(tables: Tables) -> Rows:
    """Return the touches except those that the company itself sent."""
    rows = tables["touches"]
    return rows.filter(~rows["action"].lower().is_in(OWN_ACTIONS).fill_null(False))


def assets(tables: Tables) -> Rows:
    """Return the customer's first touch of each asset."""
    return first_occurrences(_customer_touches(tables), "asset")


def campaigns(tables: Tables) -> Rows:
    """Return the first touch of each campaign."""
    return first_occurrences(tables["touches"], "campaign")


def actions(tables: Tables) -> Rows:
    """Return the customer's first touch of each action."""
    return first_occurrences(_customer_touches(tables), "action")


def usage(tables: Tables) -> Rows:
    """Return one row per use of the product."""
    return with_gaps(tables["usage"])


def used_by(days: int) -> Callable[[Tables], Rows]:
    """Return the builder of the stream that counts the people who used the product in the last ``days`` days."""
    return lambda tables: distinct_in_window(tables["usage"], "user_id", days)


def used_functions(tables: Tables) -> Rows:
    """Return the changes of the number of functions used in the last 90 days."""
    return distinct_in_window(tables["usage"], "feature", 90)


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
    Stream("signals", ("interactions",), signals, flags=KINDS),
    Stream("chain", ("interactions", "contacts"), chain, flags=("decider", "influencer", "finance")),
    Stream("contacts", ("contacts",), contacts, flags=("decider",)),
    Stream("contacts_90d", ("interactions",), active_contacts(90), integers=("change",)),
    Stream("contacts_180d", ("interactions",), active_contacts(180), integers=("change",)),
    Stream("contacts_365d", ("interactions",), active_contacts(365), integers=("change",)),
    Stream("touches", ("touches",), touches, integers=("gap",), flags=("new_day",), texts=("action",)),
    Stream("assets", ("touches",), assets),
    Stream("campaigns", ("touches",), campaigns),
    Stream("actions", ("touches",), actions),
    Stream("usage", ("usage",), usage, integers=("gap",), fixed_point=("quantity",), flags=("new_day",)),
    Stream("usage_users_30d", ("usage",), used_by(30), integers=("change",)),
    Stream("usage_users_90d", ("usage",), used_by(90), integers=("change",)),
    Stream("usage_functions_90d", ("usage",), used_functions, integers=("change",)),
)
