"""Checks of customers, currencies and values."""

from collections.abc import Iterable
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


def mixed_currency(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables whose amounts are in several currencies."""
    for name, table in history.loaded.items():
        if len(table.currencies) > 1:
            listed = ", ".join(sorted(table.currencies))
            yield Finding(
                "mixed_currency",
                "stop",
                name,
                LocalizedText(
                    f"{name}: amounts are in several currencies ({listed}). Convert them to "
                    f"{history.settings.currency} before import; sums over them mean nothing.",
                    f"{name}：金额含多种币种（{listed}）。"
                    f"请先统一换算为 {history.settings.currency}，否则合计没有意义。",
                ),
                {"currencies": sorted(table.currencies)},
            )


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
    yield Finding(
        "duplicate_customers",
        "warn" if extra > FEW_SHARE * len(rows) else "note",
        "customers",
        LocalizedText(
            f"customers: {extra} of {len(rows)} seem to exist under another id as well: {example}. "
            "Merge them, otherwise each half looks like churn.",
            f"customers：{len(rows)} 个客户中有 {extra} 个疑似与其他客户重复，例如 {example}。"
            "请合并，否则每一半都像在流失。",
        ),
        {
            "groups": len(groups),
            "extra": extra,
            "examples": [[each[1] for each in group] for group in groups[:EXAMPLES]],
        },
    )


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
            yield Finding(
                "unknown_customers",
                "warn",
                table.name,
                LocalizedText(
                    f"{table.name}: {lost} of {rows} rows ({lost / rows:.0%}) belong to customers that are missing in "
                    f"the table customers, such as {example}. Are the ids from the same system?",
                    f"{table.name}：{rows} 行中有 {lost} 行（{lost / rows:.0%}）的客户不在 customers 表中，"
                    f"例如 {example}。两处的编号是否同一套？",
                ),
                {"rows": lost, "share": round(lost / rows, 4), "example": example},
            )


def missing_attributes(history: History, _: datetime) -> Iterable[Finding]:
    """Find fixed attributes of the settings that the table customers does not have."""
    if "customers" not in history.loaded:
        return
    has = {row[0] for row in history.connection.execute("DESCRIBE customers").fetchall()}
    missing = [name for name in history.settings.fixed_attributes if name not in has]
    if missing:
        listed = ", ".join(missing)
        yield Finding(
            "missing_attributes",
            "warn",
            "customers",
            LocalizedText(
                f"customers: has no {listed}, which fixed_attributes in rapport.toml names.",
                f"customers：没有 rapport.toml 中 fixed_attributes 所列的 {listed}。",
            ),
            {"columns": missing},
        )


def unknown_values(history: History, _: datetime) -> Iterable[Finding]:
    """Find values outside the contract, which get no features of their own."""
    for table in TABLES:
        for column in table.columns:
            if not column.examples or column.name not in history.present.get(table.name, ()):
                continue
            known = {*VALUE_SYNONYMS[column.name].values(), *history.settings.vocabulary.get(column.name, ())}
            listed = ", ".join(literal(word) for word in sorted(known))
            rows = history.connection.execute(
                f"SELECT {quoted(column.name)}, count(*) FROM {table.name} WHERE {quoted(column.name)} IS NOT NULL "
                f"AND {quoted(column.name)} NOT IN ({listed}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {EXAMPLES}"
            ).fetchall()
            if rows:
                values = ", ".join(f"{value} ({count})" for value, count in rows)
                yield Finding(
                    "unknown_values",
                    "note",
                    table.name,
                    LocalizedText(
                        f"{table.name}: {column.name} has values outside the contract: {values}. If they mean one of "
                        f"{', '.join(column.examples)}, map them in rapport.toml under [value_mapping.{column.name}].",
                        f"{table.name}：{column.name} 含约定之外的取值：{values}。"
                        f"若与 {'、'.join(column.examples)} 同义，"
                        f"请写入 rapport.toml 的 [value_mapping.{column.name}]。",
                    ),
                    {"column": column.name, "values": [list(row) for row in rows]},
                )
