"""SQL that cleans text before it is read: white space, spreadsheet wrapping, full-width signs, words for nothing."""

from collections.abc import Callable, Iterable

from rapport.history.sql import literal

# What is written beside a value by accident; all of it is stripped.
_SPACES = " \t\r\n\u00a0\u200b\u200e\u200f\u2007\u2009\u202f\u2060\u3000\ufeff"
_WIDE = "０１２３４５６７８９．，－＋（）：／　" + "−–‒﹣" + "\u00a0\u2007\u2009\u202f\t" + "’ʼ´`＄"
_ASCII = "0123456789.,-+():/ " + "----" + "     " + "''''$"
_ARABIC, _LATIN = "٠١٢٣٤٥٦٧٨٩٫٬۰۱۲۳۴۵۶۷۸۹", "0123456789.,0123456789"
_FULL_WIDTH, _HALF_WIDTH = ("".join(chr(first + place) for place in range(94)) for first in (0xFF01, 0x21))
# A spreadsheet marks numbers that are text with an apostrophe, and input methods write digits in full width.
_MARKED_ID = r"^'|[\x{FF01}-\x{FF5E}]"

_APOSTROPHE = "'"

# Words that exports write where there is no value. A person or a place may be called None or NA.
NO_TEXT = ("null", "nan", "\\n", "#n/a", "<null>", "(null)", "#ref!", "#value!", "-")
NOTHING = (
    *NO_TEXT,
    "none",
    "n/a",
    "na",
    "nil",
    "nat",
    "#name?",
    "#div/0!",
    "--",
    "—",
    "undefined",
    "(blank)",
    "无",
    "空",
)

TOTALS = (
    *("total", "totals", "grand total", "subtotal", "sub total", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt"),
    *("total général", "total general", "totale", "suma", "合计", "总计", "小计", "总和", "合計", "總計", "汇总"),
    *("total:", "grand total:", "合计：", "总计：", "合计:", "总计:"),
)


def stripped(sql: str) -> str:
    """Return the text without the white space around it."""
    return f"trim({sql}, {literal(_SPACES)})"


def cleaned(sql: str) -> str:
    """Return the text without white space around it and without the wrapping of a spreadsheet: ``="0012"``."""
    return let(
        stripped(sql),
        lambda text: (
            f"CASE WHEN starts_with({text}, '=') THEN regexp_replace({text}, '^=\"(.*)\"$', '\\1') ELSE {text} END"
        ),
    )


def in_ascii(sql: str) -> str:
    """Return the text with ASCII digits, signs and spaces in place of their full-width and typographic forms."""
    return let(sql, lambda text: _translated(text, _WIDE + _ARABIC, _ASCII + _LATIN))


def id_text(sql: str) -> str:
    """Return the text of an id: cleaned, without the apostrophe of a spreadsheet and full-width letters and digits."""
    bare = f"ltrim({cleaned(sql)}, {literal(_APOSTROPHE)})"
    return let(bare, lambda text: _translated(text, _FULL_WIDTH, _HALF_WIDTH))


def _translated(text: str, signs: str, others: str) -> str:
    """Replace signs by others in texts that have one: a text is searched much faster than translated."""
    listed = "".join(f"\\x{{{ord(sign):X}}}" for sign in signs)
    found = f"regexp_matches({text}, {literal(f'[{listed}]')})"
    return f"CASE WHEN {found} THEN translate({text}, {literal(signs)}, {literal(others)}) ELSE {text} END"


def is_one_of(sql: str, words: Iterable[str]) -> str:
    """Return the SQL that tests whether a text is one of the words.

    Not ``IN``: a long list becomes a join, which takes three times as long and yields the rows in any order.
    """
    return f"({' OR '.join(f'{sql} = {literal(word)}' for word in dict.fromkeys(words))})"


def without_null_words(sql: str, *, text: bool = False) -> str:
    """Return null for an empty text and for words that mean that there is no value."""
    return f"CASE WHEN {is_one_of(f'lower({sql})', ('', *(NO_TEXT if text else NOTHING)))} THEN NULL ELSE {sql} END"


def is_missing(sql: str, *, text: bool = False) -> str:
    """Return the SQL that tests whether a raw text holds no value."""
    return f"{without_null_words(stripped(sql), text=text)} IS NULL"


def is_plain_id(sql: str) -> str:
    """Return the SQL that tests whether an id is one word with a digit, such as A-17850, as most ids are."""
    return f"regexp_full_match({sql}, '[A-Za-z_#-]{{0,8}}[0-9][A-Za-z0-9_-]*')"


def is_untidy_id(sql: str) -> str:
    """Return the SQL that tests whether an id has to be cleaned."""
    return (
        f"{sql} <> {stripped(sql)} OR {sql} = '' OR starts_with({sql}, '=') OR ends_with({sql}, '.0') "
        f"OR regexp_matches({sql}, {literal(_MARKED_ID)}) OR {is_one_of(f'lower({sql})', (*NOTHING, *TOTALS))}"
    )


def is_untidy_text(sql: str) -> str:
    """Return the SQL that tests whether a text has to be cleaned."""
    words = is_one_of(sql, (form for word in NO_TEXT for form in (word, word.upper(), word.title())))
    ends = " OR ".join(f"ends_with({sql}, {literal(space)})" for space in " \u00a0\u3000")
    # All blanks and control characters of ASCII sort before the exclamation mark.
    return f"{sql} < '!' OR starts_with({sql}, '=') OR {ends} OR {words}"


def let(value: str, body: Callable[[str], str]) -> str:
    """Return the SQL of an expression that uses a value several times and computes it once."""
    name = f"v{len(value)}_{value.count('(')}"
    return f"list_transform([{value}], lambda {name}: {body(name)})[1]"
