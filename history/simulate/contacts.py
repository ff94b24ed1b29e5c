"""Accounts and their contacts; decision makers leave, and successors follow later."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Flags, Ints
from rapport.history.simulate.columns import make_ids, rounded, sorted_table, take_values, timestamps
from rapport.history.simulate.reference_tables import draw_referrers
from rapport.history.simulate.text_samples import (
    CITIES,
    ENGLISH_COMPANIES,
    ENGLISH_FIRST,
    ENGLISH_LAST,
    ENGLISH_SUFFIXES,
    ENGLISH_WORDS,
    INDUSTRIES,
    LEVELS,
    OWNERS,
    REGIONS,
    SOURCES,
    ZH_COMPANIES,
    ZH_GIVEN,
    ZH_SUFFIXES,
    ZH_SURNAMES,
    ZH_WORDS,
)
from rapport.history.simulate.world import World

ROLES = ("decision_maker", "influencer", "user", "finance")
ROLE_WEIGHTS = (0.45, 0.18, 0.28, 0.09)
UNNAMED_SHARE = 0.08
PER_OWNER = 60
GROUP_SHARE = 0.25


def customers(world: World) -> pa.Table:
    """Return the accounts, leads included, with names, parents and owners."""
    rng, n = world.rng("customers"), world.accounts
    source = rng.integers(2, len(SOURCES), n)
    fits = np.zeros(n, dtype=bool)
    fits[world.lead] = world.leads.fits
    source = np.where(fits, rng.integers(0, 2, n), source)
    owners = np.minimum(rng.integers(0, max(3, n // PER_OWNER), n), len(OWNERS) - 1)
    return sorted_table(
        {
            "customer_id": world.ids(np.arange(n)),
            "created_at": timestamps(world.created),
            "name": pa.array(_company_names(rng, world)),
            "region": take_values(REGIONS, rng.integers(0, len(REGIONS), n)),
            "industry": take_values(INDUSTRIES, rng.integers(0, len(INDUSTRIES), n)),
            "employees": rounded(world.size, decimals=0),
            "source": take_values(SOURCES, source),
            "parent_id": make_ids("C", _draw_parents(rng, n) + 1),
            "owner": take_values(OWNERS, owners),
            "referred_by": make_ids("C", draw_referrers(world, source == SOURCES.index("referral")) + 1),
        },
        "created_at",
    )


def _draw_parents(rng: np.random.Generator, n: int) -> Ints:
    """Return each account's parent, -2 for none: groups of two to six under one head, no deeper."""
    members = rng.permutation(n)[: round(GROUP_SHARE * n)]
    parents = np.full(n, -2)
    group = np.cumsum(rng.random(len(members)) < 0.3)
    heads = members[np.unique(group, return_index=True)[1]] if len(members) else members
    parents[members] = heads[group - group[0]] if len(members) else parents[members]
    parents[heads] = -2
    return parents


def _company_names(rng: np.random.Generator, world: World) -> list[str]:
    """Return a name for each account; a number distinguishes equal names."""
    n = world.accounts
    picks = rng.integers(0, 1 << 30, (5, n))
    seen: dict[str, int] = {}
    names = []
    for chinese, a, b, c, d, e in zip(world.chinese.tolist(), *picks.tolist(), strict=True):
        if chinese:
            name = _of(CITIES, a) + _of(ZH_WORDS, b) + _of(ZH_WORDS, c) + _of(ZH_COMPANIES, d) + _of(ZH_SUFFIXES, e)
        else:
            word = _of(ENGLISH_WORDS, a) + _of(ENGLISH_SUFFIXES, b).lower()
            name = f"{word} {_of(ENGLISH_COMPANIES, c)} {('Ltd', 'GmbH', 'Inc', 'Co')[d % 4]}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return names


def _of(words: tuple[str, ...], pick: int) -> str:
    return words[pick % len(words)]


@dataclass(frozen=True)
class People:
    """The people of each account, as contact numbers; -1 for none.

    ``successor`` (months × buyers) counts the former decision makers before the current one.
    """

    first_maker: Ints
    successor: Ints
    influencer: Ints
    user: Ints
    finance: Ints
    table: pa.Table

    def draw_contacts(self, rng: np.random.Generator, world: World, account: Ints, month: Ints, buyer: Ints) -> Ints:
        """Draw the person of each interaction; a former decision maker has none. ``buyer`` is -1 for leads."""
        role = rng.choice(len(ROLES), len(account), p=ROLE_WEIGHTS)
        departed = np.where(buyer >= 0, world.buyers.states["relationship"][month, buyer], 0)
        maker = self.first_maker[account] + np.where(buyer >= 0, self.successor[month, buyer], 0)
        absent = rng.random(len(account)) < np.array([0.0, 0.8, 1.0])[departed]
        user = self.user[account]
        by_role = np.stack([np.where(absent, user, maker), self.influencer[account], user, self.finance[account]])
        who = by_role[role, np.arange(len(account))]
        return np.where(rng.random(len(account)) < UNNAMED_SHARE, -1, np.where(who < 0, user, who))


def draw_people(world: World) -> People:
    """Draw the people of every account, and the successors of decision makers."""
    rng, buyers, n = world.rng("contacts"), world.buyers, world.accounts
    trouble = buyers.states["relationship"]
    recovers = np.zeros_like(trouble, dtype=np.int64)
    recovers[1:] = (trouble[1:] == 0) & (trouble[:-1] > 0)
    successor = np.cumsum(recovers, axis=0)
    makers = np.ones(n, dtype=np.int64)
    makers[world.customer] += successor[-1]
    first_maker = np.cumsum(makers) - makers
    present = [np.ones(n, dtype=bool), rng.random(n) < 0.8, np.ones(n, dtype=bool), rng.random(n) < 0.6]
    total, numbers = int(makers.sum()), []
    for has in present[1:]:
        numbers.append(np.where(has, total + np.cumsum(has) - 1, -1))
        total += int(has.sum())
    start, buyer = np.nonzero(recovers)
    account = np.concatenate([np.repeat(np.arange(n), makers), *(np.flatnonzero(has) for has in present[1:])])
    # Contacts are created with their account, and successors before their first interaction.
    known = world.created[account] + np.timedelta64(1, "s")
    known[first_maker[world.customer[buyer]] + successor[start, buyer]] = world.calendar.starts[start]
    role = np.repeat(np.arange(4), [int(makers.sum()), *(int(has.sum()) for has in present[1:])])
    table = sorted_table(
        {
            "contact_id": make_ids("P", np.arange(total) + 1, 7),
            "customer_id": world.ids(account),
            "name": pa.array(_person_names(rng, world.chinese[account])),
            "role": take_values(ROLES, role),
            "level": take_values(LEVELS, np.where(role == 0, 0, rng.integers(1, len(LEVELS), total))),
            "created_at": timestamps(known),
        },
        "created_at",
    )
    return People(first_maker, successor, numbers[0], numbers[1], numbers[2], table)


def _person_names(rng: np.random.Generator, chinese: Flags) -> list[str]:
    first, last = rng.integers(0, 1 << 30, (2, len(chinese))).tolist()
    return [
        _of(ZH_SURNAMES, b) + _of(ZH_GIVEN, a) if is_chinese else f"{_of(ENGLISH_FIRST, a)} {_of(ENGLISH_LAST, b)}"
        for is_chinese, a, b in zip(chinese.tolist(), first, last, strict=True)
    ]
