"""The whole invented world behind the tables: accounts, the leads they were, and the customers they became."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapport.history.simulate.clock import END, Calendar, Floats, Ints, Times
from rapport.history.simulate.leads import Prospects, court
from rapport.history.simulate.life import Flags, Lives, live

# Of the accounts that buy, these many are there within the first year; the others come from leads.
FOUNDING = 0.65
LEADS_PER_CUSTOMER = 1.15
FIRST_YEAR = 12
_STREAMS = (
    "leads", "lives", "accounts", "customers", "contacts", "orders", "lines", "invoices", "contracts", "credit",
    "interactions", "touches", "tickets", "surveys", "risk_events", "opportunities",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Accounts are numbered by when they were created; ``customer`` and ``lead`` say which account each is.

    ``life_of`` and ``lead_of`` are the other way round, -1 for none.
    """

    seed: int
    calendar: Calendar
    lives: Lives
    prospects: Prospects
    customer: Ints
    lead: Ints
    created: Times
    chinese: Flags
    size: Floats

    def rng(self, stream: str) -> np.random.Generator:
        """Return the table's own stream of chance, so that one table's draws never move another's."""
        return np.random.default_rng([self.seed, _STREAMS.index(stream)])

    @property
    def accounts(self) -> int:
        """Return how many accounts there are."""
        return len(self.created)

    @property
    def months(self) -> int:
        """Return how many months the history has."""
        return self.calendar.months

    def lead_of(self) -> Ints:
        """Return for each account its lead, -1 for those who were customers from the first day."""
        return _inverse(self.lead, self.accounts)

    def when(self, rng: np.random.Generator, account: Ints, month: Ints) -> Times:
        """Draw moments in the given months, never before the account was known."""
        drawn = self.calendar.moments(rng, month)
        soon = self.calendar.later(self.created[account], rng.exponential(0.4, len(account)))
        return np.where(drawn > self.created[account], drawn, soon)

    def ids(self, account: Ints) -> pa.Array:
        """Return the customer ids of the accounts."""
        return labels("C", account + 1)


def invent(customers: int, years: int, seed: int) -> World:
    """Draw the hidden world of a company with that many buyers, and leads beside them."""
    calendar = Calendar(12 * years)
    months, founding = calendar.months, round(FOUNDING * customers)
    rng = np.random.default_rng([seed, _STREAMS.index("leads")])
    prospects = court(rng, months, rng.integers(0, months - 1, round(LEADS_PER_CUSTOMER * customers)))
    won = np.flatnonzero(prospects.bought < months)
    rng = np.random.default_rng([seed, _STREAMS.index("lives")])
    joined = np.concatenate([rng.integers(0, FIRST_YEAR, founding), prospects.bought[won]])
    lives = live(rng, calendar, joined)
    rng = np.random.default_rng([seed, _STREAMS.index("accounts")])
    created = calendar.moments(rng, np.concatenate([joined[:founding], prospects.arrived]))
    order = np.argsort(created, kind="stable")
    number = np.empty(len(created), dtype=np.int64)
    number[order] = np.arange(len(created))
    return World(
        seed, calendar, lives, prospects,
        customer=np.concatenate([number[:founding], number[founding + won]]),
        lead=number[founding:],
        created=created[order],
        chinese=rng.random(len(created)) < 0.6,
        size=np.asarray(np.round(np.clip(rng.lognormal(4.6, 1.2, len(created)), 5, 40_000)), dtype=np.float64),
    )  # fmt: skip


def spread(counts: Ints) -> tuple[Ints, Ints]:
    """Return one (column, row) for each count of a months × accounts array."""
    month, who = np.nonzero(counts)
    times = counts[month, who]
    return np.repeat(who, times), np.repeat(month, times)


def labels(prefix: str, numbers: Ints, width: int = 6) -> pa.Array:
    """Return identifiers such as C000042; null where the number is not positive."""
    digits = pc.utf8_lpad(pc.cast(pa.array(np.maximum(numbers, 0)), pa.string()), width, "0")
    named = pc.binary_join_element_wise(pa.scalar(prefix), digits, "")
    return pc.if_else(pa.array(numbers > 0), named, pa.scalar(None, pa.string()))


def chosen(values: Sequence[str | None], codes: Ints) -> pa.Array:
    """Return the text of each code."""
    return pa.array(list(values), pa.string()).take(pa.array(codes))


def numbers(values: Floats, known: Flags | None = None, decimals: int = 2) -> pa.Array:
    """Return rounded numbers, null where they are not known."""
    return pa.array(np.round(values, decimals), mask=None if known is None else ~known)


def times(values: Times, known: Flags | None = None) -> pa.Array:
    """Return timestamps, null where they are not known or lie after the end of the history."""
    unknown = values >= END if known is None else ~known | (values >= END)
    return pa.array(values.astype("datetime64[us]"), mask=unknown)


def planned(values: Times) -> pa.Array:
    """Return timestamps that may lie ahead."""
    return pa.array(values.astype("datetime64[us]"))


def finished(table: dict[str, pa.Array], time: str) -> pa.Table:
    """Return the table in the order of its time, without rows that are not recorded before the end."""
    whole = pa.table(table)
    for name in {time, "recorded_at"} & set(whole.column_names):
        whole = whole.filter(pc.is_valid(whole[name]))
    return whole.sort_by([(time, "ascending"), (whole.column_names[0], "ascending")])


def _inverse(number: Ints, size: int) -> Ints:
    places = np.full(size, -1)
    places[number] = np.arange(len(number))
    return places
