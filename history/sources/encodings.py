"""Detection of the encoding of a text file, checked by what its letters would mean.

A wrong encoding yields letters that no language has side by side. An encoding is accepted if the text it yields is
written as one language writes; if two encodings yield different such texts, the file is not read until the setting
``encoding`` names one of them.
"""

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from rapport.errors import TableError
from rapport.history.messages import message
from rapport.history.sources.alphabets import COMMON_CHARACTERS, FREQUENT_LETTERS, LANGUAGES, REGIONS
from rapport.localized import LocalizedText

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The encodings of the office software of each language; the second group is tried if no encoding of the first fits.
_USUAL = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "gb18030", "big5", "cp932", "euc_jp", "cp949")
_OLDER = ("cp850", "cp852", "mac_roman", "koi8_r", "cp866")
_MULTIBYTE = {"gb18030": "zh-Hans", "big5": "zh-Hant", "cp932": "ja", "euc_jp": "ja", "cp949": "ko"}
# The most bytes of lines with other than ASCII characters that are examined.
_EXAMINED = 1 << 17
_PLAUSIBLE = 0.9


@dataclass(frozen=True)
class _Candidate:
    encoding: str
    text: str
    score: float


def detect_encoding(sample: bytes, path: Path) -> str:
    """Return the encoding of the text; TableError if it is unknown, or if two encodings fit."""
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    if utf16 := _utf16_without_bom(sample):
        return utf16
    if is_utf8(sample):
        return "utf-8"
    return _best(_foreign_lines(sample), path)


def is_utf8(sample: bytes) -> bool:
    """Return whether the bytes are UTF-8, but for a few bad lines."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    broken = text.count("\ufffd") - sample.count(b"\xef\xbf\xbd")
    if broken <= 0:
        return True
    return sum(char > "\x7f" and char != "\ufffd" for char in text) > 10 * broken


def _utf16_without_bom(sample: bytes) -> str | None:
    """Return UTF-16 if the text has null bytes on one side of its digits and separators."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) < max(4, len(sample) // 50) or min(even, odd) > max(even, odd) / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _foreign_lines(sample: bytes) -> bytes:
    lines, size = [], 0
    for line in sample.splitlines():
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > _EXAMINED:
            break
    return b"\n".join(lines)


def _best(lines: bytes, path: Path) -> str:
    for encodings in (_USUAL, _OLDER):
        plausible = [each for each in _candidates(lines, encodings) if each.score >= _PLAUSIBLE]
        if plausible:
            return _only(plausible, path)
    guess = from_bytes(lines).best()
    hint = message("encoding_guess", encoding=guess.encoding) if guess else LocalizedText("", "")
    raise TableError(message("unknown_encoding", origin=path.name, hint=hint))


def _only(plausible: list[_Candidate], path: Path) -> str:
    """Return the most plausible encoding; TableError if another one fits as well and yields another text."""
    best = max(plausible, key=lambda each: each.score)
    rivals = [each for each in plausible if each.text != best.text and each.score > best.score - 0.04]
    if not rivals:
        return best.encoding
    one, other = _first_difference(best.text, rivals[0].text)
    names = {"one": best.encoding, "other": rivals[0].encoding, "as_one": one, "as_other": other}
    raise TableError(message("two_encodings", origin=path.name, **names))


def _first_difference(one: str, other: str) -> tuple[str, str]:
    pairs = zip(_words(one), _words(other), strict=False)
    return next(((a, b) for a, b in pairs if a != b), (one[:20], other[:20]))


def _words(text: str) -> list[str]:
    return re.split(r"[,;\t|\n\"]+", text)


def _candidates(lines: bytes, encodings: Iterable[str]) -> list[_Candidate]:
    found = []
    for encoding in encodings:
        text = lines.decode(encoding, errors="replace")
        foreign = [char for char in text if char > "\x7f"]
        # A few bad bytes are bad lines, not another encoding.
        if foreign and foreign.count("\ufffd") <= min(max(2, len(foreign) / 50), len(foreign) / 4):
            score = _asian_score(text, foreign, encoding) if encoding in _MULTIBYTE else _european_score(text)
            found.append(_Candidate(encoding, text, score))
    return found


def _asian_score(text: str, foreign: list[str], encoding: str) -> float:
    """Return the share of plausible characters; a letter of the Latin alphabet right beside a character is not."""
    language = _MULTIBYTE[encoding]
    letters = [char for char in foreign if char.isalpha()]
    if not letters:
        return 0.0
    usual = sum(_is_usual(char, language) for char in letters) / len(letters)
    beside_latin = len(re.findall(r"[a-z][\u3400-\u9fff\uac00-\ud7a3]|[\u3400-\u9fff\uac00-\ud7a3][a-z]", text))
    common = sum(char in COMMON_CHARACTERS[language] for char in letters) / len(letters)
    return (
        usual
        - beside_latin / len(letters)
        - (0.15 if common < 0.08 and len(letters) > 12 else 0.0)
        + min(0.2, common / 4)
    )


def _is_usual(char: str, language: str) -> bool:
    """Return whether a character is one of the few thousand that the language's first standard lists as common."""
    if language == "ja":
        return "\u3040" <= char <= "\u30ff" or _lead(char, "shift_jis", 0x88, 0x97)
    if language == "ko":
        return "\uac00" <= char <= "\ud7a3" and _lead(char, "euc_kr", 0xB0, 0xC8)
    # Traditional characters are written in GB 18030 too.
    return (language == "zh-Hans" and _lead(char, "gb2312", 0xB0, 0xD7)) or _lead(char, "big5", 0xA4, 0xC6)


def _lead(char: str, encoding: str, low: int, high: int) -> bool:
    try:
        return low <= char.encode(encoding)[0] <= high
    except UnicodeEncodeError:
        return False


def _european_score(text: str) -> float:
    """Return the share of foreign letters that stand in a word as a language writes it, most for one language."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    letters = "".join(words)
    foreign = [char for char in letters if char > "\x7f"]
    others = [char for char in text if char > "\x7f" and not char.isalpha() and char not in "€£–—’‘“”„«»°²³½§®™…·º\xa0"]
    if not foreign:
        # Signs alone, as in 50 €.
        return 0.0 if others else _PLAUSIBLE
    well_written = sum(sum(char > "\x7f" for char in word) for word in words if _is_word(word)) / len(foreign)
    language = _share_of_one_language(foreign, LANGUAGES)
    region = _share_of_one_language(foreign, REGIONS) - 0.05
    return well_written * max(language, region) - len(others) / len(foreign)


def _share_of_one_language(foreign: list[str], alphabets: Mapping[str, str]) -> float:
    """Return the share of letters that the best fitting alphabet has."""
    found = 0.0
    for language, alphabet in alphabets.items():
        share = sum(char in alphabet or char.lower() in alphabet for char in foreign) / len(foreign)
        frequent = FREQUENT_LETTERS.get(language)
        if frequent and sum(char.lower() in frequent for char in foreign) < len(foreign) / 2:
            share -= 0.2
        found = max(found, share)
    return found


def _is_word(word: str) -> bool:
    """Return whether a word has one alphabet, and a capital letter only at its beginning or throughout."""
    if not (word.islower() or word.isupper() or (word[0].isupper() and word[1:].islower())):
        return False
    latin = sum(char < "\u0250" for char in word)
    # The Greek letter for s at the end of words stands nowhere else.
    return latin in (0, len(word)) and "ς" not in word[:-1] and not re.search(r"[\u00c0-\u024f]{4}", word)
