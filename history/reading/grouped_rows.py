"""Reports in groups: the number, the customer and the day of an order stand on its first line alone, then only goods.

ERP lists and sheets with merged cells are written so. Setting ``fill_down`` of a mapping names the columns of the
head; a line on which all of them are empty belongs to the order above.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rapport.history.reading.expressions import text_of
from rapport.history.reading.text_cleaning import TOTALS, is_one_of
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

# The cells of a head are empty on nearly all lines below it, and seldom on its own: some orders name no customer.
_ALL, _SOME = 0.98, 0.5
Rows = Callable[[str], list[tuple[object, ...]]]


def fill_down_columns(written: str) -> list[str]:
    """Return the columns that ``fill_down = "number, customer, day"`` names."""
    return [own for each in written.split(",") if (own := each.strip())]


def with_filled_heads(source: Source, written: str, columns: Iterable[str]) -> Source:
    """Return the source with the head of an order on each of its lines; ``columns`` are those that are loaded.

    A line with the word of a total in one of them belongs to no order.
    """
    heads = [own for own in fill_down_columns(written) if own in source.types]
    if not heads:
        return source
    empty = " AND ".join(_is_empty(own, source) for own in heads)
    texts = [text_of(own, source.types[own]) for own in columns if own not in heads and source.types[own] == "VARCHAR"]
    total = " OR ".join(is_one_of(f"lower({text})", TOTALS) for text in texts) or "false"
    above = f"OVER (PARTITION BY {quoted(FILE)} ORDER BY {quoted(LINE)} ROWS UNBOUNDED PRECEDING)"
    filled = []
    for own in map(quoted, heads):
        # A list keeps an empty cell of the head apart from a line without a head.
        head = f"(last_value(CASE WHEN NOT ({empty}) THEN [{own}] END IGNORE NULLS) {above})[1]"
        filled.append(f"CASE WHEN {empty} AND NOT ({total}) THEN {head} ELSE {own} END AS {own}")
    return replace(source, sql=f"SELECT * REPLACE ({', '.join(filled)}) FROM ({source.sql})", files=())


def head_columns(source: Source, number: str, needed: Sequence[Sequence[str]], rows: str, query: Rows) -> list[str]:
    """Return the columns that are empty on the same lines as an order's number, else none.

    ``needed`` has candidates for its time and its customer, of which one each must be among them. On these lines
    another column must hold a text, as the goods of an order do: a line with sums alone is a total.
    """
    flags = {own: _is_empty(own, source) for own in source.types}
    empty = flags[number]
    parts = [
        f"avg(CAST({flag} AS INTEGER)) FILTER ({empty}), avg(CAST({flag} AS INTEGER)) FILTER (NOT ({empty})), "
        f"avg(CAST(try_cast({text_of(own, source.types[own])} AS DOUBLE) IS NULL AS INTEGER)) FILTER ({empty})"
        for own, flag in flags.items()
    ]
    share, *found = query(f"SELECT coalesce(avg(CAST({empty} AS INTEGER)), 0), {', '.join(parts)} FROM {rows}")[0]
    if not 0 < float(str(share)) < 1:
        return []
    cells = dict(zip(flags, zip(found[::3], found[1::3], found[2::3], strict=True), strict=True))
    heads = [own for own, (below, above, _) in cells.items() if _number(below) >= _ALL and _number(above) <= _SOME]
    texts = [own for own, (below, _, text) in cells.items() if _number(below) <= 1 - _ALL and _number(text) >= _ALL]
    is_grouped = all(any(own in heads for own in each) for each in needed) and any(own not in heads for own in texts)
    return heads if is_grouped else []


def _is_empty(own: str, source: Source) -> str:
    return f"{text_of(own, source.types[own])} = ''"


def _number(share: object) -> float:
    return 0.0 if share is None else float(str(share))
