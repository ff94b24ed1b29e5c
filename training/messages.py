"""The sentences of training in English and Chinese: reports, monitoring, data checks, grade, gates."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources

import yaml

from rapport.localized import LocalizedText

Translate = Callable[..., str]


@cache
def catalogue() -> Mapping[str, LocalizedText]:
    """Read all sentences by key."""
    written = yaml.safe_load(resources.files("rapport.training").joinpath("messages.yaml").read_text(encoding="utf-8"))
    return {key: LocalizedText(**texts) for key, texts in written.items()}


def localized(key: str, **values: object) -> LocalizedText:
    """Return a sentence in both languages; a value that is localized itself is used in its own language."""
    text = catalogue()[key]
    en, zh = (
        {
            name: getattr(value, language) if isinstance(value, LocalizedText) else value
            for name, value in values.items()
        }
        for language in ("en", "zh")
    )
    return LocalizedText(text.en.format(**en), text.zh.format(**zh))


def translator(language: str) -> Translate:
    """Return a function that fills a sentence in one language; a key without a sentence is shown as it is."""

    def translate(key: str, **values: object) -> str:
        text = catalogue().get(key)
        return getattr(text, language).format(**values) if text else key.partition(".")[2].replace("_", " ")

    return translate


def joined(sentences: tuple[LocalizedText, ...]) -> LocalizedText:
    """Join sentences: with a space in English, without one in Chinese."""
    return LocalizedText(" ".join(each.en for each in sentences), "".join(each.zh for each in sentences))
