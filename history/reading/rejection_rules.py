"""What makes a row unusable: a rule for each way in which a value can be invalid."""

from dataclasses import dataclass

from rapport.history.contract import Column
from rapport.history.contract.limits import EARLIEST, LARGEST, LATEST
from rapport.history.reading.casting import FLOATS, OPEN_ENDS, SourceColumn
from rapport.history.reading.number_forms import NumberForm
from rapport.history.reading.text_cleaning import TOTALS, is_missing, is_one_of
from rapport.history.sql import literal, quoted

_SLASHED = r"\d{1,2}[/.-]\d{1,2}[/.-](\d{4}|\d{2})(\D.*)?"

# A reason with these words is a question: the rows are not wrong, but they can be read in two ways.
QUESTION = "can be read as two"
NOT_A_TIME = "is not a time: write it like 2026-01-31 or 2026-01-31T14:05:00Z."
AMBIGUOUS_DATE = 'can be read as two days: set date_format = "day_first" or "month_first" in rapport.toml.'
TOO_EARLY = "lies before 1901: leave it empty where it is not known."
TOO_LATE = "lies beyond the year 2200: leave it empty where it is not known."
NOT_A_NUMBER = "is not a number: write it like 1234.50."
AMBIGUOUS_NUMBER = 'can be read as two numbers: set decimal = "." or "," in rapport.toml.'
NOT_FINITE = "is not a possible number: it is infinite, not a number, or beyond 10^15."
TOTALS_ROW = "is the word of a row of totals: leave such rows out of the file."
NOT_A_FLAG = "is neither yes nor no: write true or false."


@dataclass(frozen=True)
class RejectionRule:
    """An SQL condition, over raw and cast columns, under which a row is rejected."""

    column: str
    reason: str
    sql: str


def raw_name(column: str) -> str:
    """Return the name of the column that holds the value before casting."""
    return f"raw {column}"


def rejection_rules(source: SourceColumn) -> list[RejectionRule]:
    """Return the rules for one column; the first one that holds gives the reason."""
    column, value, raw = source.column, quoted(source.column.name), quoted(raw_name(source.column.name))
    missing = f"({_is_missing(raw, source)})"
    rules = [RejectionRule(column.name, f"has no {column.name}.", missing)] if column.required else []
    if column.kind == "id" and source.is_text and source.format != "tidy":
        rules.append(RejectionRule(column.name, f"{column.name} {TOTALS_ROW}", is_one_of(f"lower({value})", TOTALS)))
    unreadable = f"({value} IS NULL AND NOT {missing})"
    match column.kind:
        case "time":
            rules += _time_rules(column, value, raw, unreadable, source)
        case "number":
            rules += _number_rules(column, value, raw, unreadable, source)
        case "flag" if source.format != "outcomes":
            rules.append(RejectionRule(column.name, f"{column.name} {NOT_A_FLAG}", unreadable))
        case _:
            pass
    return rules


def _is_missing(raw: str, source: SourceColumn) -> str:
    if source.is_text and source.format == "tidy":
        return f"{raw} IS NULL"
    if source.is_text and source.format in ("iso", "zoned", "plain"):
        return f"{raw} IS NULL OR trim({raw}) = ''"
    if source.is_text:
        return is_missing(raw, text=source.column.kind == "text")
    if source.type in FLOATS:
        return f"{raw} IS NULL OR isnan({raw})"
    return f"{raw} IS NULL"


def _time_rules(column: Column, value: str, raw: str, unreadable: str, source: SourceColumn) -> list[RejectionRule]:
    name = column.name
    rules = []
    if source.is_text:
        slashed = f"regexp_full_match(trim({raw}), {literal(_SLASHED)})"
        rules.append(RejectionRule(name, f"{name} {AMBIGUOUS_DATE}", f"{unreadable} AND {slashed}"))
    rules.append(RejectionRule(name, f"{name} {NOT_A_TIME}", unreadable))
    rules.append(RejectionRule(name, f"{name} {TOO_EARLY}", f"{value} < TIMESTAMP '{EARLIEST}'"))
    if name not in OPEN_ENDS:
        rules.append(RejectionRule(name, f"{name} {TOO_LATE}", f"{value} >= TIMESTAMP '{LATEST}'"))
    return rules


def _number_rules(column: Column, value: str, raw: str, unreadable: str, source: SourceColumn) -> list[RejectionRule]:
    name = column.name
    unclear = f"{unreadable} AND regexp_matches({raw}, '[0-9][.,][0-9]{{3}}')"
    is_unclear = isinstance(source.form, NumberForm) and source.form.decimal == "?"
    rules = [
        *([RejectionRule(name, f"{name} {AMBIGUOUS_NUMBER}", unclear)] if is_unclear else []),
        RejectionRule(name, f"{name} {NOT_A_NUMBER}", unreadable),
        RejectionRule(name, f"{name} {NOT_FINITE}", f"(NOT isfinite({value}) OR abs({value}) > {LARGEST})"),
    ]
    if column.low is not None:
        rules.append(RejectionRule(name, f"{name} is below {column.low:g}.", f"{value} < {column.low}"))
    if column.high is not None:
        rules.append(RejectionRule(name, f"{name} is above {column.high:g}.", f"{value} > {column.high}"))
    return rules
