"""The feature matrix: rows as numbers in the column order of the bundle, the input of every member."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import BundleError
from rapport.scoring.models.columns import FeatureColumn, level_codes

Floats = npt.NDArray[np.float64]
FEW_ROWS = 100
"""Below it, Python finds the codes of a category faster than Arrow finds its distinct values."""


@dataclass(frozen=True)
class Matrix:
    """Rows x columns of float64; null is nan, a category is its position in ``Column.levels``."""

    columns: tuple[FeatureColumn, ...]
    values: Floats

    @classmethod
    def of(cls, table: pa.Table, columns: Sequence[FeatureColumn]) -> "Matrix":
        """Read the columns from ``table``; a missing one is refused by name."""
        return MatrixReader(tuple(columns)).read(table)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Return the position of each column by name."""
        return {column.name: position for position, column in enumerate(self.columns)}

    def column(self, name: str) -> Floats:
        """Return one column's values."""
        return self.values[:, self.positions[name]]

    def row(self, row: int) -> Floats:
        """Return one row."""
        values: Floats = self.values[row]
        return values

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Matrix":
        """Return some rows, in the given order."""
        return Matrix(self.columns, self.values[rows])

    def select(self, names: Sequence[str]) -> "Matrix":
        """Return some columns, in the given order."""
        places = [self.positions[name] for name in names]
        return Matrix(tuple(self.columns[place] for place in places), self.values[:, places])

    def by_name(self, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
        """Return some columns as arrays, categories as text; names without a column are left out."""
        return {name: self._values(name) for name in names if name in self.positions}

    def categories(self, name: str) -> list[str | None]:
        """Return a category's values as text."""
        levels = self.columns[self.positions[name]].levels
        return [None if np.isnan(code) else levels[int(code)] for code in self.column(name)]

    def _values(self, name: str) -> npt.NDArray[Any]:
        if self.columns[self.positions[name]].is_category:
            return np.array(self.categories(name), dtype=object)
        return self.column(name)


class ColumnIndex:
    """The positions of some features among a matrix's columns; the last result is cached."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._last: tuple[tuple[FeatureColumn, ...], npt.NDArray[np.intp]] | None = None

    def within(self, rows: Matrix) -> npt.NDArray[np.intp]:
        """Return the positions; a missing feature is refused by name."""
        last = self._last
        if last is None or last[0] is not rows.columns:
            refuse_missing(list(rows.positions), self._names)
            self._last = last = (rows.columns, np.array([rows.positions[name] for name in self._names], dtype=np.intp))
        return last[1]


class MatrixReader:
    """Reads some columns from tables; the layout of the last table is cached.

    With two hundred columns, finding them in the Arrow schema takes longer than predicting one row.
    """

    def __init__(self, columns: tuple[FeatureColumn, ...]) -> None:
        self._columns = columns
        self._numbers = [position for position, column in enumerate(columns) if not column.is_category]
        self._categories = [position for position, column in enumerate(columns) if column.is_category]
        self._layout: tuple[pa.Schema, list[int], bool] | None = None

    def read(self, table: pa.Table) -> Matrix:
        """Read the columns from ``table``; a missing one is refused by name."""
        values = np.empty((table.num_rows, len(self._columns)), dtype=np.float64)
        self.read_into(values, table)
        return Matrix(self._columns, values)

    def read_into(self, values: Floats, table: pa.Table) -> None:
        """Read the columns into the rows of a matrix that is there."""
        found, all_float64 = self._layout_of(table.schema)
        if table.num_rows and self._numbers:
            values[:, self._numbers] = _numbers(
                table.select([found[position] for position in self._numbers]), all_float64
            )
        for position in self._categories:
            values[:, position] = _codes(table.column(found[position]), self._columns[position].levels)

    def _layout_of(self, schema: pa.Schema) -> tuple[list[int], bool]:
        layout = self._layout
        if layout is None or not layout[0].equals(schema):
            names = [column.name for column in self._columns]
            refuse_missing(schema.names, names)
            found = [schema.get_field_index(name) for name in names]
            if -1 in found:
                raise BundleError(f"the rows have two columns '{names[found.index(-1)]}'. Give each feature once.")
            all_float64 = all(schema.field(found[position]).type == pa.float64() for position in self._numbers)
            self._layout = layout = (schema, found, all_float64)
        return layout[1], layout[2]


def refuse_missing(present: Sequence[str], required: Sequence[str]) -> None:
    """Refuse rows that lack a feature which the model was trained on."""
    missing = sorted(set(required) - set(present))
    if missing:
        raise BundleError(
            f"the rows lack {len(missing)} of the {len(required)} features that this model reads: "
            f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}. "
            "Compute them with the feature catalog that the model was trained with, or train again."
        )


def _numbers(table: pa.Table, all_float64: bool) -> Floats:
    # One call into Arrow for all columns: one call per column takes longer than predicting a single row.
    if not all_float64:
        try:
            table = table.cast(pa.schema([pa.field(name, pa.float64()) for name in table.column_names]))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BundleError(
                f"a feature of these rows is not a number ({error}). Compute the features again."
            ) from error
    return numbers_of(table)


def numbers_of(table: pa.Table) -> Floats:
    """Return columns of floats as a matrix, nan where one is unknown; the table has a row."""
    numbers: Floats = table.combine_chunks().to_batches()[0].to_tensor(null_to_nan=True, row_major=True).to_numpy()
    return numbers


def _codes(categories: pa.ChunkedArray, levels: tuple[str, ...]) -> Floats:
    code = level_codes(levels)
    if len(categories) < FEW_ROWS:
        return np.array([code(value) for value in categories.to_pylist()], dtype=np.float64)
    encoded = categories.combine_chunks().dictionary_encode()
    codes = np.array([code(value) for value in [*encoded.dictionary.to_pylist(), None]], dtype=np.float64)
    found: Floats = codes[encoded.indices.fill_null(len(codes) - 1).to_numpy()]
    return found
