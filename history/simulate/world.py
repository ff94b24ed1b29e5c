"""The hidden state behind the tables: accounts, and the lead and churn processes that they went through."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Calendar, Flags, Floats, Ints, Times
from rapport.history.simulate.churn_process import BuyerProcess, simulate_buyers
from rapport.history.simulate.columns import make_ids
from rapport.history.simulate.lead_process import LeadProcess, simulate_leads

# Share of the buyers that are customers within the first year; the others come from leads.
FOUNDING_SHARE = 0.65
LEADS_PER_CUSTOMER = 1.15
FIRST_YEAR = 12
_STREAMS = (
    "leads", "buyers", "accounts", "customers", "contacts", "orders", "lines", "invoices", "contracts", "credit",
    "interactions", "touches", "tickets", "surveys", "risk_events", "opportunities",
    "campaigns", "industries", "referrals",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Accounts are numbered by creation time; ``customer`` and ``lead`` are the accounts of the buyers and leads.

    ``lead_of`` is the inverse, -1 for none.
    """

    seed: int
    calendar: Calendar
    buyers: BuyerProcess
    leads: LeadProcess
    customer: Ints
    lead: Ints
    created: Times
    chinese: Flags
    size: Floats

    def rng(self, stream: str) -> np.random.Generator:
        """Return the random generator of a table, independent of the other tables."""
        return np.random.default_rng([self.seed, _STREAMS.index(stream)])

    @property
    def accounts(self) -> int:
        """Return the number of accounts."""
        return len(self.created)

    @property
    def months(self) -> int:
        """Return the number of months of the history."""
        return self.calendar.months

    def lead_of(self) -> Ints:
        """Return the lead of each account, -1 for accounts that were customers from the start."""
        return _inverse(self.lead, self.accounts)

    def draw_times(self, rng: np.random.Generator, account: Ints, month: Ints) -> Times:
        """Draw times in the given months, never before the account was created."""
        drawn = self.calendar.moments(rng, month)
        soon = self.calendar.later(self.created[account], rng.exponential(0.4, len(account)))
        return np.where(drawn > self.created[account], drawn, soon)

    def ids(self, account: Ints) -> pa.Array:
        """Return the customer ids of the accounts."""
        return make_ids("C", account + 1)


def draw_world(customers: int, years: int, seed: int) -> World:
    """Draw the hidden state of a company with this number of buyers, and its leads."""
    calendar = Calendar(12 * years)
    months, founding = calendar.months, round(FOUNDING_SHARE * customers)
    rng = np.random.default_rng([seed, _STREAMS.index("leads")])
    leads = simulate_leads(rng, months, rng.integers(0, months - 1, round(LEADS_PER_CUSTOMER * customers)))
    won = np.flatnonzero(leads.bought < months)
    rng = np.random.default_rng([seed, _STREAMS.index("buyers")])
    joined = np.concatenate([rng.integers(0, FIRST_YEAR, founding), leads.bought[won]])
    buyers = simulate_buyers(rng, calendar, joined)
    rng = np.random.default_rng([seed, _STREAMS.index("accounts")])
    created = calendar.moments(rng, np.concatenate([joined[:founding], leads.arrived]))
    order = np.argsort(created, kind="stable")
    number = np.empty(len(created), dtype=np.int64)
    number[order] = np.arange(len(created))
    return World(
        seed, calendar, buyers, leads,
        customer=np.concatenate([number[:founding], number[founding + won]]),
        lead=number[founding:],
        created=created[order],
        chinese=rng.random(len(created)) < 0.6,
        size=np.asarray(np.round(np.clip(rng.lognormal(4.6, 1.2, len(created)), 5, 40_000)), dtype=np.float64),
    )  # fmt: skip


def _inverse(number: Ints, size: int) -> Ints:
    indices = np.full(size, -1)
    indices[number] = np.arange(len(number))
    return indices
