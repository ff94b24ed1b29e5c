"""Reading a history: names are resolved, values are cast, bad rows are rejected, tables are loaded into DuckDB."""
