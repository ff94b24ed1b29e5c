"""The commands of `rapport card`: create a card, check it, audit it on a history, and suggest weights."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from rapport.errors import CardError
from rapport.features import catalog, training_rows, vocabulary_of
from rapport.history import Duration, History
from rapport.localized import localize
from rapport.scoring.analytics.deal_outcomes import closed_opportunities
from rapport.scoring.cards.audit import BAD_LABEL, CardAudit, audit_scores
from rapport.scoring.cards.bands import BOUND_SIGNS
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_file import load_card, shipped_text
from rapport.scoring.cards.card_scores import fit_bands
from rapport.scoring.cards.company_bands import with_quantile_bands
from rapport.scoring.cards.indicator import CategoryBands, QuantileBands, ThresholdBands
from rapport.scoring.cards.lead_grading import learn_fit_card
from rapport.scoring.cards.weight_suggestion import WeightSuggestion, fit_weights

QUARTERS = 4
"""A card is evaluated at this many past moments, a quarter apart."""


@dataclass(frozen=True)
class WrittenCard:
    """A card file that was written."""

    path: Path
    card: Card

    def as_dict(self) -> dict[str, Any]:
        """Return the path, the card and its fingerprint."""
        return {"path": str(self.path), "card": self.card.reference, "hash": self.card.hash}

    def as_text(self) -> str:
        """Return the same as text, with the next step."""
        return f"Wrote {self.card.reference} to {self.path}. Edit it, then: rapport card check {self.path}"


@dataclass(frozen=True)
class CheckedCard:
    """A valid card, for display."""

    card: Card
    language: str = "en"

    def as_dict(self) -> dict[str, Any]:
        """Return the card, its notes and its fingerprint."""
        return {
            "card": self.card.to_dict(),
            "hash": self.card.hash,
            "notes": [localize(note, self.language) for note in self.card.notes],
        }

    def as_text(self) -> str:
        """Return the card as a text table."""
        card = self.card
        lines = [f"{localize(card.label, self.language)} ({card.reference}, {card.hash[:12]}) is valid."]
        lines += [localize(note, self.language) for note in card.notes]
        for part in card.dimensions:
            share = 100 * sum(card.weights[indicator.name] for indicator in part.indicators)
            lines.append(f"{localize(part.label, self.language)}  {share:.1f}")
            for indicator in part.indicators:
                label = (
                    f"{localize(indicator.label, self.language)} ({', '.join(name for name, _ in indicator.measure)})"
                )
                lines.append(f"  {100 * card.weights[indicator.name]:5.1f}  {label}: {bands_text(indicator.bands)}")
        tiers = (
            f"{localize(each.label, self.language)} {'' if each.floor is None else f'≥ {each.floor:g}'}"
            for each in card.tiers
        )
        return "\n".join([*lines, "tiers: " + ", ".join(each.strip() for each in tiers)])


def bands_text(bands: ThresholdBands | QuantileBands | CategoryBands) -> str:
    """Return bands in one line: 5: ≥ 1,000,000; 4: ≥ 500,000; …; 1: the rest."""
    if isinstance(bands, ThresholdBands):
        steps = [
            f"{threshold.band}: {BOUND_SIGNS[threshold.bound]} {threshold.value:,.10g}"
            for threshold in bands.thresholds
        ]
        return "; ".join([*steps, "1: the rest"])
    if isinstance(bands, QuantileBands):
        steps = [f"{band}: best {1 - share:.0%}" for band, share in bands.shares]
        return "; ".join([*steps, "1: the rest"])
    steps = [f"{band}: {', '.join(names)}" for band, names in bands.bands]
    return "; ".join([*steps, f"{bands.otherwise or 'unknown'}: any other"])


def new_card(out: Path, like: str = "relationship", rows: pa.Table | None = None) -> WrittenCard:
    """Write a copy of a shipped card; with rows of a history, its amounts get thresholds of the company's own scale."""
    card = load_card(like)
    if rows is None:
        return _written(out, card, shipped_text(like))
    card = fit_bands(with_quantile_bands(card), rows)
    note = f"# Made from {like} with thresholds from this company's own history: a fifth in each band.\n"
    return _written(out, card, note + _yaml(card))


