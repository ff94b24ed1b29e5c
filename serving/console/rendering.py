"""Rendering of the console's templates with the texts, number formats and static files of a language."""

import hashlib
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rapport.languages import CODES, grammar
from rapport.localized import localize, recorded
from rapport.serving.console import formats
from rapport.serving.translations import Translations, translations

CONSOLE_DIR = Path(__file__).parent


@cache
def page_renderer() -> "PageRenderer":
    """Return the renderer; templates are compiled once in a process."""
    return PageRenderer()


class PageRenderer:
    """Render templates in each language."""

    def __init__(self) -> None:
        self.translations = {language: translations(language) for language in CODES}
        self._environments = {language: _environment(texts) for language, texts in self.translations.items()}

    def render(self, template: str, language: str, **context: object) -> str:
        """Return a page as HTML."""
        return self._environments[language].get_template(template).render(**context)


def static_url(name: str) -> str:
    """Return the URL of a static file; the hash of its content in the URL lets browsers cache it for long."""
    return f"/static/{name}?{_content_hash(name)}"


@cache
def _content_hash(name: str) -> str:
    return hashlib.sha256((CONSOLE_DIR / "static" / name).read_bytes()).hexdigest()[:10]


def _environment(translations: Translations) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(CONSOLE_DIR / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        static=static_url,
        shown_target="",
        t=translations,
        label=translations.label,
        language=translations.language,
        grammar=grammar(translations.language),
        other_languages=[grammar(code) for code in CODES if code != translations.language],
        placeholder=formats.PLACEHOLDER,
    )
    environment.filters.update(
        percent=formats.percent,
        points=formats.points,
        number=formats.number,
        full_money=formats.full_money,
        money=partial(formats.money, language=translations.language),
        day=partial(formats.day, language=translations.language),
        horizon=partial(formats.horizon, language=translations.language),
        time_span=partial(formats.time_span, language=translations.language),
        month=partial(formats.month, language=translations.language),
        localized=partial(localize, language=translations.language),
        recorded=partial(recorded, language=translations.language),
        event_detail=translations.event_detail,
        role_label=partial(translations.label, "role"),
        measure=lambda value, unit, currency: formats.measure(
            value, unit, {**translations.texts, "currency": currency, "language": translations.language}
        ),
    )
    return environment
