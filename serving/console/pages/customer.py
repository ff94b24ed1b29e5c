"""One customer on one page: probability, score drivers, score history, recommended actions, what-if."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from starlette.responses import Response

from rapport.errors import RapportError
from rapport.serving.console.charts import (
    Axis,
    TimingChart,
    WaterfallStep,
    axis_of,
    change_steps,
    flatten_hierarchy,
    stakeholder_layout,
    timing_chart,
    waterfall,
)
from rapport.serving.console.page_context import PageContext, local_url
from rapport.serving.console.pages.worklist import owner_names
from rapport.serving.errors import RequestError
from rapport.serving.shapes.answers import Answer, CustomerCard, Event, WhatIfAnswer
from rapport.serving.shapes.customer_parts import AccountNode, Deal
from rapport.serving.work.accounts import ATTITUDES, INFLUENCES, KINDS
from rapport.serving.work.tasks import OUTCOMES, is_overdue

_BAR_WIDTH = 300
_SHORT_BAR_WIDTH = 150
_STAKEHOLDER_MAP_SIZE = (480, 290)
_DISAGREEMENT_POINTS = 20
# What runs of earlier versions, and leads, do not have.
_OPTIONAL: Answer = {
    "health": None,
    "lead_grade": None,
    "spend_if_retained": None,
    "savable": None,
    "contact_effect": None,
    "contact_effect_source": "assumption",
    "expected_value": None,
    "timing": None,
    "certainty": None,
    "certainty_note": None,
}


class ProductTotal(TypedDict):
    """The orders of one product in the last 18 months, and their money."""

    name: str
    orders: int
    amount: float


class AccountSummary(TypedDict):
    """What the last 18 months hold of deals, contracts, products and satisfaction."""

    products: list[ProductTotal]
    deals: list[Deal]
    open_deals: list[Event]
    contracts: list[Event]
    surveys: list[Event]
    complaints: int
    tickets: int


class CustomerCharts(TypedDict, total=False):
    """The charts of a customer, none without a probability; ``disagreement`` is of model and card, in points."""

    steps: list[WaterfallStep]
    axis: Axis
    change_steps: list[WaterfallStep] | None
    change_axis: Axis | None
    history: ScoreHistory
    disagreement: int
    timing_chart: TimingChart | None


class NotableEvent(TypedDict):
    """An event on the score history; ``at`` is in seconds since 1970."""

    at: int
    kind: str
    title: str
    bad: bool


class ScoreHistory(TypedDict):
    """The earlier probabilities of a customer with their times in seconds since 1970, and what happened meanwhile."""

    at: list[int]
    p: list[float | None]
    events: list[NotableEvent]
    kinds: list[str]


# Events that are worth a dot on the score history; calls and e-mails would cover it.
_NOTABLE = ("order", "return", "meeting", "ticket", "risk", "contract", "survey", "opportunity")


def show(page: PageContext) -> Response:
    """Show one customer, and the result of a what-if if the URL has one."""
    customer_id = page.request.path_params["customer_id"]
    profile = _profile(page, customer_id)
    answer = _answer_for(profile, page.target)
    what_if_values, what_if, refused = _what_if(page, customer_id, answer)
    if page.request.query_params.get("part") == "what-if":
        shown = answer["target"] if answer else page.target
        return page.render("what_if.html", what_if=what_if, refused=refused, shown_target=shown)
    stakeholders = profile.get("chain")
    recorded = page.work.recorded(customer_id)
    return page.render(
        "customer.html",
        profile={**profile, "events": [{**event, "month": event["at"][:7]} for event in profile["events"]]},
        customer=profile["customer"],
        answer=answer,
        shown_target=answer["target"] if answer else page.target,
        what_if_values=what_if_values,
        what_if=what_if,
        refused=refused,
        back=local_url(page.request.query_params.get("back", "")) or page.url("/"),
        outcomes=OUTCOMES,
        tasks=[{**task, "is_overdue": is_overdue(task, page.today)} for task in page.work.tasks_of(customer_id)],
        recorded=recorded,
        attitudes=ATTITUDES,
        influences=INFLUENCES,
        owners=owner_names(page),
        facts_of_account=account_facts(profile),
        crm_url=page.crm_url(customer_id),
        hierarchy=_hierarchy(page, profile),
        stakeholders=stakeholder_layout(stakeholders, *_STAKEHOLDER_MAP_SIZE) if stakeholders else None,
        stakeholder_map_size=_STAKEHOLDER_MAP_SIZE,
        **_charts(profile, answer),
    )


def record(page: PageContext) -> Response:
    """Record what a person knows about the account: a note, a tag, the plan, a contact's attitude or influence."""
    customer_id, form = page.request.path_params["customer_id"], page.form
    page.require_visible(customer_id)
    for kind in KINDS:
        if kind in form:
            subject = form.get("contact", "") if kind in ("attitude", "influence") else form.get("remove", "")
            value = "" if form.get("remove") else form[kind].strip()
            if value or kind != "note":
                page.work.facts.record(customer_id, kind, value, subject=subject, **page.stamp)
    return page.redirect_with(form.get("back", ""), did="saved")


