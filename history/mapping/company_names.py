"""Normalization of company names, to find duplicates."""

import re
import unicodedata
from collections.abc import Iterable

# Legal forms only: a group and its subsidiary are two companies. Each form has one spelling here.
_FORMS = (
    *("inc", "corp", "co", "ltd", "llc", "llp", "plc", "pte", "pty"),
    *("gmbh", "ag", "kg", "sarl", "sas", "sa", "spa", "srl", "bv", "nv", "oy", "ab", "kk"),
)
_LATIN = {
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
    "limited": "ltd",
    **{form: form for form in _FORMS},
}
_LATIN_END = re.compile(rf"(?<=\w)[\s.,]+({'|'.join(_LATIN)})\.?$")
_CHINESE_END = re.compile(r"(?<=..)(股份有限公司|有限责任公司|有限公司|责任公司|股份公司|公司)$")
_PUNCTUATION = re.compile(r"[^\w]|_")


def normalized_company_name(name: str) -> tuple[str, str]:
    """Return the name without legal form, case, blanks and punctuation; and the legal form, or an empty text."""
    bare = unicodedata.normalize("NFKC", name).casefold().strip(" .,")
    form = ""
    # A name may have several forms: of Acme Co., Ltd. the last one counts.
    while match := _LATIN_END.search(bare):
        form, bare = form or _LATIN[match[1]], bare[: match.start()]
    bare = _PUNCTUATION.sub("", bare.replace("&", "and"))
    shorter = _CHINESE_END.sub("", bare)
    return shorter, form


def duplicate_names(named: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Group (name, id) pairs that are probably the same company; Acme Ltd and Acme GmbH are not."""
    groups: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for name, key in named:
        bare, form = normalized_company_name(name)
        if len(bare) > 1:
            groups.setdefault(bare, {}).setdefault(form, []).append((name, key))
    return [group for forms in groups.values() for group in _merged(forms) if len(group) > 1]


def _merged(forms: dict[str, list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """Merge names without a form into the only form there is."""
    if "" in forms and len(forms) == 2:
        return [[each for group in forms.values() for each in group]]
    return list(forms.values())
