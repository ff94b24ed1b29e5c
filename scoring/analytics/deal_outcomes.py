"""What past deals say about the C139 card: weights learned from won and lost ones, and the win rate of each tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.errors import CardError
from rapport.history import History
from rapport.history.reading.versions import STAGE_SINCE
from rapport.scoring.analytics.point_in_time import deals_before_their_end, query_as_of
from rapport.scoring.analytics.proportions import wilson_interval
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.weight_suggestion import WeightSuggestion, fit_weights

EARLIER_SHARE = 0.7
"""Weights are learned from this share of the closed deals, the earliest, and judged on the rest."""
MIN_GAIN = 0.01
"""Learned weights replace the written ones if their AUC on later deals is higher by at least this."""
MIN_DEALS = 30
"""The minimum number of closed deals in a group for a win rate."""


@dataclass(frozen=True)
class DealCard:
    """The card that scores open deals, and what past deals say about it."""

    card: Card
    suggestion: WeightSuggestion | None
    learned: bool
    tiers: tuple[Mapping[str, Any], ...]

    def win_rate(self, tier: str | None) -> float | None:
        """Return the share of past deals of a tier that were won, tiers that do not differ taken together."""
        return next((each["win_rate"] for each in self.tiers if each["tier"] == tier and each["enough"]), None)

    def facts(self) -> dict[str, Any]:
        """Return the figures behind the card: AUC of both sets of weights on later deals, and the tiers."""
        figures = self.suggestion.as_dict() if self.suggestion else {}
        return {**figures, "learned": self.learned, "tiers": [dict(each) for each in self.tiers]}


def deal_card(history: History, as_of: datetime, written: Card) -> DealCard:
    """Return the card for open deals; learned weights only where later deals show that they rank better."""
    closed = closed_opportunities(history, as_of)
    cut = int(EARLIER_SHARE * closed.num_rows)
    earlier, later = closed.slice(0, cut), closed.slice(cut)
    try:
        suggestion = fit_weights(written, earlier, later, good_is=1)
    except CardError:
        return DealCard(written, None, learned=False, tiers=_tiers(written, closed))
    gain = suggestion.proposed_auc - suggestion.present_auc
    learned = bool(gain >= MIN_GAIN)
    card = suggestion.proposed if learned else written
    return DealCard(card, suggestion, learned, _tiers(card, later if learned else closed))


def closed_opportunities(history: History, as_of: datetime) -> pa.Table:
    """Return one row per closed opportunity with its checks and `label` (1: won), in the order of their end.

    Checks that were recorded after the end are left out: they may have been filled in knowing the outcome.
    """
    closed = f"SELECT * EXCLUDE ({STAGE_SINCE}), won::TINYINT AS label FROM {deals_before_their_end()}"
    return query_as_of(history, f"{closed} ORDER BY closed_at, opportunity_id", as_of)


def deal_rates(history: History, as_of: datetime, card: DealCard) -> pa.Table:
    """Return the win rate by tier, by check answered with yes or no, and by competitor, with 95 % intervals."""
    closed = closed_opportunities(history, as_of)
    won = np.asarray(closed["label"]) == 1
    rows = [{"dimension": "tier", "value": each["tier"], **_without(each, "tier")} for each in card.tiers]
    scores = score_card(card.card, closed)
    for place, name in enumerate(card.card.names):
        for answer, band in (("yes", 5), ("no", 1)):
            rows.append(
                {"dimension": f"check:{name}", "value": answer, **_rate(won[scores.band_codes[:, place] == band])}
            )
    competitors = np.array([name or "" for name in closed["competitor"].to_pylist()])
    rows += [
        {"dimension": "competitor", "value": name, **_rate(won[competitors == name])} for name in np.unique(competitors)
    ]
    return pa.Table.from_pylist([row for row in rows if row["deals"]], _RATES)


_RATES = pa.schema(
    {"dimension": pa.string(), "value": pa.string(), "deals": pa.int64(), "won": pa.int64(), "win_rate": pa.float64(),
     "low": pa.float64(), "high": pa.float64(), "enough": pa.bool_()}
)  # fmt: skip


def _without(row: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in row.items() if key != name}


def _rate(won: np.ndarray) -> dict[str, Any]:
    count, wins = len(won), int(won.sum())
    low, high = wilson_interval(wins, count)
    rate = wins / count if count else None
    return {"deals": count, "won": wins, "win_rate": rate, "low": low, "high": high, "enough": count >= MIN_DEALS}


def _tiers(card: Card, closed: pa.Table) -> tuple[dict[str, object], ...]:
    """Return the win rate of each tier, best first; a better tier never has a lower rate: such tiers are pooled."""
    tiers = np.array([tier or "" for tier in score_card(card, closed).tier])
    won = np.asarray(closed["label"]) == 1
    rows = [{"tier": tier.name, **_rate(won[tiers == tier.name])} for tier in card.tiers]
    for group in _monotone([(row["won"], row["deals"]) for row in rows]):
        wins, count = sum(rows[at]["won"] for at in group), sum(rows[at]["deals"] for at in group)
        low, high = wilson_interval(wins, count)
        for at in group:
            rate = wins / count if count else None
            rows[at] |= {"win_rate": rate, "low": low, "high": high, "enough": count >= MIN_DEALS}
    return tuple(rows)


def _monotone(counts: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Pool neighbours (won, deals) until the rate falls from group to group (pool adjacent violators)."""
    groups: list[list[int]] = []
    for place in range(len(counts)):
        groups.append([place])
        while len(groups) > 1 and _rate_of(groups[-2], counts) <= _rate_of(groups[-1], counts):
            last = groups.pop()
            groups[-1] += last
    return groups


def _rate_of(group: Sequence[int], counts: Sequence[tuple[int, int]]) -> float:
    wins, deals = (sum(counts[at][part] for at in group) for part in (0, 1))
    return wins / deals if deals else 0.0
