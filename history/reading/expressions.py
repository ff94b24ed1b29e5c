"""Expressions of ``[mapping]``: what a table or a column is made of, such as ``quantity * unit_price``.

An expression has columns, texts in single quotes, numbers, operators and a few functions. Columns whose names are not
one word stand in double quotes. Nothing else is accepted, so that a settings file cannot read other data.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rapport.errors import TableError
from rapport.history.sql import quoted

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")+")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<sign><>|!=|<=|>=|\|\||[-+*/=<>(),]))"""
)
_KEYWORDS = frozenset(
    (
        *("and", "or", "not", "in", "is", "null", "like", "ilike", "between"),
        *("case", "when", "then", "else", "end", "true", "false"),
    )
)
_TEXT_FUNCTIONS = frozenset(
    ("concat", "left", "lower", "ltrim", "replace", "right", "split_part", "substr", "trim", "upper")
)
_FUNCTIONS = _TEXT_FUNCTIONS | {"abs", "coalesce", "greatest", "least", "nullif", "round"}
_COMPARISONS = frozenset(("=", "<>", "!=", "<", ">", "<=", ">="))
_ARITHMETIC = frozenset("+-*/")


# A zone, a currency, or that a form must be filled in; a scale such as thousands is no such unit.
_UNIT = re.compile(r"\s*[(（](?:[A-Z]{2,4}(?:[+-]\d{1,2}(?::?\d\d)?)?|[€$£¥￥元]|人民币|必填)[)）]\s*$")


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str


@dataclass(frozen=True)
class Expression:
    """An expression over the columns of a source; each use of a column is that of a text or of a number."""

    tokens: tuple[_Token, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the source columns that it uses."""
        return tuple(dict.fromkeys(token.value for token in self.tokens if token.kind in ("column", "amount")))

    @property
    def amounts(self) -> tuple[str, ...]:
        """Return the source columns that it uses as numbers."""
        return tuple(dict.fromkeys(token.value for token in self.tokens if token.kind == "amount"))

    def sql(self, text: Callable[[str], str], number: Callable[[str], str]) -> str:
        """Return the SQL, with the SQL of a column as text or as a number."""
        parts: list[str] = []
        functions: list[str] = []
        for before, token in zip((_Token("", ""), *self.tokens), self.tokens, strict=False):
            if token.value == "(":
                functions.append(before.value)
            elif token.value == ")" and functions:
                functions.pop()
            read = {"column": text, "amount": number}.get(token.kind, str)(token.value)
            # A missing text is empty elsewhere; coalesce passes on to its next column.
            falls_through = token.kind == "column" and functions[-1:] == ["coalesce"]
            parts.append(f"nullif({read}, '')" if falls_through else read)
        return "(" + " ".join(parts) + ")"


def is_expression(written: str) -> bool:
    """Return whether the text is meant as an expression and not as the name of a column."""
    return re.search(r"['*/=<>(+|]|\s-\s", written) is not None or written.strip().replace(".", "", 1).isdigit()


def parse_expression(written: str, types: Mapping[str, str], where: str, *, number: bool) -> Expression:
    """Parse an expression over columns; TableError if it uses a column that is not there, or anything else."""
    tokens = [_resolved(token, types, where) for token in _tokens(written, where)]
    return Expression(tuple(_with_use(tokens, index, number=number) for index in range(len(tokens))))


def _tokens(written: str, where: str) -> list[_Token]:
    found, index = [], 0
    while index < len(written.rstrip()):
        match = _TOKEN.match(written, index)
        if match is None:
            raise TableError(f"{where}: {written!r} cannot be read at {written[index:].strip()[:20]!r}.")
        found.append(_Token(match.lastgroup or "", match[match.lastgroup or 0]))
        index = match.end()
    return found


def _resolved(token: _Token, types: Mapping[str, str], where: str) -> _Token:
    """Return the token with the name of the source's column, if it is one."""
    if token.kind not in ("word", "quoted"):
        return token
    name = token.value.strip('"').replace('""', '"') if token.kind == "quoted" else token.value
    own = _column(name, types)
    if own is not None and (token.kind == "quoted" or name.lower() not in _KEYWORDS):
        return _Token("column", own)
    if token.kind == "word" and name.lower() in _KEYWORDS | _FUNCTIONS:
        return _Token("keyword", name.lower())
    raise TableError(f"{where}: there is no column {name}. It has: {', '.join(types)}.")


def _column(name: str, types: Mapping[str, str]) -> str | None:
    if name in types:
        return name
    bare = _bare(name)
    return next((own for own in types if bare in (_bare(own), _bare(without_unit(own)))), None)


def _bare(name: str) -> str:
    return re.sub(r"[\s_\-./]+", "", name).lower()


def without_unit(own: str) -> str:
    """Return a column's name without the zone or the currency in brackets after it."""
    return _UNIT.sub("", own)


def _with_use(tokens: list[_Token], index: int, *, number: bool) -> _Token:
    """Mark a column that is used as a number: beside arithmetic or a number, and not beside a text."""
    token = tokens[index]
    if token.kind != "column":
        return token
    before, after = _neighbour(tokens, index, -1), _neighbour(tokens, index, 1)
    if before.value in _ARITHMETIC or after.value in _ARITHMETIC:
        return _Token("amount", token.value)
    if any(side.value in _COMPARISONS for side in (before, after)):
        other = _neighbour(tokens, index, 2 if after.value in _COMPARISONS else -2)
        return _Token("amount", token.value) if other.kind == "number" else token
    beside_word = after.value in ("in", "like", "ilike", "is", "not", "between") or after.value == "||"
    in_function = before.value == "(" and _neighbour(tokens, index, -2).value in _TEXT_FUNCTIONS
    return token if not number or beside_word or in_function or before.value == "||" else _Token("amount", token.value)


def _neighbour(tokens: list[_Token], index: int, steps: int) -> _Token:
    index = index + steps
    return tokens[index] if 0 <= index < len(tokens) else _Token("", "")


def text_of(own: str, kind: str) -> str:
    """Return the SQL of a column as text; a missing value is an empty text, so that <> is true for it."""
    value = quoted(own) if kind == "VARCHAR" else f"CAST({quoted(own)} AS VARCHAR)"
    return f"coalesce(trim({value}), '')"
