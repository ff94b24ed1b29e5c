"""Amounts in other currencies: converted at the rate of the row's own time, from the table ``rates``."""

from dataclasses import replace

from rapport.errors import SettingsError
from rapport.history.contract import Table, columns_of
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.rejection_rules import RejectionRule
from rapport.history.reading.table_names import normalized_name
from rapport.history.settings import Settings
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

CURRENCY_COLUMNS = ("currency", "currency_code", "币种", "货币")
CODE, RATE = "currency of the row", "rate of the row"


def currency_column(source: Source) -> str | None:
    """Return the column of a source that names the currency of each row."""
    return next((own for own in source.types if normalized_name(own) in CURRENCY_COLUMNS), None)


def currency_part(table: Table, source: Source) -> str | None:
    """Return the SQL of the currency of each row; None if the table has no amounts, or no column that names it."""
    own = currency_column(source)
    has_amounts = any(column.unit == "money" for column in columns_of(table)) and table.name != "campaigns"
    return f"upper(trim({quoted(own)})) AS {quoted(CODE)}" if own is not None and has_amounts else None


def converted(staged: StagedTable, settings: Settings) -> tuple[StagedTable, list[RejectionRule]]:
    """Return the table with its amounts in the company's currency, and the rule for rows without a rate."""
    money = [each.column.name for each in staged.columns if each.column.unit == "money"]
    if not money or not staged.query("SELECT count(*) FROM rates")[0][0]:
        return staged, []
    if not settings.currency:
        raise SettingsError("rates: set `currency` in rapport.toml to the currency that the rates convert to.")
    time, own = quoted(staged.table.time), literal(settings.currency.upper())
    is_own = f"coalesce({quoted(CODE)}, '') IN ('', {own})"
    factor = f"CASE WHEN {is_own} THEN 1 ELSE {quoted(RATE)} END"
    amounts = ", ".join(f"{quoted(name)} * {factor} AS {quoted(name)}" for name in money)
    view = f"reading.{quoted(f'{staged.table.name} converted')}"
    # A row without a time, or from before the first rate, has none.
    staged.query(
        f"CREATE TABLE {view} AS SELECT * REPLACE ({amounts}) FROM (SELECT own.*, rates.rate AS {quoted(RATE)} "
        f"FROM {staged.view} AS own ASOF LEFT JOIN rates "
        f"ON upper(rates.currency) = own.{quoted(CODE)} AND own.{time} >= rates.as_of)"
    )
    reason = f"{money[0]} is in a currency for which rates has no rate at that time: add it, in {settings.currency}."
    missing = f"NOT ({is_own}) AND {quoted(RATE)} IS NULL AND {time} IS NOT NULL"
    return replace(staged, view=view), [RejectionRule(money[0], reason, missing)]
