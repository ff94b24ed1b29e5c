"""A copy of a database's rows in the data folder, so that the next run reads only what was recorded since.

The copy counts only if the whole agrees with the database afterwards: the number of rows and of values in each
column, the sums of numbers, seconds and lengths. A row that was deleted, or changed without a new ``recorded_at``,
makes them differ, and the table is read as a whole.
"""

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from rapport.files import atomic_write
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.source import Source, totals_sql
from rapport.history.sql import literal, quoted

COPIES = "database-copy"
"""The folder of the copies in the data folder."""
_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RowCopy:
    """The copy of one table: its file, the columns that are wanted of it, the time of recording and the key."""

    path: Path
    columns: tuple[str, ...]
    recorded: str
    key: str | None

    def load(self, source: Source, connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
        """Load the table as the source does, from the copy and what is new; renew the copy."""
        loaded = quoted(f"loaded {source.name}")
        since = self._watermark(source)
        if since is None or not self._load_new(source, since, connection):
            if source.load is not None:
                source.load(self.columns)
            ((rows,),) = connection.execute(f"SELECT count(*) FROM {loaded}").fetchall()
            _log.info("%s: read all %d rows", source.name, rows)
        with atomic_write(self.path) as part:
            columns = ", ".join(map(quoted, self.columns))
            order = f"ORDER BY {quoted(self.recorded)} NULLS LAST, {quoted(LINE)}"
            connection.execute(
                f"COPY (SELECT {columns} FROM {loaded} {order}) TO {literal(str(part))} (FORMAT parquet)"
            )
        return []

    def _watermark(self, source: Source) -> datetime | None:
        """Return the newest time of recording in the copy; None without a copy of these columns."""
        if source.types.get(self.recorded) not in _TIMES or not self.path.is_file():
            return None
        with duckdb.connect() as reader:
            kept = reader.execute(f"DESCRIBE FROM {self._kept()}").fetchall()
            if [(name, kind) for name, kind, *_ in kept] != [(name, source.types[name]) for name in self.columns]:
                return None
            ((newest,),) = reader.execute(
                f"SELECT max({quoted(self.recorded)}::TIMESTAMP) FROM {self._kept()}"
            ).fetchall()
        return newest if isinstance(newest, datetime) else None

    def _load_new(self, source: Source, since: datetime, connection: duckdb.DuckDBPyConnection) -> bool:
        """Load what was recorded since and join it with the copy; False if the whole is not that of the database."""
        if source.changes is None:
            return False
        source.changes.load(self.columns, self.recorded, since)
        loaded, joined = quoted(f"loaded {source.name}"), quoted(f"joined {source.name}")
        ((new,),) = connection.execute(f"SELECT count(*) FROM {loaded}").fetchall()
        columns = ", ".join(map(quoted, self.columns))
        replaced = f"ANTI JOIN {loaded} AS new ON new.{quoted(self.key)} = kept.{quoted(self.key)}" if self.key else ""
        older = f"kept.{quoted(self.recorded)}::TIMESTAMP < TIMESTAMP '{since.isoformat()}'"
        connection.execute(
            f"CREATE TABLE {joined} AS SELECT *, CAST(NULL AS VARCHAR) AS {quoted(FILE)}, row_number() OVER () AS "
            f"{quoted(LINE)} FROM (SELECT {columns} FROM (SELECT kept.* FROM {self._kept()} AS kept {replaced} "
            f"WHERE {older}) UNION ALL SELECT {columns} FROM {loaded}); DROP TABLE {loaded}"
        )
        found = connection.execute(
            f"SELECT {', '.join(totals_sql(self.columns, source.types))} FROM {joined}"
        ).fetchall()[0]
        if not _same(found, source.changes.totals(self.columns)):
            connection.execute(f"DROP TABLE {joined}")
            return False
        connection.execute(f"ALTER TABLE {joined} RENAME TO {loaded}")
        _log.info("%s: read %d new rows, since %s", source.name, new, since)
        return True

    def _kept(self) -> str:
        return f"read_parquet({literal(str(self.path))})"


def copy_path(data_dir: str, address: str, table: str) -> Path:
    """Return the file of the copy of a table; each database and table has its own."""
    name = hashlib.sha256(f"{address}\n{table}".encode()).hexdigest()[:24]
    return Path(data_dir) / COPIES / f"{name}.parquet"


def _same(found: Sequence[float | None], wanted: Sequence[float | None]) -> bool:
    pairs = [(one, other) for one, other in zip(found, wanted, strict=True) if one is not None or other is not None]
    return all(
        one is not None
        and other is not None
        and (math.isclose(one, other, rel_tol=1e-11, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other)))
        for one, other in pairs
    )
