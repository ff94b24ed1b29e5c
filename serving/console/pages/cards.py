"""Scorecards as tables: read one, try it on a customer, download a proposal; live cards are never changed here."""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml
from starlette.responses import Response

from rapport.errors import RapportError
from rapport.serving.console.page_context import PageContext

_MAX_CHARACTERS = 200_000
_NAME_LINE = re.compile(r"\s*- name: (?P<name>\S+)\s*$")
_WEIGHT_LINE = re.compile(r"(?P<before>\s*weight: )[^\s#]+(?P<after>.*\n?)")


def show(page: PageContext) -> Response:
    """Show one card, and its score of a customer if the URL names one."""
    cards = page.application.cards(language=page.language)
    name = page.request.path_params.get("name") or (cards[0]["name"] if cards else "")
    return _render(page, cards, _find_card(cards, name))


def propose_card(page: PageContext) -> Response:
    """Return a changed card as a file, after the same validation that a live card passes."""
    cards = page.application.cards(language=page.language)
    card = _find_card(cards, page.request.path_params["name"])
    if page.form.get("from") == "text":
        text = page.form.get("yaml", "")[:_MAX_CHARACTERS].replace("\r\n", "\n")
    else:
        text = _with_weights_of(card, page.form)
    if problem := page.application.check_card(text, page.language):
        return _render(page, cards, card, status=422, problem=problem, text=text)
    return page.file(text.encode(), f"{card['name']}-proposal.yaml")


def _find_card(cards: list[dict[str, object]], name: str) -> dict[str, Any]:
    found = next((card for card in cards if card["name"] == name), None)
    if found is None and cards:
        known = ", ".join(str(card["name"]) for card in cards)
        raise RapportError(f"There is no card named {name}. Choose one of: {known}.")
    return found or {}


def _render(
    page: PageContext, cards: list[dict[str, object]], card: dict[str, Any], status: int = 200, **more: str
) -> Response:
    customer_id = page.request.query_params.get("customer", "").strip()[:100]
    result, refused = _try_card(page, card, customer_id) if customer_id and card else (None, "")
    context = {
        "cards": cards,
        "card": card,
        "bands": range(card.get("highest") or 5, (card.get("lowest") or 1) - 1, -1),
        "customer_id": customer_id,
        "result": result,
        "result_rows": {row["indicator"]: row for row in result["rows"]} if result else {},
        "refused": refused,
        "problem": "",
        "text": card.get("yaml", ""),
    }
    return page.render("cards.html", status, **{**context, **more})


def _try_card(page: PageContext, card: Mapping[str, Any], customer_id: str) -> tuple[Mapping[str, Any] | None, str]:
    try:
        page.require_visible(customer_id)
        page.record_view([customer_id])
        return page.application.try_card(card["name"], customer_id, language=page.language), ""
    except RapportError as error:
        return None, str(error)


def _with_weights_of(card: Mapping[str, object], form: Mapping[str, str]) -> str:
    """Return the card's text with the weights of the form; every other line and comment stays."""
    given = {name[len("weight.") :]: value for name, value in form.items() if name.startswith("weight.")}
    weights = {name: _parse_weight(value, name) for name, value in given.items()}
    lines, indicator = [], ""
    for line in str(card["yaml"]).splitlines(keepends=True):
        if name_line := _NAME_LINE.match(line):
            indicator = name_line["name"]
        if (weight_line := _WEIGHT_LINE.match(line)) and indicator in weights:
            line = f"{weight_line['before']}{weights[indicator]}{weight_line['after']}"
        lines.append(line)
    return _ensure_weights(weights, "".join(lines))


def _ensure_weights(weights: Mapping[str, float], text: str) -> str:
    """Return the text if it has the weights; a card in another style of YAML is dumped anew, without comments."""
    card = yaml.safe_load(text)
    indicators = [one for dimension in card.get("dimensions", ()) for one in dimension.get("indicators", ())]
    if all(one.get("weight") == weights.get(one["name"], one.get("weight")) for one in indicators):
        return text
    for one in indicators:
        one["weight"] = weights.get(one["name"], one.get("weight"))
    return str(yaml.safe_dump(card, allow_unicode=True, sort_keys=False, width=110))


def _parse_weight(text: str, name: str) -> float:
    try:
        weight = float(text)
    except ValueError as error:
        raise RapportError(f"The weight of {name} must be a number, not {text!r}.") from error
    if not math.isfinite(weight) or weight < 0:
        raise RapportError(f"The weight of {name} must be a number of zero or more, not {text!r}.")
    return int(weight) if weight.is_integer() else weight
