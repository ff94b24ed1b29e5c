"""A file of somebody else's predictions, to be compared on the same customers as ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from rapport.errors import SettingsError

ID, PROBABILITY, CUTOFF = "customer_id", "probability", "cutoff"
NEEDED = f"It needs the columns {ID} and {PROBABILITY}, and {CUTOFF} (a date) if there are several cutoffs."


@dataclass(frozen=True)
class ComparedPredictions:
    """Probabilities by day of the cutoff and customer; the day None stands for the only cutoff."""

    name: str
    by_cutoff: Mapping[date | None, Mapping[str, float]]

    def at(self, cutoff: datetime) -> Mapping[str, float]:
        """Return the probabilities of one cutoff."""
        return self.by_cutoff.get(None) or self.by_cutoff.get(cutoff.date(), {})


def read_compared(path: Path, cutoffs: Sequence[datetime]) -> ComparedPredictions:
    """Read the file; SettingsError with the column and the row if it cannot be used."""
    table = _read(path)
    missing = [name for name in (ID, PROBABILITY) if name not in table.column_names]
    if len(cutoffs) > 1 and CUTOFF not in table.column_names:
        missing.append(CUTOFF)
    if missing:
        raise SettingsError(f"{path} lacks {' and '.join(missing)}; it has {', '.join(table.column_names)}. {NEEDED}")
    days: list[date | None] = [None] * len(table)
    if CUTOFF in table.column_names:
        days = [_day(path, row, value) for row, value in enumerate(table[CUTOFF].to_pylist())]
    found: dict[date | None, dict[str, float]] = {}
    values = zip(days, table[ID].to_pylist(), table[PROBABILITY].to_pylist(), strict=True)
    for row, (day, customer_id, value) in enumerate(values):
        probability = _probability(path, row, value)
        known = found.setdefault(day, {})
        if str(customer_id) in known:
            raise SettingsError(f"{path}, row {row + 2}: {customer_id} is there twice. Give one row a customer.")
        known[str(customer_id)] = probability
    return ComparedPredictions(path.name, found)


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file. {NEEDED}")
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        # An id such as 00123 must not become a number.
        types = pa_csv.ConvertOptions(column_types={ID: pa.string(), PROBABILITY: pa.string(), CUTOFF: pa.string()})
        return pa_csv.read_csv(path, convert_options=types)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise SettingsError(f"{path} cannot be read as CSV or Parquet ({first_line}). {NEEDED}") from error


def _probability(path: Path, row: int, value: object) -> float:
    try:
        probability = float(str(value))
    except ValueError:
        probability = float("nan")
    if not 0 <= probability <= 1:
        raise SettingsError(f"{path}, row {row + 2}: {PROBABILITY} is {value!r}. Write a number from 0 to 1.")
    return probability


def _day(path: Path, row: int, value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else datetime.fromisoformat(str(value)).date()
    except ValueError as error:
        raise SettingsError(
            f"{path}, row {row + 2}: {CUTOFF} is {value!r}. Write a date such as 2026-01-01."
        ) from error
