"""Templates and texts: how a page gets its words, its numbers and its frame."""

import hashlib
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rapport.serving.console import formats

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")


class Texts:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        path = HERE / "texts" / f"{language}.yaml"
        self.language = language
        self.words: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with its values filled in."""
        text = self.words[key]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Say whether there is a text for a key."""
        return key in self.words

    def name(self, kind: str, word: object) -> str:
        """Return the title of a word of the data (a tier, a family); the word itself when we have none."""
        return self.words.get(f"{kind}.{word}", str(word))

    def spoken(self, told: str) -> str:
        """Return what an event of the past says, its known words translated; a company's own words stay.

        Parts are set apart by " · "; the first word of a part may be known ("due 2026-01-31").
        """
        return " · ".join(self._part(part) for part in told.split(" · "))

    def _part(self, part: str) -> str:
        whole = self.words.get(f"said.{part}")
        if whole is not None:
            return whole
        first, _, rest = part.partition(" ")
        known = self.words.get(f"said.{first}") if rest[:1].isdigit() else None
        return f"{known} {rest}" if known else part


@cache
def looks() -> "Looks":
    """Return the console's looks; templates are compiled once in a process."""
    return Looks()


class Looks:
    """Draw templates in a language and a currency."""

    def __init__(self) -> None:
        self.texts = {language: Texts(language) for language in LANGUAGES}
        self._pages = {language: _environment(texts) for language, texts in self.texts.items()}

    def draw(self, template: str, language: str, **context: Any) -> str:
        """Return a page as HTML."""
        return self._pages[language].get_template(template).render(**context)


def static_address(name: str) -> str:
    """Return the address of a file of ours; its age in the address lets browsers keep it for long."""
    return f"/static/{name}?{_stamp(name)}"


@cache
def _stamp(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:10]


def _environment(texts: Texts) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    pages.globals.update(
        static=static_address,
        shown_target="",
        t=texts,
        name_of=texts.name,
        language=texts.language,
        nothing=formats.NOTHING,
    )
    pages.filters.update(
        percent=formats.percent,
        points=formats.points,
        number=formats.number,
        whole=formats.whole_money,
        money=partial(formats.money, language=texts.language),
        day=partial(formats.day, language=texts.language),
        missing=formats.missing,
    )
    pages.filters["month_name"] = partial(formats.month, language=texts.language)
    pages.filters["spoken"] = texts.spoken
    pages.filters["role_name"] = partial(texts.name, "role")
    pages.filters["measure"] = lambda value, unit, currency: formats.measure(
        value, unit, {**texts.words, "currency": currency, "language": texts.language}
    )
    return pages
