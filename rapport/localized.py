"""Text in both languages of the product."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LocalizedText:
    """One text in English and in Chinese."""

    en: str
    zh: str


def localize(text: LocalizedText, language: str) -> str:
    """Return the text in ``language``; every language other than Chinese reads English."""
    return text.zh if language == "zh" else text.en
