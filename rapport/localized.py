"""Text in both languages of the product."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """One text in English and in Chinese."""

    en: str
    zh: str

    def to_dict(self) -> dict[str, str]:
        """Return the text by language, as files write it."""
        return {"en": self.en, "zh": self.zh}


def localize(text: LocalizedText, language: str) -> str:
    """Return the text in ``language``; every language other than Chinese reads English."""
    return text.zh if language == "zh" else text.en
