"""The engine that a history is read into: one database in process, with a place to spill."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb
from rapport.history.casting import literal
from rapport.history.laying import bare, lay_bare
from rapport.history.settings import Settings


@dataclass
class Engine:
    """An open database; opening one costs 10 ms, so whoever reads many small histories lends the same again.

    Only one history at a time can be read into it, and one thread at a time may use it.
    """

    connection: duckdb.DuckDBPyConnection
    scratch: Path
    laid: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Forget the history that was read into it."""
        self.connection.execute("DROP SCHEMA reading CASCADE; CREATE SCHEMA reading")
        for name in sorted(self.laid):
            self.connection.unregister(f"memory {name}")
            self.connection.execute(bare(name))
        self.laid.clear()

    def close(self) -> None:
        """Give memory and files back."""
        self.connection.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def open_engine(settings: Settings) -> Engine:
    """Open an engine with every table of the contract in it, empty."""
    # By itself the engine would spill into the working directory.
    folder = Path(settings.scratch or tempfile.gettempdir()) / f"rapport-{uuid4().hex}"
    connection = duckdb.connect(config={"threads": settings.threads} if settings.threads else {})
    connection.execute("SET TimeZone = 'UTC'")
    # Its own progress bar would run across ours; in a notebook without widgets it is off, and refuses to be set.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET temp_directory = {literal(str(folder))}")
    if settings.memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.memory_limit)}")
    lay_bare(connection)
    return Engine(connection, folder)
