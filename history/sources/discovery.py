"""The sources at an address: a folder, a file, or a database URL."""

from contextlib import ExitStack
from pathlib import Path

import duckdb

from rapport.errors import TableError
from rapport.history.sources.duckdb_files import duckdb_sources
from rapport.history.sources.files import file_sources
from rapport.history.sources.ibis_backends import ibis_sources
from rapport.history.sources.postgres import postgres_sources
from rapport.history.sources.source import Source


def find_sources(
    address: str,
    connection: duckdb.DuckDBPyConnection,
    resources: ExitStack,
    encoding: str = "",
    unreadable: dict[str, TableError] | None = None,
) -> dict[str, Source]:
    """Find the tables of a folder, a file or a database; what is opened for it is closed with ``resources``.

    Files that cannot be read are put into ``unreadable``, as long as others can be; without it the first one raises.
    """
    if address.startswith(("postgresql://", "postgres://")):
        return postgres_sources(address, connection, resources)
    if address.startswith("duckdb://"):
        return duckdb_sources(address, connection)
    if "://" in address:
        return ibis_sources(address, connection, resources)
    return file_sources(Path(address), connection, resources, encoding, unreadable)
