"""The n-grams of a sentence: words and parts of words in English, characters in Chinese."""

import re
from itertools import pairwise

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_DIGITS = re.compile(r"[0-9０-９]+")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[?!]")
_FULL_WIDTH = str.maketrans(",:;!?()", "，：；！？（）")
_WORD_PARTS = (3, 4, 5)
_CHARACTERS = (1, 2)


def language_of(text: str) -> str:
    """Return zh for a text with a Chinese character, else en."""
    return "zh" if _CHINESE.search(text) else "en"


def ngrams(sentence: str) -> set[str]:
    """Return the distinct n-grams of one sentence; every number counts as 0."""
    plain = _DIGITS.sub("0", sentence.lower().replace("’", "'"))
    return _of_characters(plain) if language_of(plain) == "zh" else _of_words(plain)


def _of_characters(sentence: str) -> set[str]:
    marked = f"^{_SPACE.sub('', sentence).strip('。.').translate(_FULL_WIDTH)}$"
    return {marked[start : start + n] for n in _CHARACTERS for start in range(len(marked) - n + 1)}


def _of_words(sentence: str) -> set[str]:
    # "won't" and "will not" share their last word.
    words = _WORD.findall(sentence.replace("n't", " not"))
    marked = ["^", *words, "$"]
    found = set(words)
    found.update(f"{a} {b}" for a, b in pairwise(marked))
    found.update(f"{a} _ {b}" for a, b in zip(marked, marked[2:], strict=False))
    found.update(" ".join(three) for three in zip(marked, marked[1:], marked[2:], strict=False))
    for word in words:
        bounded = f"<{word}>"
        found.update(f"#{bounded[start : start + n]}" for n in _WORD_PARTS for start in range(len(bounded) - n + 1))
    return found
