"""One target's customers as columns that a page can filter, sort and add up within milliseconds."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_WORDS = (
    "customer_id",
    "name",
    "owner",
    "region",
    "industry",
    "source",
    "segment",
    "state",
    "tier",
    "tier_30d",
    "family",
    "due",
    "grade",
)
_ABSENT = ""


class Words:
    """A text column as codes into its sorted distinct values; code 0 is "absent"."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        present = [str(value) for value in encoded.dictionary.to_pylist()]
        self.values: tuple[str, ...] = (_ABSENT, *sorted(present))
        place = {value: code for code, value in enumerate(self.values)}
        codes = np.array([place[value] for value in present] + [0], dtype=np.int64)
        found = encoded.indices.fill_null(len(present)).to_numpy(zero_copy_only=False)
        self.codes: Rows = codes[found]

    def is_value(self, value: str) -> Mask:
        """Mark the rows that have this value."""
        code = self.values.index(value) if value in self.values else -1
        return np.equal(self.codes, code)

    def at(self, row: int) -> str:
        """Return one row's value, "" when absent."""
        return self.values[int(self.codes[row])]


class Book:
    """The scored customers of one target at one snapshot; made once, read by every page."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.size: int = table.num_rows
        self._words = {name: Words(self._column(name, pa.string())) for name in _WORDS[2:]}

    def _column(self, name: str, kind: pa.DataType) -> pa.ChunkedArray:
        if name in self._table.column_names:
            return self._table.column(name)
        return pa.chunked_array([pa.nulls(self.size, kind)])

    def words(self, name: str) -> Words:
        """Return a text column."""
        return self._words[name]

    def numbers(self, name: str) -> Numbers:
        """Return a number column, nan where unknown."""
        return self._numbers[name]

    def text(self, name: str, row: int) -> str:
        """Return one row's id or name."""
        value = self._column(name, pa.string())[row].as_py()
        return "" if value is None else str(value)

    @cached_property
    def _numbers(self) -> Mapping[str, Numbers]:
        return _Columns(self._read_numbers)

    def _read_numbers(self, name: str) -> Numbers:
        column = self._column(name, pa.float64()).cast(pa.float64())
        return np.asarray(column.to_numpy(), dtype=np.float64)

    @cached_property
    def rows_by_id(self) -> dict[str, int]:
        """Customer id to row."""
        return {str(key): row for row, key in enumerate(self._column("customer_id", pa.string()).to_pylist())}

    @cached_property
    def at_risk(self) -> Numbers:
        """Money that hangs on the outcome: as the desk says, else the value times its probability."""
        told = self.numbers("value_at_risk")
        return np.where(np.isnan(told), self.numbers("value") * self.numbers("probability"), told)

    @cached_property
    def saved(self) -> Numbers:
        """Money that acting may save: as the desk expects it, else what is at risk."""
        expected = self.numbers("expected_saved")
        return np.nan_to_num(np.where(np.isnan(expected), self.at_risk, expected))

    @cached_property
    def movement(self) -> Numbers:
        """Change of probability in 30 days, nan where there is no earlier score."""
        return self.numbers("probability") - self.numbers("probability_30d")

    def having(self, text: str) -> Mask:
        """Mark the rows whose name or id contains ``text``, in any case."""
        found = np.zeros(self.size, dtype=bool)
        for name in ("name", "customer_id"):
            column = self._column(name, pa.string()).cast(pa.string())
            hits = pc.match_substring(column, text, ignore_case=True).fill_null(False)
            found |= np.asarray(hits.to_numpy(), dtype=bool)
        return found

    def marked(self, ids: Iterable[str]) -> Mask:
        """Mark the rows of these customers."""
        found = np.zeros(self.size, dtype=bool)
        found[[self.rows_by_id[key] for key in ids if key in self.rows_by_id]] = True
        return found


class _Columns(dict[str, Numbers]):
    """Columns read at first use; kept."""

    def __init__(self, read: Callable[[str], Numbers]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, name: str) -> Numbers:
        self[name] = self._read(name)
        return self[name]
