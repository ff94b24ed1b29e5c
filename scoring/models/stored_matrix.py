"""A feature matrix on disk: each column in the fewest bytes that keep every digit, columns of one value only once.

``matrix.json`` names the columns of each file and the single values; ``matrix_2.npy``, ``matrix_4.npy`` and
``matrix_8.npy`` hold rows of floats of that many bytes. Workers memory-map them and share their pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix

LAYOUT = "matrix.json"
_WHOLE = "matrix.npy"
_BYTES = (2, 4, 8)


class StoredMatrix(Matrix):
    """The rows of a matrix on disk, read when they are asked for."""

    def __init__(self, columns: tuple[FeatureColumn, ...], folder: Path) -> None:
        object.__setattr__(self, "columns", columns)
        layout = json.loads((folder / LAYOUT).read_text(encoding="utf-8"))
        self._rows: int = layout["rows"]
        self._single = np.array(layout["single"], dtype=np.float64)
        self._parts = [
            # As plain arrays: a memmap makes each row that is read a memmap, too, which takes longer than the reading.
            (np.array(positions, dtype=np.intp), np.asarray(np.load(folder / _file(int(size)), mmap_mode="r")))
            for size, positions in layout["columns"].items()
        ]

    @classmethod
    def open(cls, columns: tuple[FeatureColumn, ...], folder: Path) -> Matrix:
        """Open the matrix of a folder; earlier versions stored all columns in one file."""
        if (folder / LAYOUT).is_file():
            return cls(columns, folder)
        return Matrix(columns, np.load(folder / _WHOLE, mmap_mode="r"))

    def __len__(self) -> int:
        return self._rows

    @cached_property
    def values(self) -> Floats:
        """Return all rows; prefer ``take`` and ``row``."""
        return self.take(np.arange(self._rows)).values

    def row(self, row: int) -> Floats:
        """Return one row."""
        found = self._single.copy()
        for positions, stored in self._parts:
            found[positions] = stored[row]
        return found

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Matrix:
        """Return some rows, in the given order."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        found = np.tile(self._single, (len(chosen), 1))
        for positions, stored in self._parts:
            found[:, positions] = stored[chosen]
        return Matrix(self.columns, found)


class MatrixLayout:
    """What is learnt of the columns of a matrix from its parts, before any of them is written."""

    def __init__(self, width: int) -> None:
        self._rows = 0
        self._first = np.full(width, np.nan)
        self._same = np.ones(width, dtype=bool)
        self._fits = {size: np.ones(width, dtype=bool) for size in _BYTES[:-1]}

    def see(self, values: Floats) -> None:
        """Learn from some rows."""
        if not len(values):
            return
        if not self._rows:
            self._first = values[0].copy()
            self._narrow(values[:1], np.arange(values.shape[1]))
        self._rows += len(values)
        self._same &= _equal(values, self._first)
        # Columns of one value need no check: their first value had it.
        self._narrow(values, np.flatnonzero(~self._same))

    def _narrow(self, values: Floats, positions: npt.NDArray[np.intp]) -> None:
        for size, fits in self._fits.items():
            fitting = positions[fits[positions]]
            with np.errstate(over="ignore"):
                fits[fitting] = _equal(values[:, fitting].astype(f"f{size}").astype(np.float64), values[:, fitting])

    def write(self, folder: Path, parts: Iterable[Floats]) -> None:
        """Write the matrix, whose parts come again in the same order."""
        size_of = np.select([self._same, *self._fits.values()], [0, *self._fits], _BYTES[-1])
        columns = {size: np.flatnonzero(size_of == size) for size in _BYTES}
        files = {
            size: np.lib.format.open_memmap(folder / _file(size), "w+", f"f{size}", (self._rows, len(positions)))
            for size, positions in columns.items()
        }
        begin = 0
        for values in parts:
            for size, file in files.items():
                file[begin : begin + len(values)] = values[:, columns[size]]
            begin += len(values)
        for file in files.values():
            file.flush()
        single = np.where(self._same, self._first, np.nan).tolist()
        layout = {
            "rows": self._rows,
            "columns": {str(size): positions.tolist() for size, positions in columns.items()},
            "single": [None if value != value else value for value in single],
        }
        (folder / LAYOUT).write_text(json.dumps(layout), encoding="utf-8")


def without_rows(layout: str, count: int) -> str:
    """Return the content of ``matrix.json`` after rows were removed."""
    stored = json.loads(layout)
    return json.dumps(stored | {"rows": stored["rows"] - count})


def _file(size: int) -> str:
    return f"matrix_{size}.npy"


def _equal(values: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark the columns that are equal in every row, sign of zero included."""
    same = (values == others) & (np.signbit(values) == np.signbit(others)) | (np.isnan(values) & np.isnan(others))
    columns: npt.NDArray[np.bool_] = same.all(axis=0)
    return columns
