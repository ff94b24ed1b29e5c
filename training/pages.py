"""The pages of training, in the reader's language: their words, numbers and template."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import resources
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, select_autoescape
from rapport.history.contract import Words
from rapport.scoring.wording.numbers import said as number
from rapport.scoring.wording.table import table

from rapport.durations import parse_span

Say = Callable[..., str]


@cache
def texts() -> Mapping[str, Words]:
    """Read every sentence."""
    written = yaml.safe_load(resources.files("rapport.training").joinpath("pages.yaml").read_text(encoding="utf-8"))
    return {key: Words(**words) for key, words in written.items()}


def words(key: str, **values: object) -> Words:
    """Fill a sentence in both languages."""
    known = texts()[key]
    return Words(known.en.format(**values), known.zh.format(**values))


def speaker(language: str) -> Say:
    """Return what fills a sentence in one language; a name that no sentence knows stands for itself."""

    def say(key: str, **values: object) -> str:
        known = texts().get(key)
        return getattr(known, language).format(**values) if known else key.partition(".")[2].replace("_", " ")

    return say


def span(written: str, language: str) -> str:
    """Say a span such as 12mo in words."""
    found = parse_span(written)
    return speaker(language)("span.months" if found.months else "span.days", n=found.months or found.days)


def page(template: str, language: str, **given: Any) -> str:
    """Fill a template; it works offline."""
    environment = Environment(loader=PackageLoader("rapport.training", "."), autoescape=select_autoescape())
    environment.filters |= {
        "percent": lambda share, digits=1: f"{share:.{digits}%}",
        "thousands": lambda count: f"{count:,}",
        "figure": lambda value: "–" if value is None else f"{value:.3f}",
        "signed": lambda value: f"{value:+.2f}",
        "span": partial(span, language=language),
        "family": partial(_family, language=language),
        "own": partial(_own, language=language),
    }
    return environment.get_template(template).render(say=speaker(language), language=language, **given)


def money(currency: str, language: str) -> Callable[[float], str]:
    """Return what says an amount."""
    return lambda amount: number(float(amount), "money", language, currency)


def _family(name: str, language: str) -> str:
    known = table().families.get(name)
    return getattr(known.title, language) if known else name


def _own(told: Mapping[str, Any], key: str, language: str) -> Any:
    """Take what was told in the page's language, where it was told in both."""
    return told.get(f"{key}_zh") or told[key] if language == "zh" else told[key]
