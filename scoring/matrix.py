"""Rows of features as numbers, in the bundle's order: what every expert reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.columns import Column

from rapport.errors import BundleError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """Rows x columns of float64; null is nan, a category is the place of its word in ``Column.levels``."""

    columns: tuple[Column, ...]
    values: Floats

    @classmethod
    def of(cls, table: pa.Table, columns: Sequence[Column]) -> "Matrix":
        """Take the columns out of ``table``; one that is missing is refused by name."""
        return Reader(tuple(columns)).read(table)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def place(self) -> dict[str, int]:
        """Say where each column stands."""
        return {column.name: place for place, column in enumerate(self.columns)}

    def number(self, name: str) -> Floats:
        """Give one column's values."""
        return self.values[:, self.place[name]]

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Matrix":
        """Keep some rows, in the order asked."""
        return Matrix(self.columns, self.values[rows])

    def by_name(self, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
        """Give some columns as arrays, categories as words again; names it does not have are left out."""
        return {name: self._column(name) for name in names if name in self.place}

    def words(self, name: str) -> list[str | None]:
        """Give a category's values as words."""
        levels = self.columns[self.place[name]].levels
        return [None if np.isnan(code) else levels[int(code)] for code in self.number(name)]

    def _column(self, name: str) -> npt.NDArray[Any]:
        if self.columns[self.place[name]].is_category:
            return np.array(self.words(name), dtype=object)
        return self.number(name)


class Places:
    """Says where some features stand among a matrix's columns, remembering the last ones it was asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._last: tuple[tuple[Column, ...], npt.NDArray[np.intp]] | None = None

    def within(self, rows: Matrix) -> npt.NDArray[np.intp]:
        """Give the places; a feature that is not there is refused by name."""
        last = self._last
        if last is None or last[0] is not rows.columns:
            refuse_missing(list(rows.place), self._names)
            self._last = last = (rows.columns, np.array([rows.place[name] for name in self._names], dtype=np.intp))
        return last[1]


class Reader:
    """Takes some columns out of tables, remembering how the last one was laid out.

    With two hundred columns, finding them in Arrow's schema costs more than predicting one row does.
    """

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self._numbers = [place for place, column in enumerate(columns) if not column.is_category]
        self._categories = [place for place, column in enumerate(columns) if column.is_category]
        self._layout: tuple[pa.Schema, list[int], bool] | None = None

    def read(self, table: pa.Table) -> Matrix:
        """Take the columns out of ``table``; one that is missing is refused by name."""
        found, plain = self._found(table.schema)
        values = np.empty((table.num_rows, len(self._columns)), dtype=np.float64)
        if table.num_rows and self._numbers:
            values[:, self._numbers] = _numbers(table.select([found[place] for place in self._numbers]), plain)
        for place in self._categories:
            values[:, place] = _codes(table.column(found[place]).to_pylist(), self._columns[place].levels)
        return Matrix(self._columns, values)

    def _found(self, schema: pa.Schema) -> tuple[list[int], bool]:
        layout = self._layout
        if layout is None or not layout[0].equals(schema):
            names = [column.name for column in self._columns]
            refuse_missing(schema.names, names)
            found = [schema.get_field_index(name) for name in names]
            if -1 in found:
                raise BundleError(f"the rows have two columns '{names[found.index(-1)]}'. Give each feature once.")
            plain = all(schema.field(found[place]).type == pa.float64() for place in self._numbers)
            self._layout = layout = (schema, found, plain)
        return layout[1], layout[2]


def refuse_missing(given: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse rows that lack a feature which the bundle was trained on."""
    missing = sorted(set(wanted) - set(given))
    if missing:
        raise BundleError(
            f"the rows lack {len(missing)} of the {len(wanted)} features that this model reads: "
            f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}. "
            "Build them with the catalog that the model was trained with, or train again."
        )


def _numbers(table: pa.Table, plain: bool) -> Floats:
    # One call into Arrow for all columns: one by one costs more than the prediction of a single row.
    if not plain:
        try:
            table = table.cast(pa.schema([pa.field(name, pa.float64()) for name in table.column_names]))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BundleError(f"a feature of these rows is not a number ({error}). Build them anew.") from error
    numbers: Floats = table.combine_chunks().to_batches()[0].to_tensor(null_to_nan=True, row_major=True).to_numpy()
    return numbers


def _codes(words: Sequence[str | None], levels: tuple[str, ...]) -> Floats:
    # A word never seen in training is unknown, as a missing one is.
    code = {word: float(place) for place, word in enumerate(levels)}
    return np.array([code.get(word, np.nan) if word is not None else np.nan for word in words])
