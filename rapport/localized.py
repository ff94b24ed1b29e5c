"""Text in every language of the product: values, and catalogues of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from string import Formatter
from types import MappingProxyType
from typing import Any, ClassVar

from rapport.languages import CODES, FURTHER, grammar, in_every_language, translated

Translate = Callable[..., str]


@dataclass(frozen=True)
class LocalizedText:
    """One text in English and in Chinese.

    ``further`` has it in the further languages where it was filled or joined; a text as it is written in the code or in
    a file is found in their files by its English form.
    """

    en: str
    zh: str
    further: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @classmethod
    def of(cls, write: Callable[[str], str]) -> LocalizedText:
        """Return what a function writes in each language."""
        return cls.from_dict({"en": write("en"), "zh": write("zh"), **in_every_language(write)})

    @classmethod
    def from_dict(cls, texts: Mapping[str, str]) -> LocalizedText:
        """Load what ``to_dict`` returned; a further language that it does not have reads its file, else English."""
        text = cls(texts["en"], texts["zh"])
        # Not a field: what is compared and stored of a text is the two languages that every text has.
        object.__setattr__(text, "further", {code: texts[code] for code in FURTHER if texts.get(code)})
        return text

    @classmethod
    def same(cls, text: str) -> LocalizedText:
        """Return a text that no language translates: a name, a number, words of the company."""
        return cls.of(lambda _: text)

    @classmethod
    def listed(cls, items: Iterable[LocalizedText | str]) -> LocalizedText:
        """Return the items of a list, separated as each language does."""
        items = list(items)
        return cls.of(lambda language: grammar(language).comma.join(in_language(item, language) for item in items))

    @classmethod
    def sentences(cls, texts: Iterable[LocalizedText]) -> LocalizedText:
        """Return sentences that follow each other."""
        texts = list(texts)
        return cls.of(lambda language: grammar(language).sentences(*(localize(text, language) for text in texts)))

    @classmethod
    def recorded(cls, section: Mapping[str, Any], name: str) -> LocalizedText:
        """Return a sentence that a record keeps, in every language."""
        return cls.of(lambda language: recorded(section, name, language) or "")

    def to_dict(self) -> dict[str, str]:
        """Return the text in every language."""
        return {code: localize(self, code) for code in CODES}

    def as_written(self) -> dict[str, str]:
        """Return the text as a file of the company holds it: without the languages that its author left out."""
        return {"en": self.en, "zh": self.zh, **self.further}

    def stored(self, name: str) -> dict[str, str]:
        """Return the text as a JSON record keeps it: ``name`` has it in English, ``name_zh`` in Chinese."""
        return {recorded_key(name, code): text for code, text in self.to_dict().items()}

    def filled(self, **values: object) -> LocalizedText:
        """Return the text with its placeholders filled; a localized value is used in its own language."""
        return LocalizedText.of(lambda language: fill(localize(self, language), language, values))


def localize(text: LocalizedText, language: str) -> str:
    """Return the text in ``language``; a language that is not one of ours reads English."""
    if language == "zh":
        return text.zh
    if language not in FURTHER:
        return text.en
    return text.further.get(language) or translated(text.en, language)


def in_language(value: Any, language: str) -> Any:
    """Return a value to fill in: a localized text in its language, any other value as it is."""
    return localize(value, language) if isinstance(value, LocalizedText) else value


def fill(text: str, language: str, values: Mapping[str, object]) -> str:
    """Return a template of a language with its values; ``{n:order|orders}`` is the form that the number needs."""
    own = {name: in_language(value, language) for name, value in values.items()}
    if "|" in text:
        return PluralFormatter(language).vformat(text, (), own)
    return text.format(**own)


class PluralFormatter(Formatter):
    """Fills in values; ``{n:order|orders}`` is the form that the number needs."""

    def __init__(self, language: str) -> None:
        self._grammar = grammar(language)

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Return a value, or the form that its number needs."""
        if "|" in format_spec:
            return self._grammar.form(value, format_spec.split("|"))
        return super().format_field(value, format_spec)


def recorded_key(name: str, language: str) -> str:
    """Return the key under which a JSON record keeps a text in a language."""
    return name if language == "en" else f"{name}_{language}"


def stored_list(name: str, texts: Iterable[LocalizedText]) -> dict[str, list[str]]:
    """Return texts as a JSON record keeps them, a list for each language."""
    texts = list(texts)
    return {recorded_key(name, code): [localize(text, code) for text in texts] for code in CODES}


def recorded(section: Mapping[str, Any], name: str, language: str) -> Any:
    """Return a sentence, or a list of them, that a record keeps as `LocalizedText.stored` wrote it.

    English where the record is older than the language; None where the record has no such sentence.
    """
    return section.get(recorded_key(name, language)) or section.get(name)


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
        return {key: LocalizedText.from_dict(texts) for part in written for key, texts in part.items()}

    def message(self, key: str, /, **values: object) -> LocalizedText:
        """Return a message in every language, filled with values."""
        return self.texts[key].filled(**values)

    def translator(self, language: str) -> Translate:
        """Return a function that fills a message in one language; a key without a message is shown as it is."""

        def translate(key: str, **values: object) -> str:
            text = self.texts.get(key)
            return fill(localize(text, language), language, values) if text else _readable(key)

        return translate


def _readable(key: str) -> str:
    return key.partition(".")[2].replace("_", " ")
