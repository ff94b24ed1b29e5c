"""Render HTML pages that work offline, with the numbers and names of the reader's language."""

from collections.abc import Callable
from functools import partial

from jinja2 import Environment, PackageLoader, select_autoescape

from rapport.durations import parse_duration
from rapport.languages import grammar
from rapport.localized import localize, recorded
from rapport.scoring.reasons.numbers import format_value
from rapport.scoring.reasons.sentences import sentence_catalog
from rapport.training.messages import translator


def render_page(template: str, language: str, **values: object) -> str:
    """Fill a template of this folder."""
    environment = Environment(loader=PackageLoader("rapport.training.reports", "."), autoescape=select_autoescape())
    environment.filters |= {
        "percent": lambda share, digits=1: f"{share:.{digits}%}",
        "thousands": lambda count: f"{count:,}",
        "figure": lambda value: "–" if value is None else f"{value:.3f}",
        "signed": lambda value: f"{value:+.2f}",
        "duration": partial(duration_text, language=language),
        "family": partial(_family, language=language),
        "localized": partial(recorded, language=language),
        "in_language": partial(localize, language=language),
    }
    return environment.get_template(template).render(
        translate=translator(language), language=language, grammar=grammar(language), **values
    )


def duration_text(written: str, language: str) -> str:
    """Return a duration such as 12mo in words."""
    duration = parse_duration(written)
    key, count = ("months", duration.months) if duration.months else ("days", duration.days)
    return translator(language)(f"duration.{key}", n=count)


def money_formatter(currency: str, language: str) -> Callable[[float], str]:
    """Return a function that formats an amount."""
    return lambda amount: format_value(float(amount), "money", language, currency)


def _family(name: str, language: str) -> str:
    family = sentence_catalog().families.get(name)
    return localize(family.title, language) if family else name