def account_facts(profile: CustomerCard) -> AccountSummary:
    """Return what the last 18 months hold of deals, contracts, products and satisfaction."""
    of_kind: dict[str, list[Event]] = {}
    for event in profile["events"]:
        of_kind.setdefault(event["kind"], []).append(event)
    products: dict[str, ProductTotal] = {}
    for event in of_kind.get("order", []):
        known = products.setdefault(event["title"], {"name": event["title"], "orders": 0, "amount": 0.0})
        known["orders"] += 1
        known["amount"] += event["amount"] or 0.0
    opportunities = of_kind.get("opportunity", [])
    return {
        "products": sorted(products.values(), key=lambda product: -product["amount"])[:6],
        "deals": profile.get("deals") or [],
        "open_deals": [event for event in opportunities if event["detail"].startswith("open")],
        "contracts": of_kind.get("contract", [])[:4],
        "surveys": [event for event in of_kind.get("survey", []) if event["detail"]][:4],
        "complaints": sum(event["title"] == "complaint" for event in of_kind.get("ticket", [])),
        "tickets": len(of_kind.get("ticket", [])),
    }


def _profile(page: PageContext, customer_id: str) -> CustomerCard:
    try:
        profile: CustomerCard = page.application.customer(customer_id, language=page.language, viewer=page.viewer)
    except RequestError as error:
        raise (page.not_found(customer_id) if error.status == 404 else error) from error
    owner = profile["customer"].get("owner")
    if not page.viewer.sees_owner(None if owner is None else str(owner)):
        raise page.not_found(customer_id)
    page.record_view([customer_id])
    return profile


def _answer_for(profile: CustomerCard, target: str) -> Answer | None:
    scored = [answer for answer in profile["answers"] if answer["probability"] is not None]
    found = next((answer for answer in scored if answer["target"] == target), scored[0] if scored else None)
    return {**_OPTIONAL, **found} if found is not None else None


def _charts(profile: CustomerCard, answer: Answer | None) -> CustomerCharts:
    if answer is None:
        return {}
    steps = waterfall(answer)
    change = profile.get("change") if answer["target"] == profile["answers"][0]["target"] else None
    changes = change_steps(change) if change else None
    return {
        "steps": steps,
        "axis": axis_of(steps, _BAR_WIDTH),
        "change_steps": changes,
        "change_axis": axis_of(changes, _SHORT_BAR_WIDTH) if changes else None,
        "history": _score_history(profile, answer["target"]),
        "disagreement": _disagreement(answer),
        "timing_chart": timing_chart(answer["timing"], answer["as_of"]),
    }


def _disagreement(answer: Answer) -> int:
    """Return by how many points model and card disagree, 0 when it is not worth a warning."""
    model, rule = answer.get("model_probability"), answer.get("rule_probability")
    points = round(abs(model - rule) * 100) if model is not None and rule is not None else 0
    return points if points >= _DISAGREEMENT_POINTS else 0


def _score_history(profile: CustomerCard, target: str) -> ScoreHistory:
    scores = [score for score in profile["scores"] if score.get("target", target) == target]
    at = [_seconds(score["as_of"]) for score in scores]
    events: list[NotableEvent] = [
        {"at": _seconds(event["at"]), "kind": event["kind"], "title": event["title"], "bad": bool(event.get("bad"))}
        for event in profile["events"]
        if at and event["kind"] in _NOTABLE and _seconds(event["at"]) >= at[0]
    ]
    kinds = sorted({event["kind"] for event in events})
    return {"at": at, "p": [score["probability"] for score in scores], "events": events, "kinds": kinds}


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())


def _hierarchy(page: PageContext, profile: CustomerCard) -> list[tuple[int, AccountNode, bool]] | None:
    """List the account hierarchy; another owner's accounts stay without a name."""
    if not (root := profile["tree"]):
        return None
    nodes = flatten_hierarchy(root)
    return [(depth, node, page.is_visible(str(node["customer_id"]))) for depth, node in nodes]


def _what_if(
    page: PageContext, customer_id: str, answer: Answer | None
) -> tuple[dict[str, float], WhatIfAnswer | None, str]:
    """Score the customer with the values of the sliders in the URL, if there are any."""
    given = {name[3:]: value for name, value in page.request.query_params.items() if name.startswith("if.")}
    if not given or answer is None:
        return {}, None, ""
    try:
        values = {name: float(value) for name, value in given.items()}
    except ValueError:
        return {}, None, page.translate("what_if.not_a_number")
    try:
        result = page.application.what_if(customer_id, answer["target"], values, language=page.language)
    except RapportError as error:
        return values, None, str(error)
    return values, result, ""
