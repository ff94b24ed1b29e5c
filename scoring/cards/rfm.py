"""RFM: 125 cells of recency, frequency and money, the segments they belong to, and who brings the revenue."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.history.contract import Words
from rapport.scoring.cards.indicator import UNKNOWN
from rapport.scoring.cards.place import Place
from rapport.scoring.cards.scores import CardScores
from rapport.scoring.cards.yaml_text import parse_yaml

from rapport.errors import CardError

AXES = ("r", "f", "m")
LEVELS = (1, 2, 3, 4, 5)
Cell = tuple[int, int, int]


@dataclass(frozen=True)
class Segment:
    """A named group of cells and what to do with it."""

    name: str
    label: Words
    strategy: str
    levels: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    def has(self, cell: Cell) -> bool:
        """Say whether a cell belongs here."""
        return all(level in levels for level, levels in zip(cell, self.levels, strict=True))


@dataclass(frozen=True)
class Segments:
    """The names of all 125 cells, and the text of each strategy."""

    segments: tuple[Segment, ...]
    strategies: Mapping[str, Words]

    def of(self, cell: Cell) -> Segment:
        """Name a cell."""
        return next(segment for segment in self.segments if segment.has(cell))

    def strategy(self, segment: Segment) -> Words:
        """Say what to do with a segment."""
        return self.strategies[segment.strategy]


def segments_of_text(text: str, where: str) -> Segments:
    """Read the names of the cells from YAML text."""
    place = Place(where, parse_yaml(text, where))
    place.keys(("segments", "strategies"))
    strategies = {name: each.words() for name, each in place.at("strategies").items()}
    segments = tuple(_segment(line, tuple(strategies)) for line in place.at("segments").lines("segment"))
    nameless = [cell for cell in product(LEVELS, LEVELS, LEVELS) if not any(each.has(cell) for each in segments)]
    if nameless:
        raise place.wrong(
            f"{len(nameless)} cells have no name, the first is {cell_name(nameless[0])}."
            " Let the last segment go without r, f and m; it takes the rest."
        )
    return Segments(segments, strategies)


def cells(scores: CardScores) -> list[Cell | None]:
    """Give each row's cell on an RFM card; None where one of the three is unknown."""
    at = [_place_of(scores, axis) for axis in AXES]
    rows = scores.marks[:, at].tolist()
    return [None if UNKNOWN in (r, f, m) else (r, f, m) for r, f, m in rows]


def cell_name(cell: Cell) -> str:
    """Write a cell as people say it: R5F5M5."""
    return "R{}F{}M{}".format(*cell)


def rfm_table(ids: pa.Array, scores: CardScores, revenue: npt.NDArray[np.float64], names: Segments) -> pa.Table:
    """Give one row a customer: levels, cell, segment and revenue."""
    marks = scores.marks[:, [_place_of(scores, axis) for axis in AXES]].astype(np.int16)
    lost = (marks == UNKNOWN).any(axis=1)
    every = list(product(LEVELS, LEVELS, LEVELS))
    number = np.where(lost, 0, (marks - 1) @ np.array([25, 5, 1], dtype=np.int16)).astype(np.int8)
    place = pa.array(number, mask=lost)
    named = pa.DictionaryArray.from_arrays(place, pa.array([cell_name(cell) for cell in every]))
    segment = pa.DictionaryArray.from_arrays(place, pa.array([names.of(cell).name for cell in every]))
    levels = {axis: pa.array(marks[:, at].astype(np.int8), mask=lost) for at, axis in enumerate(AXES)}
    columns = {"customer_id": ids, **levels, "cell": named.cast(pa.string()), "segment": segment.cast(pa.string())}
    return pa.table(columns | {"revenue": revenue})


def _segment(place: Place, strategies: tuple[str, ...]) -> Segment:
    place.keys(("name", "label", "strategy"), AXES)
    r, f, m = (_levels(place.at(axis)) if place.has(axis) else LEVELS for axis in AXES)
    strategy = place.at("strategy").one_of(strategies)
    return Segment(place.at("name").name(), place.at("label").words(), strategy, (r, f, m))


def _levels(place: Place) -> tuple[int, ...]:
    levels = tuple(line.whole(1) for line in place.lines("level"))
    if any(level not in LEVELS for level in levels):
        raise place.wrong("levels go from 1 to 5.")
    return levels


def _place_of(scores: CardScores, axis: str) -> int:
    if axis not in scores.card.names:
        raise CardError(f"{scores.card.reference} has no line “{axis}”; an RFM card has the lines r, f and m.")
    return scores.card.names.index(axis)
