"""The scored customers of one target as columns that a page can filter, sort and add up within milliseconds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

RowIndexes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FloatColumn = npt.NDArray[np.float64]
DayColumn = npt.NDArray[np.datetime64]

_ABSENT = ""
# Runs of earlier versions have the second name.
_ALIASES = {"lead_grade": ("grade",), "family": ("first_reason_family",), "due": ("next_action_due",)}


class CategoricalColumn:
    """A text column as codes into its sorted distinct values; code 0 is "absent"."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        present = [str(value) for value in encoded.dictionary.to_pylist()]
        self.values: tuple[str, ...] = (_ABSENT, *sorted(present))
        code_of = {value: code for code, value in enumerate(self.values)}
        codes = np.array([code_of[value] for value in present] + [0], dtype=np.int64)
        indices = encoded.indices.fill_null(len(present)).to_numpy(zero_copy_only=False)
        self.codes: RowIndexes = codes[indices]

    def equals(self, value: str) -> Mask:
        """Select the rows that have this value."""
        code = self.values.index(value) if value in self.values else -1
        return np.equal(self.codes, code)

    def at(self, row: int) -> str:
        """Return one row's value, "" when absent."""
        return self.values[int(self.codes[row])]


class PortfolioColumns:
    """The scored customers of one target in one snapshot; made once, read by every page."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.size: int = table.num_rows
        self._categories: dict[str, CategoricalColumn] = {}
        self._days: dict[str, DayColumn] = {}

    def has(self, name: str) -> bool:
        """Whether the scoring run wrote this column with at least one value."""
        return bool(self._column(name, pa.string()).null_count < self.size)

    def _column(self, name: str, kind: pa.DataType) -> pa.ChunkedArray:
        for known in (name, *_ALIASES.get(name, ())):
            if known in self._table.column_names:
                return self._table.column(known)
        return pa.chunked_array([pa.nulls(self.size, kind)])

    def category(self, name: str) -> CategoricalColumn:
        """Return a categorical column; every value is absent where the table lacks the column."""
        found = self._categories.get(name)
        if found is None:
            found = self._categories[name] = CategoricalColumn(self._column(name, pa.string()))
        return found

    def days(self, name: str) -> DayColumn:
        """Return a column of days, not-a-time where unknown."""
        found = self._days.get(name)
        if found is None:
            found = self._days[name] = self._read_days(name)
        return found

    def _read_days(self, name: str) -> DayColumn:
        column = self._column(name, pa.string())
        texts = pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 10).fill_null("NaT")
        return np.asarray(texts.to_numpy(), dtype="datetime64[D]")

    def numeric(self, name: str) -> FloatColumn:
        """Return a numeric column, nan where unknown."""
        return self._numeric_columns[name]

    def text(self, name: str, row: int) -> str:
        """Return one row's id or name."""
        value = self._column(name, pa.string())[row].as_py()
        return "" if value is None else str(value)

    @cached_property
    def _numeric_columns(self) -> Mapping[str, FloatColumn]:
        return _LazyColumns(self._read_numeric)

    def _read_numeric(self, name: str) -> FloatColumn:
        column = self._column(name, pa.float64()).cast(pa.float64())
        return np.asarray(column.to_numpy(), dtype=np.float64)

    @cached_property
    def row_of_id(self) -> dict[str, int]:
        """Customer id to row."""
        return {str(key): row for row, key in enumerate(self._column("customer_id", pa.string()).to_pylist())}

    @cached_property
    def scored(self) -> Mask:
        """The customers with a probability; the others have a state only."""
        return ~np.isnan(self.numeric("probability"))

    @cached_property
    def revenue_at_risk(self) -> FloatColumn:
        """Money that depends on the outcome: as scored, else the value times its probability."""
        scored = self._first_known("revenue_at_risk", "value_at_risk")
        return np.where(np.isnan(scored), self.numeric("value") * self.numeric("probability"), scored)

    @cached_property
    def value_basis(self) -> FloatColumn:
        """Money of which ``revenue_at_risk`` is the probable share: spend if retained, or a lead's open pipeline."""
        probability = self.numeric("probability")
        known = probability > 0
        derived = np.where(known, self.revenue_at_risk / np.where(known, probability, 1.0), self.numeric("value"))
        stated = self.numeric("spend_if_retained")
        return np.where(np.isnan(stated), derived, stated)

    @cached_property
    def expected_savings(self) -> FloatColumn:
        """Money that contact may save, or bring with a lead: as scored, else all revenue at risk; nan if unknown."""
        expected = self._first_known("savable", "expected_value", "expected_saved")
        return np.where(np.isnan(expected), self.revenue_at_risk, expected)

    def _first_known(self, *names: str) -> FloatColumn:
        found = np.full(self.size, np.nan)
        for name in names:
            found = np.where(np.isnan(found), self.numeric(name), found)
        return found

    @cached_property
    def score_change(self) -> FloatColumn:
        """Change of probability in 30 days, nan where there is no earlier score."""
        return self.numeric("probability") - self.numeric("probability_30d")

    def search(self, text: str) -> Mask:
        """Select the rows whose name or id contains ``text``, ignoring case."""
        found = np.zeros(self.size, dtype=bool)
        for name in ("name", "customer_id"):
            column = self._column(name, pa.string()).cast(pa.string())
            hits = pc.match_substring(column, text, ignore_case=True).fill_null(False)
            found |= np.asarray(hits.to_numpy(), dtype=bool)
        return found

    def with_ids(self, ids: Iterable[str]) -> Mask:
        """Select the rows of these customers."""
        found = np.zeros(self.size, dtype=bool)
        found[[self.row_of_id[key] for key in ids if key in self.row_of_id]] = True
        return found


class _LazyColumns(dict[str, FloatColumn]):
    """Columns that are read on first use and kept."""

    def __init__(self, read: Callable[[str], FloatColumn]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, name: str) -> FloatColumn:
        self[name] = self._read(name)
        return self[name]


def owner_rows(portfolio: PortfolioColumns, owners: Sequence[str] | None) -> Mask:
    """Select the customers of some account owners; of everyone without owners."""
    if owners is None:
        return np.ones(portfolio.size, dtype=bool)
    column = portfolio.category("owner")
    return np.asarray(np.logical_or.reduce([column.equals(owner) for owner in owners]), dtype=bool)
