"""Meetings, calls and messages with sentiment and text; marketing touches."""

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Flags, Ints
from rapport.history.simulate.columns import expand_counts, make_ids, rounded, sorted_table, take_values, timestamps
from rapport.history.simulate.contacts import People
from rapport.history.simulate.reference_tables import campaign_of
from rapport.history.simulate.text_samples import ASSETS, CAMPAIGNS, TEXTS_EN, TEXTS_ZH
from rapport.history.simulate.world import World

CHANNELS = ("meeting", "visit", "call", "email", "chat")
ACTIONS = ("view", "click", "download", "webinar", "form", "cart", "login")
INBOUND = (0.50, 0.30, 0.08)
SENTIMENT = ((0.35, 0.25), (-0.10, 0.30), (-0.55, 0.25))
RESPONSE_HOURS = (6.0, 9.0, 20.0)
TEXT_SHARE = 0.30
SENTIMENT_SHARE = 0.40


def _draw_events(world: World, kinds: tuple[str, ...]) -> tuple[Ints, Ints, Ints, Ints]:
    """Return kind, account, month and buyer (-1 for leads) of all events of these kinds."""
    parts = []
    for code, name in enumerate(kinds):
        if name in world.buyers.events:
            buyer, month = expand_counts(world.buyers.events[name])
            parts.append((np.full(len(buyer), code), world.customer[buyer], month, buyer))
        if name in world.leads.events:
            lead, month = expand_counts(world.leads.events[name])
            parts.append((np.full(len(lead), code), world.lead[lead], month, np.full(len(lead), -1)))
    kind, account, month, buyer = (np.concatenate(each) for each in zip(*parts, strict=True))
    return kind, account, month, buyer


def interactions(world: World, people: People) -> pa.Table:
    """Return all interactions, some with a sentiment and some with a text."""
    rng = world.rng("interactions")
    channel, account, month, buyer = _draw_events(world, CHANNELS)
    n, states = len(channel), world.buyers.states
    service, happy = (np.where(buyer >= 0, states[each][month, buyer], 0) for each in ("service", "satisfaction"))
    fading = np.where(buyer >= 0, states["engagement"][month, buyer], 0)
    inbound = rng.random(n) < np.array(INBOUND)[fading]
    mean, deviation = np.array(SENTIMENT)[np.maximum(happy, np.minimum(service, 1))].T
    sentiment = np.clip(rng.normal(mean, deviation), -1, 1)
    when = world.draw_times(rng, account, month)
    answered = inbound & (channel >= 2)
    has_text = rng.random(n) < TEXT_SHARE
    tone = np.where(sentiment > 0.15, 0, np.where(sentiment > -0.25, 1, 2))
    return sorted_table(
        {
            "customer_id": world.ids(account),
            "occurred_at": timestamps(when),
            "channel": take_values(CHANNELS, channel),
            "direction": take_values(("outbound", "inbound"), inbound.astype(np.int64)),
            "contact_id": make_ids("P", people.draw_contacts(rng, world, account, month, buyer) + np.int64(1), 7),
            "response_hours": rounded(rng.gamma(2.0, np.array(RESPONSE_HOURS)[service] / 2), answered, 1),
            "sentiment": rounded(sentiment, rng.random(n) < SENTIMENT_SHARE),
            "text": _texts(rng, tone, world.chinese[account], has_text),
            "recorded_at": timestamps(world.calendar.later(when, rng.exponential(0.6, n))),
        },
        "occurred_at",
    )


def _texts(rng: np.random.Generator, tone: Ints, chinese: Flags, has_text: Flags) -> pa.Array:
    """Return a sentence in the account's language where ``has_text``, null elsewhere."""
    flat = [None, *(sentence for tones in (TEXTS_EN, TEXTS_ZH) for sentences in tones for sentence in sentences)]
    each = len(TEXTS_EN[0])
    code = 1 + (chinese.astype(np.int64) * len(TEXTS_EN) + tone) * each + rng.integers(0, each, len(tone))
    return take_values(flat, np.where(has_text, code, 0))


def touches(world: World) -> pa.Table:
    """Return marketing touches and logins."""
    rng = world.rng("touches")
    action, account, month, _ = _draw_events(world, ACTIONS)
    n = len(action)
    when = world.draw_times(rng, account, month)
    campaign = campaign_of(month)
    bare = np.isin(action, [ACTIONS.index("login"), ACTIONS.index("cart")])
    channels = ("web", "email", "wechat", "search", "partner")
    return sorted_table(
        {
            "customer_id": world.ids(account),
            "occurred_at": timestamps(when),
            "action": take_values(ACTIONS, action),
            "channel": take_values(channels, rng.choice(5, n, p=[0.4, 0.25, 0.2, 0.1, 0.05])),
            "campaign": take_values((None, *CAMPAIGNS), np.where(bare, 0, 1 + campaign)),
            "asset": take_values((None, *ASSETS), np.where(bare, 0, 1 + rng.integers(0, len(ASSETS), n))),
        },
        "occurred_at",
    )
