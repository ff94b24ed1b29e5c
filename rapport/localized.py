"""Text in both languages of the product: values, and catalogues of messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

Translate = Callable[..., str]


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """One text in English and in Chinese."""

    en: str
    zh: str

    def to_dict(self) -> dict[str, str]:
        """Return the text by language, as files write it."""
        return {"en": self.en, "zh": self.zh}

    def filled(self, **values: object) -> "LocalizedText":
        """Return the text with its placeholders filled; a localized value is used in its own language."""
        return LocalizedText(*(getattr(self, each).format(**_in_language(values, each)) for each in ("en", "zh")))


def localize(text: LocalizedText, language: str) -> str:
    """Return the text in ``language``; every language other than Chinese reads English."""
    return text.zh if language == "zh" else text.en


def _in_language(values: Mapping[str, object], language: str) -> dict[str, object]:
    return {
        name: localize(each, language) if isinstance(each, LocalizedText) else each for name, each in values.items()
    }


class MessageCatalogue:
    """The messages of packages in both languages, by key: their files ``messages.yaml``, read at first use."""

    def __init__(self, *packages: str) -> None:
        self._packages = packages

    @cached_property
    def texts(self) -> Mapping[str, LocalizedText]:
        """Return all messages by key."""
        # A process that shows no message does without it.
        from rapport.shipped_yaml import read_shipped  # noqa: PLC0415

        files = (resources.files(package).joinpath("messages.yaml") for package in self._packages)
        written = [read_shipped(file.read_text(encoding="utf-8")) for file in files]
        return {key: LocalizedText(**texts) for part in written for key, texts in part.items()}

    def message(self, key: str, /, **values: object) -> LocalizedText:
        """Return a message in both languages, filled with values."""
        return self.texts[key].filled(**values)

    def translator(self, language: str) -> Translate:
        """Return a function that fills a message in one language; a key without a message is shown as it is."""

        def translate(key: str, **values: object) -> str:
            text = self.texts.get(key)
            return localize(text, language).format(**values) if text else key.partition(".")[2].replace("_", " ")

        return translate