def learned_fit_card(out: Path, rows: pa.Table) -> WrittenCard:
    """Write a fit card that is learned from won customers: the values of the fixed attributes that set them apart."""
    attributes = [name for name in rows.column_names if name.startswith("attribute_")]
    if not attributes:
        raise CardError("There is no attribute to learn from. List columns of customers as fixed_attributes first.")
    card = learn_fit_card(rows, attributes)
    note = "# The profile of won customers, learned from this company's own leads. Use it in lead_scorecards.\n"
    return _written(out, card, note + _yaml(card))


def _yaml(card: Card) -> str:
    return str(yaml.safe_dump(card.to_dict(), allow_unicode=True, sort_keys=False, width=110))


def _written(out: Path, card: Card, text: str) -> WrittenCard:
    if out.suffix not in (".yaml", ".yml"):
        raise CardError(f"{out}: a card file must end in .yaml or .yml.")
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CardError(f"{out} already exists. Choose another name; nothing is overwritten.") from error
    except OSError as error:
        raise CardError(f"{out}: cannot be written ({error.strerror}).") from error
    return WrittenCard(out, card)


def check_card(name: str | Path, known: Collection[str], language: str = "en") -> CheckedCard:
    """Load a card; an invalid one is refused with a sentence."""
    return CheckedCard(load_card(name, known), language)


def evaluation_rows(history: History, target: str, as_of: datetime, *, active: Duration, horizon: Duration) -> pa.Table:
    """Return the rows that a card is evaluated on: four quarters whose outcome was known at `as_of`."""
    cutoffs = _quarters(history, horizon.before(as_of))
    return _rows(history, target, cutoffs, as_of, active, horizon)


def audit_card(
    card: Card, history: History, target: str, as_of: datetime, *, active: Duration, horizon: Duration
) -> CardAudit:
    """Audit a card on a history; a card of opportunities on the closed ones."""
    if card.subject == "opportunities":
        return audit_scores(card, closed_opportunities(history, as_of), "conversion")
    rows = evaluation_rows(history, target, as_of, active=active, horizon=horizon)
    return audit_scores(card, rows, target, active_days=(active.after(as_of) - as_of).days)


def suggest_weights(
    card: Card, history: History, target: str, as_of: datetime, *, active: Duration, horizon: Duration
) -> WeightSuggestion:
    """Suggest weights from quarters whose outcome was known at the newest one, and evaluate them on that one."""
    newest = _quarters(history, horizon.before(as_of))[-1]
    earlier = _rows(history, target, _quarters(history, horizon.before(newest)), newest, active, horizon)
    later = _rows(history, target, [newest], as_of, active, horizon)
    return fit_weights(card, earlier, later, good_is=1 - BAD_LABEL[target])


def _quarters(history: History, last: datetime) -> list[datetime]:
    """Return up to four moments a quarter apart, the last one `last`, none before the history."""
    last = last.replace(hour=0, minute=0, second=0, microsecond=0)
    first = history.time_range()[0]
    if first is None or last <= first:
        begins = "is empty" if first is None else f"begins {first:%Y-%m-%d}"
        raise CardError(
            f"The history {begins}, so nothing is known about {last:%Y-%m-%d}. The evaluation of a card"
            " needs a longer history or a shorter horizon."
        )
    moments = [Duration(months=3 * quarter).before(last) for quarter in range(QUARTERS)]
    return sorted(moment for moment in moments if moment > first)


def _rows(
    history: History, target: str, cutoffs: list[datetime], known_by: datetime, active: Duration, horizon: Duration
) -> pa.Table:
    features = catalog(vocabulary_of(history, cutoffs[0]))
    return training_rows(history, target, cutoffs, active=active, horizon=horizon, known_by=known_by, features=features)
