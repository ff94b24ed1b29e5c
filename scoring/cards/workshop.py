"""What `rapport card` does: make a card to edit, check it, weigh it, and hold it against a company's history."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from rapport.features import catalog, training_rows, vocabulary_of
from rapport.history import History, Span
from rapport.scoring.cards.audit import BAD_LABEL, Audit, audit
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import Choices, Quantiles, Thresholds, said
from rapport.scoring.cards.quantile_bands import on_own_scale
from rapport.scoring.cards.reading import load_card, shipped_text
from rapport.scoring.cards.suggest import Suggestion, suggest
from rapport.scoring.views.opportunities import closed_opportunities

from rapport.errors import CardError

QUARTERS = 4
"""A card is held against this many past moments, a quarter apart."""

_SIGNS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}


@dataclass(frozen=True)
class Written:
    """A card file that was written."""

    path: Path
    card: Card

    def as_dict(self) -> dict[str, Any]:
        """Say what was written where."""
        return {"path": str(self.path), "card": self.card.reference, "hash": self.card.hash}

    def as_text(self) -> str:
        """Say it for reading, with what to do next."""
        return f"Wrote {self.card.reference} to {self.path}. Edit it, then: rapport card check {self.path}"


@dataclass(frozen=True)
class Checked:
    """A card that is well formed, as people read it."""

    card: Card
    language: str = "en"

    def as_dict(self) -> dict[str, Any]:
        """Give the card, its notes and its fingerprint."""
        return {
            "card": self.card.to_dict(),
            "hash": self.card.hash,
            "notes": [said(note, self.language) for note in self.card.notes],
        }

    def as_text(self) -> str:
        """Draw the card as a table."""
        card = self.card
        lines = [f"{said(card.label, self.language)} ({card.reference}, {card.hash[:12]}) is well formed."]
        lines += [said(note, self.language) for note in card.notes]
        for part in card.dimensions:
            share = 100 * sum(card.weights[line.name] for line in part.indicators)
            lines.append(f"{said(part.label, self.language)}  {share:.1f}")
            for line in part.indicators:
                label = f"{said(line.label, self.language)} ({', '.join(name for name, _ in line.measure)})"
                lines.append(f"  {100 * card.weights[line.name]:5.1f}  {label}: {bands_text(line.bands)}")
        tiers = (
            f"{said(each.label, self.language)} {'' if each.floor is None else f'≥ {each.floor:g}'}"
            for each in card.tiers
        )
        return "\n".join([*lines, "tiers: " + ", ".join(each.strip() for each in tiers)])


def bands_text(bands: Thresholds | Quantiles | Choices) -> str:
    """Write bands in one line: 5: ≥ 1,000,000; 4: ≥ 500,000; …; 1: the rest."""
    if isinstance(bands, Thresholds):
        steps = [f"{rung.band}: {_SIGNS[rung.bound]} {rung.value:,.10g}" for rung in bands.rungs]
        return "; ".join([*steps, "1: the rest"])
    if isinstance(bands, Quantiles):
        steps = [f"{band}: best {1 - share:.0%}" for band, share in bands.shares]
        return "; ".join([*steps, "1: the rest"])
    steps = [f"{band}: {', '.join(names)}" for band, names in bands.bands]
    return "; ".join([*steps, f"{bands.otherwise or 'unknown'}: any other"])


def new_card(out: Path, like: str = "relationship", rows: pa.Table | None = None) -> Written:
    """Write a shipped card to a file of one's own; with rows of a history, its amounts on the company's own scale."""
    if out.suffix not in (".yaml", ".yml"):
        raise CardError(f"{out}: a card is a .yaml file.")
    if out.exists():
        raise CardError(f"{out} is there already. Choose another name; nothing is written over.")
    card = load_card(like)
    text = shipped_text(like)
    if rows is not None:
        card = on_own_scale(card).fitted(rows)
        text = f"# Made from {like} with the thresholds of this company's own history: a fifth in each band.\n"
        text += yaml.safe_dump(card.to_dict(), allow_unicode=True, sort_keys=False, width=110)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CardError(f"{out}: cannot be written ({error.strerror}).") from error
    return Written(out, card)


def check_card(name: str | Path, known: Collection[str], language: str = "en") -> Checked:
    """Read a card and refuse it with a sentence if it is not well formed."""
    return Checked(load_card(name, known), language)


def past_rows(history: History, target: str, as_of: datetime, *, active: Span, horizon: Span) -> pa.Table:
    """Give the rows that a card is held against: four quarters whose outcome was known at `as_of`."""
    cutoffs = _quarters(history, horizon.before(as_of))
    return _rows(history, target, cutoffs, as_of, active, horizon)


def audit_card(card: Card, history: History, target: str, as_of: datetime, *, active: Span, horizon: Span) -> Audit:
    """Hold a card against a history; one of opportunities against those that were closed."""
    if card.subject == "opportunities":
        return audit(card, closed_opportunities(history, as_of), "conversion")
    rows = past_rows(history, target, as_of, active=active, horizon=horizon)
    return audit(card, rows, target, active_days=(active.after(as_of) - as_of).days)


def suggest_weights(
    card: Card, history: History, target: str, as_of: datetime, *, active: Span, horizon: Span
) -> Suggestion:
    """Suggest weights from quarters whose outcome was known at the newest one, and judge them on that."""
    newest = _quarters(history, horizon.before(as_of))[-1]
    earlier = _rows(history, target, _quarters(history, horizon.before(newest)), newest, active, horizon)
    later = _rows(history, target, [newest], as_of, active, horizon)
    return suggest(card, earlier, later, good_is=1 - BAD_LABEL[target])


def _quarters(history: History, last: datetime) -> list[datetime]:
    """Give up to four moments a quarter apart, the last one as asked, none before the history."""
    last = last.replace(hour=0, minute=0, second=0, microsecond=0)
    first = history.span()[0]
    if first is None or last <= first:
        begins = "is empty" if first is None else f"begins {first:%Y-%m-%d}"
        raise CardError(
            f"The history {begins}, so nothing is known about {last:%Y-%m-%d}; to hold a card against what happened, a"
            " longer history or a shorter horizon is needed."
        )
    moments = [Span(months=3 * quarter).before(last) for quarter in range(QUARTERS)]
    return sorted(moment for moment in moments if moment > first)


def _rows(
    history: History, target: str, cutoffs: list[datetime], known_by: datetime, active: Span, horizon: Span
) -> pa.Table:
    features = catalog(vocabulary_of(history, cutoffs[0]))
    return training_rows(history, target, cutoffs, active=active, horizon=horizon, known_by=known_by, features=features)
