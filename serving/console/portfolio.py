"""The whole book at a glance: tiers and their movement, where value is at risk, RFM map, movers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapport.serving.console.book import Book, Mask, Numbers, Rows

_TIERS = (
    "vip",
    "key",
    "prime",
    "normal",
    "ordinary",
    "low",
    "medium",
    "at_risk",
    "high",
    "lost",
    "a",
    "b",
    "c",
    "d",
)
_BINS = 20
_SIDES = 9


@dataclass(frozen=True)
class Tier:
    """One tier now and a month ago, and from where its customers came."""

    name: str
    count: int
    before: int
    at_risk: float
    arrived: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Part:
    """One part of the book: an owner, a region, a segment, a family of reasons."""

    name: str
    count: int
    at_risk: float
    mean: float


@dataclass(frozen=True)
class Cell:
    """One cell of the RFM map."""

    r: int
    f: int
    count: int
    value: float
    mean: float


def total(book: Book, seen: Mask) -> Part:
    """Add up everything that may be seen."""
    return Part(
        "",
        int(seen.sum()),
        _sum(book.at_risk[seen]),
        _mean(book.numbers("probability")[seen]),
    )


def tiers(book: Book, seen: Mask) -> list[Tier]:
    """Count each tier now and 30 days ago, best tier first."""
    now, then = book.words("tier"), book.words("tier_30d")
    risk = book.at_risk
    names = in_order({now.values[code] for code in np.unique(now.codes[seen]) if code})
    found = []
    for name in names:
        here = seen & now.is_value(name)
        before = seen & then.is_value(name)
        origins = ((other, int((here & then.is_value(other)).sum())) for other in then.values[1:] if other != name)
        arrived = tuple(sorted(((other, n) for other, n in origins if n), key=lambda pair: -pair[1]))
        found.append(Tier(name, int(here.sum()), int(before.sum()), _sum(risk[here]), arrived))
    return found


def in_order(names: set[str]) -> list[str]:
    """Sort tier names from the best to the worst as cards use them; others follow by name."""
    return sorted(names, key=lambda name: (_TIERS.index(name) if name in _TIERS else len(_TIERS), name))


def parts(book: Book, seen: Mask, by: str) -> list[Part]:
    """Add up value at risk by one text column, most at risk first; small parts are joined under ""."""
    words = book.words(by)
    codes, width = words.codes[seen], len(words.values)
    counts = np.bincount(codes, minlength=width)
    risk = np.bincount(codes, np.nan_to_num(book.at_risk[seen]), minlength=width)
    chance = np.bincount(codes, np.nan_to_num(book.numbers("probability")[seen]), minlength=width)
    order = [int(code) for code in np.lexsort((np.arange(width), -risk)) if counts[code] and code]
    big, small = order[:_SIDES], [*order[_SIDES:], *([0] if counts[0] else [])]
    found = [Part(words.values[c], int(counts[c]), float(risk[c]), float(chance[c] / counts[c])) for c in big]
    if small:
        n = int(counts[small].sum())
        found.append(Part("", n, float(risk[small].sum()), float(chance[small].sum() / n)))
    return found


def histogram(book: Book, seen: Mask) -> list[int]:
    """Count customers in twenty equal bands of probability."""
    chance = book.numbers("probability")[seen]
    counts, _ = np.histogram(chance[~np.isnan(chance)], bins=_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]


def rfm_map(book: Book, seen: Mask) -> list[Cell]:
    """Return the 25 cells of recency by frequency, best recency first."""
    r, f = book.numbers("r"), book.numbers("f")
    cells = []
    for recency in (5, 4, 3, 2, 1):
        for frequency in (1, 2, 3, 4, 5):
            here = seen & (r == recency) & (f == frequency)
            value, mean = _sum(book.numbers("value")[here]), _mean(book.numbers("probability")[here])
            cells.append(Cell(recency, frequency, int(here.sum()), value, mean))
    return cells


def movers(book: Book, seen: Mask, days: int, count: int = 6) -> tuple[Rows, Rows]:
    """Return the rows whose probability rose and fell most in ``days`` days, most first."""
    change = np.where(seen, book.numbers("probability") - book.numbers(f"probability_{days}d"), np.nan)
    known = np.flatnonzero(~np.isnan(change))
    order = known[np.argsort(change[known], kind="stable")]
    return _those(order[::-1][:count], change, 1.0), _those(order[:count], change, -1.0)


def _those(rows: Rows, change: Numbers, sign: float) -> Rows:
    return np.asarray(rows[change[rows] * sign > 0], dtype=np.int64)


def _sum(values: Numbers) -> float:
    return float(np.nansum(values))


def _mean(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def scaled(values: Sequence[float], width: float) -> list[float]:
    """Scale lengths so that the longest fills ``width``."""
    longest = max((abs(value) for value in values), default=0.0)
    return [width * abs(value) / longest if longest else 0.0 for value in values]
