"""Scorecards as tables: read one, try it on a customer, download a proposal; never change a live card here."""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml
from rapport.serving.console.visit import Visit
from starlette.responses import Response

from rapport.errors import RapportError

_LONGEST = 200_000
_NAMED = re.compile(r"\s*- name: (?P<name>\S+)\s*$")
_WEIGHED = re.compile(r"(?P<before>\s*weight: )[^\s#]+(?P<after>.*\n?)")


def show(visit: Visit) -> Response:
    """Show one card, and how it reads a customer if one was asked for."""
    cards = visit.desk.cards(language=visit.language)
    name = visit.request.path_params.get("name") or (cards[0]["name"] if cards else "")
    return _shown(visit, cards, _card(cards, name))


def propose(visit: Visit) -> Response:
    """Hand out a changed card as a file, after the same check that a live card passes."""
    cards = visit.desk.cards(language=visit.language)
    card = _card(cards, visit.request.path_params["name"])
    if visit.form.get("from") == "text":
        text = visit.form.get("yaml", "")[:_LONGEST].replace("\r\n", "\n")
    else:
        text = _reweighted(card, visit.form)
    if problem := visit.desk.check_card(text):
        return _shown(visit, cards, card, status=422, problem=problem, text=text)
    named = {"content-disposition": f'attachment; filename="{card["name"]}-proposal.yaml"'}
    return Response(text.encode(), media_type="application/yaml; charset=utf-8", headers=named)


def _card(cards: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = next((card for card in cards if card["name"] == name), None)
    if found is None and cards:
        known = ", ".join(str(card["name"]) for card in cards)
        raise RapportError(f"There is no card named {name}. Choose one of: {known}.")
    return found or {}


def _shown(visit: Visit, cards: list[dict[str, Any]], card: dict[str, Any], status: int = 200, **more: str) -> Response:
    asked = visit.request.query_params.get("customer", "").strip()[:100]
    tried, refused = _tried(visit, card, asked) if asked and card else (None, "")
    context = {
        "cards": cards,
        "card": card,
        "bands": range(card.get("highest") or 5, (card.get("lowest") or 1) - 1, -1),
        "asked": asked,
        "tried": tried,
        "tried_rows": {row["indicator"]: row for row in tried["rows"]} if tried else {},
        "refused": refused,
        "problem": "",
        "text": card.get("yaml", ""),
    }
    return visit.show("cards.html", status, **{**context, **more})


def _tried(visit: Visit, card: Mapping[str, Any], asked: str) -> tuple[Mapping[str, Any] | None, str]:
    try:
        visit.must_see(asked)
        visit.saw([asked])
        return visit.desk.try_card(card["name"], asked, language=visit.language), ""
    except RapportError as refusal:
        return None, str(refusal)


def _reweighted(card: Mapping[str, Any], form: Mapping[str, str]) -> str:
    """Write the card's text with the weights of the form; every other word, number and comment stays."""
    given = {name[len("weight.") :]: value for name, value in form.items() if name.startswith("weight.")}
    weights = {name: _weight(value, name) for name, value in given.items()}
    lines, indicator = [], ""
    for line in str(card["yaml"]).splitlines(keepends=True):
        if named := _NAMED.match(line):
            indicator = named["name"]
        if (weighed := _WEIGHED.match(line)) and indicator in weights:
            line = f"{weighed['before']}{weights[indicator]}{weighed['after']}"
        lines.append(line)
    return _held_to(weights, "".join(lines))


def _held_to(weights: Mapping[str, float], text: str) -> str:
    """Return the text if it has the weights; a card in another style of YAML is written anew, without comments."""
    card = yaml.safe_load(text)
    lines = [line for dimension in card.get("dimensions", ()) for line in dimension.get("indicators", ())]
    if all(line.get("weight") == weights.get(line["name"], line.get("weight")) for line in lines):
        return text
    for line in lines:
        line["weight"] = weights.get(line["name"], line.get("weight"))
    return str(yaml.safe_dump(card, allow_unicode=True, sort_keys=False, width=110))


def _weight(given: str, name: str) -> float:
    try:
        weight = float(given)
    except ValueError as error:
        raise RapportError(f"The weight of {name} must be a number, not {given!r}.") from error
    if not math.isfinite(weight) or weight < 0:
        raise RapportError(f"The weight of {name} must be a number of zero or more, not {given!r}.")
    return int(weight) if weight.is_integer() else weight
