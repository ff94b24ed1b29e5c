"""One customer on one screen: how is it, why, since when, what now."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rapport.serving.console.figures import axis_of, change_steps, decision_chain, flattened, waterfall
from rapport.serving.console.visit import Visit
from rapport.serving.problem import RequestError
from starlette.responses import Response

from rapport.errors import RapportError

_BAR = 300
_SHORT_BAR = 150
_CHAIN = (480, 290)
# What is worth a mark on the line of scores; calls and mails would cover it.
_NOTABLE = ("order", "return", "meeting", "ticket", "risk", "contract", "survey", "opportunity")


def show(visit: Visit) -> Response:
    """Show one customer, and what would change if the visitor asked so."""
    customer_id = visit.request.path_params["customer_id"]
    card = _card(visit, customer_id)
    answer = _chosen(card, visit.target)
    asked, tried, refused = _what_if(visit, customer_id, answer)
    if visit.request.query_params.get("part") == "what-if":
        return visit.show("what_if.html", tried=tried, refused=refused)
    return visit.show(
        "customer.html",
        card={**card, "events": [{**event, "month": event["at"][:7]} for event in card["events"]]},
        who=card["customer"],
        answer=answer,
        shown_target=answer["target"] if answer else visit.target,
        asked=asked,
        tried=tried,
        refused=refused,
        tree=_tree(visit, card),
        people=decision_chain(card["chain"], *_CHAIN) if card.get("chain") else None,
        chain_size=_CHAIN,
        **_figures(card, answer),
    )


def _card(visit: Visit, customer_id: str) -> Mapping[str, Any]:
    try:
        card: Mapping[str, Any] = visit.desk.customer(customer_id, language=visit.language)
    except RequestError as refusal:
        raise (visit.unknown(customer_id) if refusal.status == 404 else refusal) from refusal
    if visit.viewer.owner not in (None, card["customer"].get("owner")):
        raise visit.unknown(customer_id)
    visit.saw([customer_id])
    return card


def _chosen(card: Mapping[str, Any], target: str) -> Mapping[str, Any] | None:
    scored = [answer for answer in card["answers"] if answer["probability"] is not None]
    return next((answer for answer in scored if answer["target"] == target), scored[0] if scored else None)


def _figures(card: Mapping[str, Any], answer: Mapping[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        return {}
    steps = waterfall(answer)
    change = card.get("change") if answer is card["answers"][0] else None
    moved = change_steps(change) if change else None
    return {
        "steps": steps,
        "axis": axis_of(steps, _BAR),
        "change_steps": moved,
        "change_axis": axis_of(moved, _SHORT_BAR) if moved else None,
        "line": _line(card, str(answer["target"])),
        "apart": _apart(answer),
    }


def _apart(answer: Mapping[str, Any]) -> int:
    """Return by how many points model and card disagree, 0 when it is not worth a word."""
    model, rule = answer.get("model_probability"), answer.get("rule_probability")
    points = round(abs(model - rule) * 100) if model is not None and rule is not None else 0
    return points if points >= 20 else 0


def _line(card: Mapping[str, Any], target: str) -> dict[str, Any]:
    scores = [score for score in card["scores"] if score.get("target", target) == target]
    at = [_seconds(score["as_of"]) for score in scores]
    events = [
        {"at": _seconds(event["at"]), "kind": event["kind"], "title": event["title"], "bad": bool(event.get("bad"))}
        for event in card["events"]
        if at and event["kind"] in _NOTABLE and _seconds(event["at"]) >= at[0]
    ]
    kinds = sorted({str(event["kind"]) for event in events})
    return {"at": at, "p": [score["probability"] for score in scores], "events": events, "kinds": kinds}


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())


def _tree(visit: Visit, card: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any], bool]] | None:
    """List the customer's group; another owner's customers stay without a name."""
    if not card.get("tree"):
        return None
    return [(depth, node, visit.may_see(str(node["customer_id"]))) for depth, node in flattened(card["tree"])]


def _what_if(
    visit: Visit, customer_id: str, answer: Mapping[str, Any] | None
) -> tuple[dict[str, float], Mapping[str, Any] | None, str]:
    """Ask the desk about the sliders in the address, if there are any."""
    given = {name[3:]: value for name, value in visit.request.query_params.items() if name.startswith("if.")}
    if not given or answer is None:
        return {}, None, ""
    try:
        asked = {name: float(value) for name, value in given.items()}
    except ValueError:
        return {}, None, visit.texts("what_if.not_a_number")
    try:
        tried = visit.desk.what_if(customer_id, str(answer["target"]), asked, language=visit.language)
    except RapportError as refusal:
        return asked, None, str(refusal)
    return asked, tried, ""
