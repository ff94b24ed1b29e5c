"""Accounts and the people in them; decision makers leave, and their successors come later."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from rapport.history.simulate.clock import Ints
from rapport.history.simulate.life import Flags
from rapport.history.simulate.words import (
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
from rapport.history.simulate.world import World, chosen, finished, labels, numbers, times

ROLES = ("decision_maker", "influencer", "user", "finance")
SPEAKERS = (0.45, 0.18, 0.28, 0.09)
UNNAMED = 0.08
PER_OWNER = 60
IN_GROUPS = 0.25


def customers(world: World) -> pa.Table:
    """Return the accounts, leads among them, with names, parents and owners."""
    rng, n = world.rng("customers"), world.accounts
    source = rng.integers(2, len(SOURCES), n)
    fits = np.zeros(n, dtype=bool)
    fits[world.lead] = world.prospects.fits
    source = np.where(fits, rng.integers(0, 2, n), source)
    owners = np.minimum(rng.integers(0, max(3, n // PER_OWNER), n), len(OWNERS) - 1)
    return finished(
        {
            "customer_id": world.ids(np.arange(n)),
            "created_at": times(world.created),
            "name": pa.array(_company_names(rng, world)),
            "region": chosen(REGIONS, rng.integers(0, len(REGIONS), n)),
            "industry": chosen(INDUSTRIES, rng.integers(0, len(INDUSTRIES), n)),
            "employees": numbers(world.size, decimals=0),
            "source": chosen(SOURCES, source),
            "parent_id": labels("C", _parents(rng, n) + 1),
            "owner": chosen(OWNERS, owners),
        },
        "created_at",
    )


def _parents(rng: np.random.Generator, n: int) -> Ints:
    """Return each account's parent, -2 for none: groups of two to six under one head, no deeper."""
    members = rng.permutation(n)[: round(IN_GROUPS * n)]
    parents = np.full(n, -2)
    group = np.cumsum(rng.random(len(members)) < 0.3)
    heads = members[np.unique(group, return_index=True)[1]] if len(members) else members
    parents[members] = heads[group - group[0]] if len(members) else parents[members]
    parents[heads] = -2
    return parents


def _company_names(rng: np.random.Generator, world: World) -> list[str]:
    """Return a name for each account; a number tells namesakes apart."""
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
    """Who can be talked to: contact numbers by account, -1 where there is none.

    ``successor`` says, months × lives, how many decision makers went before the present one.
    """

    first_maker: Ints
    successor: Ints
    influencer: Ints
    user: Ints
    finance: Ints
    table: pa.Table

    def speaker(self, rng: np.random.Generator, world: World, account: Ints, month: Ints, life: Ints) -> Ints:
        """Draw with whom each contact was; a decision maker who left is seen no more. ``life`` is -1 for leads."""
        role = rng.choice(len(ROLES), len(account), p=SPEAKERS)
        gone = np.where(life >= 0, world.lives.states["relationship"][month, life], 0)
        maker = self.first_maker[account] + np.where(life >= 0, self.successor[month, life], 0)
        absent = rng.random(len(account)) < np.array([0.0, 0.8, 1.0])[gone]
        user = self.user[account]
        by_role = np.stack([np.where(absent, user, maker), self.influencer[account], user, self.finance[account]])
        who = by_role[role, np.arange(len(account))]
        return np.where(rng.random(len(account)) < UNNAMED, -1, np.where(who < 0, user, who))


def draw_people(world: World) -> People:
    """Draw the people of every account, and every decision maker's successors."""
    rng, lives, n = world.rng("contacts"), world.lives, world.accounts
    trouble = lives.states["relationship"]
    heals = np.zeros_like(trouble, dtype=np.int64)
    heals[1:] = (trouble[1:] == 0) & (trouble[:-1] > 0)
    successor = np.cumsum(heals, axis=0)
    makers = np.ones(n, dtype=np.int64)
    makers[world.customer] += successor[-1]
    first_maker = np.cumsum(makers) - makers
    present = [np.ones(n, dtype=bool), rng.random(n) < 0.8, np.ones(n, dtype=bool), rng.random(n) < 0.6]
    total, places = int(makers.sum()), []
    for has in present[1:]:
        places.append(np.where(has, total + np.cumsum(has) - 1, -1))
        total += int(has.sum())
    came, life = np.nonzero(heals)
    account = np.concatenate([np.repeat(np.arange(n), makers), *(np.flatnonzero(has) for has in present[1:])])
    # People are written down with their account, and successors before anybody talks to them.
    known = world.created[account] + np.timedelta64(1, "s")
    known[first_maker[world.customer[life]] + successor[came, life]] = world.calendar.starts[came]
    role = np.repeat(np.arange(4), [int(makers.sum()), *(int(has.sum()) for has in present[1:])])
    table = finished(
        {
            "contact_id": labels("P", np.arange(total) + 1, 7),
            "customer_id": world.ids(account),
            "name": pa.array(_person_names(rng, world.chinese[account])),
            "role": chosen(ROLES, role),
            "level": chosen(LEVELS, np.where(role == 0, 0, rng.integers(1, len(LEVELS), total))),
            "created_at": times(known),
        },
        "created_at",
    )
    return People(first_maker, successor, places[0], places[1], places[2], table)


def _person_names(rng: np.random.Generator, chinese: Flags) -> list[str]:
    first, last = rng.integers(0, 1 << 30, (2, len(chinese))).tolist()
    return [
        _of(ZH_SURNAMES, b) + _of(ZH_GIVEN, a) if is_chinese else f"{_of(ENGLISH_FIRST, a)} {_of(ENGLISH_LAST, b)}"
        for is_chinese, a, b in zip(chinese.tolist(), first, last, strict=True)
    ]
