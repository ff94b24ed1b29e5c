"""The table contract: which tables and columns a history may hold, and which values they accept."""

from rapport.history.contract.agreement_tables import PAYMENTS_A_YEAR
from rapport.history.contract.event_tables import C139
from rapport.history.contract.schema import RECORDED_AT, SQL_TYPES, Column, Kind, Table, columns_of
from rapport.history.contract.tables import CUSTOMERS, FEATURE_TABLES, TABLES, by_name

__all__ = [
    "C139",
    "CUSTOMERS",
    "FEATURE_TABLES",
    "PAYMENTS_A_YEAR",
    "RECORDED_AT",
    "SQL_TYPES",
    "TABLES",
    "Column",
    "Kind",
    "Table",
    "by_name",
    "columns_of",
]
