"""Checks of customers and values."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rapport.history.checks.finding import EXAMPLES, Finding, one_row
from rapport.history.contract import TABLES
from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
from rapport.history.mapping.company_names import duplicate_names
from rapport.history.reading.history import History
from rapport.history.sql import literal, quoted
from rapport.localized import LocalizedText

# Above this share of unknown customers, the ids are probably those of another system.
UNKNOWN_SHARE = 0.01
# Below this share, duplicate customers do not affect a model.
FEW_SHARE = 0.005


def duplicate_customers(history: History, _: datetime) -> Iterable[Finding]:
    """Find customers that have two ids, by their names."""
    if "name" not in history.present.get("customers", ()):
        return
    rows = history.connection.execute(
        "SELECT name, customer_id FROM customers WHERE name IS NOT NULL ORDER BY customer_id"
    ).fetchall()
    groups = duplicate_names(rows)
    if not groups:
        return
    extra = sum(len(group) - 1 for group in groups)
    example = " = ".join(f"{name} ({customer})" for name, customer in groups[0][:EXAMPLES])
    level = "warn" if extra > FEW_SHARE * len(rows) else "note"
    examples = [[each[1] for each in group] for group in groups[:EXAMPLES]]
    facts = {"groups": len(groups), "extra": extra, "examples": examples}
    yield Finding.of(level, "duplicate_customers", "customers", facts, rows=len(rows), example=example)


def unknown_customers(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables whose customers are not in the table of customers."""
    if not history.rows.get("customers"):
        return
    for table in TABLES:
        rows = history.rows.get(table.name, 0)
        if table.name in ("customers", "merges") or not table.has_customers or not rows:
            continue
        lost, example = one_row(
            history,
            f"SELECT count(*), min(customer_id) FROM {table.name} ANTI JOIN customers USING (customer_id)",
        )
        if lost > UNKNOWN_SHARE * rows:
            facts = {"rows": lost, "share": round(lost / rows, 4), "example": example}
            code = "unknown_customers.zeros" if _differ_in_zeros(history, table.name, lost) else "unknown_customers"
            found = Finding.of("warn", code, table.name, facts, total=rows)
            yield replace(found, code="unknown_customers")


def _differ_in_zeros(history: History, table: str, lost: int) -> bool:
    """Return whether most unknown customers are known with other leading zeros, which a spreadsheet takes off."""
    (known,) = one_row(
        history,
        f"SELECT count(*) FROM (SELECT customer_id FROM {table} ANTI JOIN customers USING (customer_id)) "
        "WHERE ltrim(customer_id, '0') IN (SELECT ltrim(customer_id, '0') FROM customers)",
    )
    return bool(known > lost / 2)


def missing_attributes(history: History, _: datetime) -> Iterable[Finding]:
    """Find fixed attributes of the settings that the table customers does not have."""
    if "customers" not in history.loaded:
        return
    has = {row[0] for row in history.connection.execute("DESCRIBE customers").fetchall()}
    missing = [name for name in history.settings.fixed_attributes if name not in has]
    if missing:
        yield Finding.of("warn", "missing_attributes", "customers", {"columns": missing}, listed=", ".join(missing))


def unknown_values(history: History, _: datetime) -> Iterable[Finding]:
    """Find values outside the contract, which get no features of their own."""
    for table in TABLES:
        for column in table.columns:
            if not column.examples or column.name not in history.present.get(table.name, ()):
                continue
            valid = {*VALUE_SYNONYMS[column.name].values(), *history.settings.vocabulary.get(column.name, ())}
            words = ", ".join(literal(word) for word in sorted(valid))
            rows = history.connection.execute(
                f"SELECT {quoted(column.name)}, count(*) FROM {table.name} WHERE {quoted(column.name)} IS NOT NULL "
                f"AND {quoted(column.name)} NOT IN ({words}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {EXAMPLES}"
            ).fetchall()
            if rows:
                facts = {"column": column.name, "values": [list(row) for row in rows]}
                listed = ", ".join(f"{value} ({count})" for value, count in rows)
                known = LocalizedText.listed(column.examples)
                yield Finding.of("note", "unknown_values", table.name, facts, listed=listed, known=known)
