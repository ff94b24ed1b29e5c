"""How much there is to learn from, and what may be said on so much."""

from dataclasses import dataclass

from rapport.scoring.bundle import Basis
from rapport.training.rows import Rows
from rapport.training.slices import Slices

COMMITTEE, RHYTHM = 40, 10


@dataclass(frozen=True)
class Size:
    """Counts of different customers; ``rarer`` showed the rarer outcome, ``newest`` in the newest slices."""

    customers: int
    rarer: int
    newest: int
    basis: Basis

    @property
    def learnt(self) -> bool:
        """Return whether trees and line may be fitted at all."""
        return self.basis.label == "committee"


def size_of(rows: Rows, plan: Slices) -> Size:
    """Say what the answers may rest on."""
    customers, rarer = len(set(rows.ids)), rows.rarer
    return Size(customers, rarer, rows.at(plan.newest).rarer, _basis(customers, rarer))


def _basis(customers: int, rarer: int) -> Basis:
    if rarer >= COMMITTEE:
        return Basis()
    label = "card_and_rhythm" if rarer >= RHYTHM else "card"
    rest = {
        "card_and_rhythm": ("the card and the rhythm of orders", "评分卡与下单节奏"),
        "card": ("the card", "评分卡"),
    }
    en, zh = rest[label]
    return Basis(
        label,
        f"Only {rarer} of {customers} customers showed the rarer outcome: too few to learn from. "
        f"This rests on {en} alone.",
        f"{customers} 位客户中只有 {rarer} 位出现较少见的结果，不足以学习；此结果仅依据{zh}。",
    )
