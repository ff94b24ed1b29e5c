"""The column types of a source, as the database names them."""

import duckdb

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE


def column_types(sql: str, connection: duckdb.DuckDBPyConnection, origin: str) -> dict[str, str]:
    """Return the type of each column of a query, without its file and line."""
    try:
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error as error:
        raise TableError(
            f"{origin}: cannot be read: {str(error).splitlines()[0]}. Write it again, or leave it out."
        ) from error
    return {
        row[0]: "VARCHAR" if row[1].startswith("ENUM") else row[1] for row in described if row[0] not in (FILE, LINE)
    }
