"""Meetings, calls and messages with mood and words; marketing touches."""

import numpy as np
import pyarrow as pa
from rapport.history.simulate.clock import Ints
from rapport.history.simulate.life import Flags
from rapport.history.simulate.people import People
from rapport.history.simulate.words import ASSETS, CAMPAIGNS, SAID_EN, SAID_ZH
from rapport.history.simulate.world import World, chosen, finished, labels, numbers, spread, times

CHANNELS = ("meeting", "visit", "call", "email", "chat")
ACTIONS = ("view", "click", "download", "webinar", "form", "cart", "login")
INBOUND = (0.50, 0.30, 0.08)
MOOD = ((0.35, 0.25), (-0.10, 0.30), (-0.55, 0.25))
RESPONSE_HOURS = (6.0, 9.0, 20.0)
WITH_TEXT = 0.30
WITH_MOOD = 0.40


def _happened(world: World, kinds: tuple[str, ...]) -> tuple[Ints, Ints, Ints, Ints]:
    """Return kind, account, month and life (-1 for leads) of everything of those kinds."""
    parts = []
    for code, name in enumerate(kinds):
        if name in world.lives.marks:
            life, month = spread(world.lives.marks[name])
            parts.append((np.full(len(life), code), world.customer[life], month, life))
        if name in world.prospects.marks:
            lead, month = spread(world.prospects.marks[name])
            parts.append((np.full(len(lead), code), world.lead[lead], month, np.full(len(lead), -1)))
    kind, account, month, life = (np.concatenate(each) for each in zip(*parts, strict=True))
    return kind, account, month, life


def interactions(world: World, people: People) -> pa.Table:
    """Return all contacts with people, some with a mood and some with words."""
    rng = world.rng("interactions")
    channel, account, month, life = _happened(world, CHANNELS)
    n, states = len(channel), world.lives.states
    service, happy = (np.where(life >= 0, states[each][month, life], 0) for each in ("service", "satisfaction"))
    fading = np.where(life >= 0, states["engagement"][month, life], 0)
    inbound = rng.random(n) < np.array(INBOUND)[fading]
    mean, deviation = np.array(MOOD)[np.maximum(happy, np.minimum(service, 1))].T
    mood = np.clip(rng.normal(mean, deviation), -1, 1)
    when = world.when(rng, account, month)
    answered = inbound & (channel >= 2)
    said = rng.random(n) < WITH_TEXT
    tone = np.where(mood > 0.15, 0, np.where(mood > -0.25, 1, 2))
    return finished(
        {
            "customer_id": world.ids(account),
            "occurred_at": times(when),
            "channel": chosen(CHANNELS, channel),
            "direction": chosen(("outbound", "inbound"), inbound.astype(np.int64)),
            "contact_id": labels("P", people.speaker(rng, world, account, month, life) + np.int64(1), 7),
            "response_hours": numbers(rng.gamma(2.0, np.array(RESPONSE_HOURS)[service] / 2), answered, 1),
            "sentiment": numbers(mood, rng.random(n) < WITH_MOOD),
            "text": _words(rng, tone, world.chinese[account], said),
            "recorded_at": times(world.calendar.later(when, rng.exponential(0.6, n))),
        },
        "occurred_at",
    )


def _words(rng: np.random.Generator, tone: Ints, chinese: Flags, said: Flags) -> pa.Array:
    """Return a sentence in the account's language for what was said, null for the rest."""
    flat = [None, *(sentence for tones in (SAID_EN, SAID_ZH) for sentences in tones for sentence in sentences)]
    each = len(SAID_EN[0])
    code = 1 + (chinese.astype(np.int64) * len(SAID_EN) + tone) * each + rng.integers(0, each, len(tone))
    return chosen(flat, np.where(said, code, 0))


def touches(world: World) -> pa.Table:
    """Return marketing touches and log-ins."""
    rng = world.rng("touches")
    action, account, month, _ = _happened(world, ACTIONS)
    n = len(action)
    when = world.when(rng, account, month)
    # A campaign runs for a quarter.
    campaign = (month // 3) % len(CAMPAIGNS)
    bare = np.isin(action, [ACTIONS.index("login"), ACTIONS.index("cart")])
    channels = ("web", "email", "wechat", "search", "partner")
    return finished(
        {
            "customer_id": world.ids(account),
            "occurred_at": times(when),
            "action": chosen(ACTIONS, action),
            "channel": chosen(channels, rng.choice(5, n, p=[0.4, 0.25, 0.2, 0.1, 0.05])),
            "campaign": chosen((None, *CAMPAIGNS), np.where(bare, 0, 1 + campaign)),
            "asset": chosen((None, *ASSETS), np.where(bare, 0, 1 + rng.integers(0, len(ASSETS), n))),
        },
        "occurred_at",
    )
