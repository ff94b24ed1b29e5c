"""How a column of the contract is written: one function for each kind."""

from rapport.history.contract.schema import Column, Kind
from rapport.localized import LocalizedText


def id_column(name: str, en: str, zh: str, *, required: bool = True) -> Column:
    """Return a column that holds an id."""
    return Column(name, "id", LocalizedText(en, zh), required=required)


def time_column(name: str, en: str, zh: str, *, required: bool = False, later: bool = False) -> Column:
    """Return a time; ``later`` for one that is known only once it has come."""
    return Column(name, "time", LocalizedText(en, zh), required=required, later=name if later else None)


def amount_column(en: str, zh: str, *, required: bool = False) -> Column:
    """Return the amount of money of a row."""
    return Column("amount", "number", LocalizedText(en, zh), required=required, unit="money")


def number_column(name: str, unit: str, en: str, zh: str, *, required: bool = False) -> Column:
    """Return a number with its unit."""
    return Column(name, "number", LocalizedText(en, zh), required=required, unit=unit)


def key_text_column(name: str, en: str, zh: str) -> Column:
    """Return a text without which a row says nothing."""
    return Column(name, "text", LocalizedText(en, zh), required=True)


def text_column(name: str, en: str, zh: str, *examples: str) -> Column:
    """Return a free text or a category."""
    return Column(name, "text", LocalizedText(en, zh), examples=examples)


def state_column(name: str, kind: Kind, en: str, zh: str, *examples: str) -> Column:
    """Return a column whose value is overwritten when it changes."""
    # A state is overwritten when it changes: only the recording time tells which value was known at a cutoff.
    return Column(name, kind, LocalizedText(en, zh), later="recorded_at", examples=examples)


CUSTOMER_ID = id_column("customer_id", "customer", "客户编号")
