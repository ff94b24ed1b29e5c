"""The page ``docs/contract.md``, generated from the contract."""

from rapport.history.contract.limits import EARLIEST, LATEST, MAX_GAP_YEARS
from rapport.history.contract.schema import Column, Table, columns_of
from rapport.history.contract.tables import TABLES
from rapport.history.contract.value_synonyms import VALUE_SYNONYMS

_KINDS = {"id": "id", "time": "time", "number": "number", "flag": "yes or no", "text": "text"}

_INTRODUCTION = f"""# The table contract

A *history* is a folder of Parquet or CSV files named after these tables (`orders.parquet`, or a folder `orders/` of
many files, also with hive partitions), or a database with tables of these names. Only `orders` must be there. Names in
another case or with blanks are recognised (`Customer ID`), others are mapped in `rapport.toml`; see
[sources](sources.md).

* **\\*** marks the columns that a table must have. Further columns are ignored, except in `customers`, where they are
  attributes. `industry_position` and `market_reputation` stand on the customer's page, in the answer and the report;
  like every attribute that never changes they may be listed in `fixed_attributes`, and a card can score them.
* Any table may have `recorded_at`: when the row was written. A row is visible only from then on.
* A fact *known from* another column is hidden until that time. Facts known from `recorded_at` are overwritten when
  they change (a stage, a check); without `recorded_at` it is unknown when they became true, and they are not used.
  Columns with a history in `changes`, or in a table that keeps every version of its rows, are read as of each cutoff;
  see [histories of change](sources.md#histories-of-change).
* Times without a zone are in the company's zone (`timezone` in `rapport.toml`, else UTC); others are converted to it.
  Dates, amounts and ids are read as people write them; [sources](sources.md#how-values-are-read) lists the forms. What
  can be read in two ways (`03/04/2026`, `4.400`) and is decided by no other value stops the run with a question.

Rows are rejected, with table, file, line, column and reason, if they lack a required value, have a time or number that
cannot be read, a time before {EARLIEST[:4]} or from {LATEST[:4]} on, a time more than {MAX_GAP_YEARS} years after all
others, a number beyond 10^15, or a key that an earlier row has. More than `reject_share` of a table stop the run.
"""


def contract_page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION, *(_table(table) for table in TABLES), _synonyms()]
    return "\n".join(parts)


def _table(table: Table) -> str:
    key = f" One row a `{table.key}`." if table.key else ""
    lines = [
        f"## `{table.name}` · {table.title.en} · {table.title.zh}",
        "",
        f"Its time is `{table.time}`.{key}",
        "",
        "| column | kind | meaning | 含义 | known from |",
        "| --- | --- | --- | --- | --- |",
        *(_column(column) for column in columns_of(table)),
        "",
    ]
    return "\n".join(lines)


def _column(column: Column) -> str:
    star = "\\*" if column.required else ""
    unit = f", {column.unit}" if column.unit else ""
    values = f": {', '.join(f'`{example}`' for example in column.examples)} …" if column.examples else ""
    later = f"`{column.later}`" if column.later not in (None, column.name) else "itself" if column.later else ""
    cells = (
        f"`{column.name}`{star}",
        f"{_KINDS[column.kind]}{unit}",
        f"{column.title.en}{values}",
        column.title.zh,
        later,
    )
    return f"| {' | '.join(cells)} |"


def _synonyms() -> str:
    lines = [
        "## Values of other systems",
        "",
        "Read as the contract's values, in any letter case; `[value_mapping.<column>]` in `rapport.toml` adds more.",
        "",
        "| column | read as |",
        "| --- | --- |",
    ]
    for column, words in VALUE_SYNONYMS.items():
        foreign = [f"{own} → `{word}`" for own, word in words.items() if own != word]
        if foreign:
            lines.append(f"| `{column}` | {', '.join(foreign)} |")
    return "\n".join(lines) + "\n"
