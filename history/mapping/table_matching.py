"""Which source feeds which table of the contract, by the names and the values of their columns."""

from collections import Counter
from collections.abc import Mapping

from rapport.history.contract import TABLES, Column, Table, columns_of
from rapport.history.mapping.name_matching import (
    CONTAINED,
    SYNONYM,
    ColumnFormats,
    accepts,
    column_similarity,
    is_generic,
    synonyms,
    table_similarity,
)
from rapport.history.mapping.table_proposal import TableProposal
from rapport.history.reading.table_names import OF_THE_TOOL, names_of, normalized_name, own_table_name
from rapport.history.sources.source import Source

# Score of a column that is the only one of its kind, whatever its name, and how sure it is.
_ONLY_CANDIDATE, _BY_VALUES = 0.3, 0.4
_MIN_SCORE = 1.2
# A table that fits worse than this share of the best fit is none of the source.
_SECOND_CHOICE = 0.6
# So many files are what somebody exported by hand; more are a system's whole schema.
_FEW_SOURCES = 3
# A word at the beginning of so many names is that of the system.
_MOST_TABLES = 0.6
# An amount with one of these words is a part of another.
_PART_OF_AMOUNT = {
    "subtotal",
    "sub",
    "tax",
    "vat",
    "shipping",
    "discount",
    "refund",
    "refunded",
    "fee",
    "tip",
    "deposit",
}
_PAID_ZH = ("实付", "实收", "实际支付", "实际付款")
_PART_OF_AMOUNT_ZH = ("优惠", "折扣", "运费", "税额", "商品总价", "应付", "退款")


def assign(sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]) -> tuple[TableProposal, ...]:
    """Assign to each contract table the source that matches it best, the highest score first."""
    candidates, names = [], _own_names(sources)
    needed = 1 if len(sources) <= _FEW_SOURCES else 2
    for position, table in enumerate(TABLES):
        for name, source in sources.items():
            proposal, score = match(table, source, formats[name], names[name])
            if score >= _MIN_SCORE and _is_evident(proposal, names[name], needed):
                # A table of the default schema comes before one of another schema.
                candidates.append((-score, position, "." in name, name, proposal))
    # Another file of orders is not a table of deals because the orders are found already.
    best = {name: min(each[0] for each in candidates if each[3] == name) for *_, name, _ in candidates}
    candidates = [each for each in candidates if each[0] <= _SECOND_CHOICE * best[each[3]]]
    found: dict[int, TableProposal] = {}
    taken: set[str] = set()
    for _, position, _, name, proposal in sorted(candidates, key=lambda each: each[:4]):
        if position not in found and name not in taken:
            found[position] = proposal
            taken.add(name)
    return tuple(found[position] for position in sorted(found))


def _own_names(sources: Mapping[str, Source]) -> dict[str, str]:
    """Return each table's name without a word that most of them begin with, such as that of the shop."""
    names = {each: normalized_name(own_table_name(source).rsplit(".", 1)[-1]) for each, source in sources.items()}
    (word, times), *_ = Counter(name.split("_")[0] for name in names.values()).most_common(1) or [("", 0)]
    tables = {each for known in synonyms()["tables"].values() for each in known} | {table.name for table in TABLES}
    if times <= _FEW_SOURCES or times < _MOST_TABLES * len(names) or word in tables:
        return names
    return {each: name.removeprefix(f"{word}_") for each, name in names.items()}


def _is_evident(proposal: TableProposal, name: str, needed: int) -> bool:
    """Return whether a source is surely such a table: by its name, or by columns that only such a table has.

    A connector writes a hundred tables with an id, a customer and a date; a wrong proposal is worse than none.
    """
    named, missing = table_similarity(proposal.table, name), len(proposal.missing)
    if named >= SYNONYM:
        return missing <= 1
    # A required column of which only the values fit says nothing about a table that is called something else.
    missing += len(proposal.by_values) if not named else 0
    telling = sum(
        proposal.confidence[column] >= SYNONYM and column != "customer_id" and not is_generic(own)
        for column, own in proposal.columns.items()
    )
    return missing <= 1 and telling >= 1 if named or needed == 1 else missing == 0 and telling >= needed


