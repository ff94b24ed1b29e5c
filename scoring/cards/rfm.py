"""RFM: the 125 cells of recency, frequency and monetary value, their segments and their revenue."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import model_validator

from rapport.errors import CardError
from rapport.localized import LocalizedText
from rapport.scoring.cards.card_scores import CardScores
from rapport.scoring.cards.config_errors import ConfigError, unknown_choice
from rapport.scoring.cards.config_models import ConfigModel, Localized, Name, NotEmpty, Text
from rapport.scoring.cards.indicator import UNKNOWN, Band

AXES = ("r", "f", "m")
LEVELS = (1, 2, 3, 4, 5)
Cell = tuple[int, int, int]
_Levels = Annotated[tuple[Band, ...], NotEmpty]


@dataclass(frozen=True)
class RfmSegment(ConfigModel):
    """A named group of cells, by their levels on each axis, and what to do with it."""

    name: Name
    label: Localized
    strategy: Text
    r: _Levels = LEVELS
    f: _Levels = LEVELS
    m: _Levels = LEVELS

    def has(self, cell: Cell) -> bool:
        """Tell whether a cell belongs to the segment."""
        return all(level in levels for level, levels in zip(cell, (self.r, self.f, self.m), strict=True))


@dataclass(frozen=True)
class RfmSegments(ConfigModel):
    """The segments of all 125 cells, and the text of each strategy."""

    segments: Annotated[tuple[RfmSegment, ...], NotEmpty]
    strategies: Annotated[Mapping[str, Localized], NotEmpty]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for at, segment in enumerate(self.segments):
            if segment.strategy not in self.strategies:
                raise unknown_choice(segment.strategy, tuple(self.strategies), at=("segments", at, "strategy"))
        nameless = [
            cell for cell in product(LEVELS, LEVELS, LEVELS) if not any(each.has(cell) for each in self.segments)
        ]
        if nameless:
            raise ConfigError("cells_without_segment", count=len(nameless), first=cell_name(nameless[0]))
        return self

    def of(self, cell: Cell) -> RfmSegment:
        """Return the segment of a cell."""
        return next(segment for segment in self.segments if segment.has(cell))

    @cached_property
    def of_every_cell(self) -> tuple[pa.Array, pa.Array]:
        """Return the names of all cells in order, and their segments."""
        every = list(product(LEVELS, LEVELS, LEVELS))
        return pa.array([cell_name(cell) for cell in every]), pa.array([self.of(cell).name for cell in every])

    def strategy(self, segment: RfmSegment) -> LocalizedText:
        """Return the strategy of a segment."""
        return self.strategies[segment.strategy]


def rfm_cells(scores: CardScores) -> list[Cell | None]:
    """Return each row's cell on an RFM card; None where one of the three bands is unknown."""
    at = [_position_of(scores, axis) for axis in AXES]
    rows = scores.band_codes[:, at].tolist()
    return [None if UNKNOWN in (r, f, m) else (r, f, m) for r, f, m in rows]


def cell_name(cell: Cell) -> str:
    """Return the usual name of a cell: R5F5M5."""
    return "R{}F{}M{}".format(*cell)


def rfm_table(
    ids: pa.Array | pa.ChunkedArray, scores: CardScores, revenue: npt.NDArray[np.float64], names: RfmSegments
) -> pa.Table:
    """Return one row per customer: levels, cell, segment and revenue."""
    bands = scores.band_codes[:, [_position_of(scores, axis) for axis in AXES]].astype(np.int16)
    unknown = (bands == UNKNOWN).any(axis=1)
    cells, segments = names.of_every_cell
    number = np.where(unknown, 0, (bands - 1) @ np.array([25, 5, 1], dtype=np.int16)).astype(np.int8)
    codes = pa.array(number, mask=unknown)
    named = pa.DictionaryArray.from_arrays(codes, cells)
    segment = pa.DictionaryArray.from_arrays(codes, segments)
    levels = {axis: pa.array(bands[:, at].astype(np.int8), mask=unknown) for at, axis in enumerate(AXES)}
    columns = {"customer_id": ids, **levels, "cell": named.cast(pa.string()), "segment": segment.cast(pa.string())}
    return pa.table(columns | {"revenue": revenue})


def _position_of(scores: CardScores, axis: str) -> int:
    if axis not in scores.card.names:
        raise CardError(
            f"{scores.card.reference} has no indicator “{axis}”; an RFM card has the indicators r, f and m."
        )
    return scores.card.names.index(axis)
