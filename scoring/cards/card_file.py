"""Load a card file into a `Card`; an invalid file is refused with one sentence: what, where and what to do."""

from collections.abc import Collection
from functools import cache
from importlib import resources
from pathlib import Path

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.config_errors import ConfigError, nearest
from rapport.scoring.cards.config_models import parse_config
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text


def shipped_names() -> tuple[str, ...]:
    """Return the names of the cards that come with Rapport."""
    files = resources.files("rapport.scoring.cards").joinpath("shipped").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_card(name: str | Path, known: Collection[str] | None = None) -> Card:
    """Load a shipped card by its name, or a company's own card by the path of its file.

    `known` are the features that exist; a card that reads any other is refused.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return parse_card_text(read_text(path), path.name, known)
    # Where every name is known, it is the same card for everyone.
    return (
        _shipped_card(str(name)) if known is None else parse_card_text(shipped_text(str(name)), f"{name}.yaml", known)
    )


@cache
def _shipped_card(name: str) -> Card:
    # Reading YAML takes 10 ms, and a list of deals needs the card for each of them.
    return parse_card_text(shipped_text(name), f"{name}.yaml")


def shipped_text(name: str) -> str:
    """Return the text of a shipped card file, comments included."""
    if name not in shipped_names():
        shipped = shipped_names()
        raise ConfigError("unknown_card", name=name, near=nearest(name, shipped), shipped=", ".join(shipped))
    return resources.files("rapport.scoring.cards").joinpath("shipped", f"{name}.yaml").read_text(encoding="utf-8")


def parse_card_text(text: str, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from YAML text; errors call it `where`."""
    return parse_card(parse_yaml(text, where), where, known)


def parse_card(written: object, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from a mapping, as in a YAML file or a bundle."""
    return parse_config(Card, written, where, known)