def match(
    table: Table, source: Source, formats: ColumnFormats, own_name: str | None = None
) -> tuple[TableProposal, float]:
    """Match the columns of one source with those of a table, and score the match."""
    own_columns = [own for own in source.types if own.lower() not in OF_THE_TOOL]
    pairs = [
        (-similarity, position, _second_choice(column, own, formats), own_position, column, own)
        for position, column in enumerate(columns_of(table))
        for own_position, own in enumerate(own_columns)
        if (similarity := _similarity(table, column, own)) >= CONTAINED and accepts(column, own, formats)
    ]
    names: dict[str, str] = {}
    certain: dict[str, float] = {}
    score = 2 * table_similarity(table, own_name or own_table_name(source))
    for similarity, *_, column, own in sorted(pairs, key=lambda pair: pair[:4]):
        if column.name not in names and own not in names.values():
            names[column.name] = own
            certain[column.name] = -similarity
            score += -similarity * (1.0 if column.required else 0.25)
    by_values = _match_by_values(table, source, formats, names)
    score += _ONLY_CANDIDATE * len(by_values)
    order = {column.name: names.get(column.name) or by_values.get(column.name) for column in columns_of(table)}
    columns = {name: own for name, own in order.items() if own is not None}
    unused = tuple(own for own in source.types if own not in columns.values())
    score -= 0.75 * sum(name not in columns for name in table.required)
    certain |= dict.fromkeys(by_values, _BY_VALUES)
    return TableProposal(table, source.name, columns, frozenset(by_values), unused, certain), score


def _similarity(table: Table, column: Column, own: str) -> float:
    """Return the similarity of the names: an order is named by its number rather than by that of the row.

    Its customer is named by a number too, or else by a name.
    """
    similarity, names = column_similarity(table, column, own), names_of(own)
    if column.name == "customer_id" and table.name != "customers" and names & {*synonyms()["roles"]["customer_name"]}:
        return CONTAINED
    return min(similarity, CONTAINED) if column.name == "order_id" and "id" in names else similarity


def _second_choice(column: Column, own: str, formats: ColumnFormats) -> float:
    """Return what ranks columns of equal names: the order number of all lines, a whole amount."""
    if column.name == "amount":
        if any(word in own for word in _PAID_ZH):
            return -1.0
        is_part = _PART_OF_AMOUNT & {*normalized_name(own).split("_")}
        return float(bool(is_part) or any(word in own for word in _PART_OF_AMOUNT_ZH))
    return formats.distinct[own] if column.name == "order_id" else 0.0


def _match_by_values(table: Table, source: Source, formats: ColumnFormats, names: Mapping[str, str]) -> dict[str, str]:
    """Return required columns for which exactly one source column has fitting values."""
    free = [own for own in source.types if own not in names.values() and own.lower() not in OF_THE_TOOL]
    matched: dict[str, str] = {}
    for column in columns_of(table):
        if column.required and column.name not in names and column.kind in ("time", "number"):
            fitting = [own for own in free if accepts(column, own, formats) and _is_specific(column, own, formats)]
            fitting = [own for own in fitting if own not in matched.values()]
            if len(fitting) == 1:
                matched[column.name] = fitting[0]
    return matched


def _is_specific(column: Column, own: str, formats: ColumnFormats) -> bool:
    """Return whether values can be read only as the column's type, where a time could also be a number or a flag."""
    if column.kind == "time":
        return formats.readable[own, "number"] < 1
    if normalized_name(own).split("_")[-1] in synonyms()["words"]["key"]:
        return False
    return formats.readable[own, "time"] < 1 and formats.readable[own, "flag"] < 1
