"""Whom to call: the customers that pass the filters, best first, and how far this week's capacity reaches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rapport.serving.console.book import Book, Mask, Rows

PAGE = 50
MOVED = 0.05
FILTERS = ("owner", "tier", "segment", "family", "region", "grade")
MOVEMENTS = ("rising", "falling", "steady", "unknown")
SORTS = ("saved", "probability", "value_at_risk", "movement")
MARKS = ("open", "done", "snoozed", "not_right", "all")


@dataclass(frozen=True)
class Query:
    """What a visitor asked of the worklist; unknown words fall back to the default."""

    chosen: Mapping[str, str]
    movement: str = ""
    text: str = ""
    sort: str = "saved"
    mark: str = "open"
    page: int = 1

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "Query":
        """Read the query from a page's address."""
        page = params.get("page", "1")
        return cls(
            chosen={name: params[name] for name in FILTERS if params.get(name)},
            movement=_among(params.get("movement", ""), MOVEMENTS, ""),
            text=params.get("q", "").strip()[:100],
            sort=_among(params.get("sort", ""), SORTS, "saved"),
            mark=_among(params.get("mark", ""), MARKS, "open"),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def params(self) -> dict[str, str]:
        """Return what an address needs to ask the same again, without the page."""
        full = {
            **self.chosen,
            "movement": self.movement,
            "q": self.text,
            "sort": self.sort,
            "mark": self.mark,
        }
        return {name: value for name, value in full.items() if value not in ("", "saved", "open")}

    def on_page(self, page: int) -> "Query":
        """Return the same question about another page."""
        return replace(self, page=page)


@dataclass(frozen=True)
class Worklist:
    """The rows that answer a query, best first, and the sums over them."""

    rows: Rows
    within: int
    saved_within: float
    at_risk: float
    pages: int
    page: int

    @property
    def shown(self) -> Rows:
        """Return the rows of this page."""
        return self.rows[(self.page - 1) * PAGE : self.page * PAGE]


def worklist(
    book: Book, query: Query, *, owner: str | None, marks: Mapping[str, Mapping[str, Any]], capacity: int
) -> Worklist:
    """Filter and sort the book; ``capacity`` calls are available a week."""
    keep = visible(book, owner) & _filtered(book, query) & _with_mark(book, query.mark, marks)
    rows = np.flatnonzero(keep)
    rows = rows[_order(book, query.sort, rows)]
    pages = max(1, -(-len(rows) // PAGE))
    within = rows[:capacity]
    return Worklist(
        rows=rows,
        within=len(within),
        saved_within=float(book.saved[within].sum()),
        at_risk=float(np.nansum(book.at_risk[rows])),
        pages=pages,
        page=min(query.page, pages),
    )


def visible(book: Book, owner: str | None) -> Mask:
    """Mark the customers that a reader may see: all, or those of one owner."""
    return np.ones(book.size, dtype=bool) if owner is None else book.words("owner").is_value(owner)


def choices(book: Book, owner: str | None) -> dict[str, list[tuple[str, int]]]:
    """List for each filter its values and how many visible customers have them, most first."""
    seen = visible(book, owner)
    return {name: _counted(book, name, seen) for name in FILTERS}


def _counted(book: Book, name: str, seen: Mask) -> list[tuple[str, int]]:
    words = book.words(name)
    counts = np.bincount(words.codes[seen], minlength=len(words.values))
    found = [(value, int(count)) for value, count in zip(words.values, counts, strict=True) if value and count]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:200]


def _filtered(book: Book, query: Query) -> Mask:
    keep = np.ones(book.size, dtype=bool)
    for name, value in query.chosen.items():
        keep &= book.words(name).is_value(value)
    if query.movement:
        keep &= _moved(book, query.movement)
    return keep & book.having(query.text) if query.text else keep


def _moved(book: Book, movement: str) -> Mask:
    change = book.movement
    if movement == "unknown":
        return np.isnan(change)
    if movement == "steady":
        return np.abs(change) < MOVED
    return change >= MOVED if movement == "rising" else change <= -MOVED


def _with_mark(book: Book, mark: str, marks: Mapping[str, Mapping[str, Any]]) -> Mask:
    if mark == "all":
        return np.ones(book.size, dtype=bool)
    closed = {key: str(made["verdict"]) for key, made in marks.items() if made["verdict"] in MARKS[1:-1]}
    if mark == "open":
        return ~book.marked(closed)
    return book.marked(key for key, verdict in closed.items() if verdict == mark)


def _order(book: Book, sort: str, rows: Rows) -> Rows:
    """Return the best-first order; ties by probability, then by place, so that two visits agree."""
    keys = {"saved": book.saved, "movement": book.movement, "value_at_risk": book.at_risk}
    first = np.nan_to_num(keys.get(sort, book.numbers("probability"))[rows], nan=-np.inf)
    second = np.nan_to_num(book.numbers("probability")[rows])
    return np.asarray(np.lexsort((rows, -second, -first)), dtype=np.int64)


def _among(word: str, words: tuple[str, ...], default: str) -> str:
    return word if word in words else default
