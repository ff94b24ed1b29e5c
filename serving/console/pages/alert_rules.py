"""The alert rules as forms: a draft is edited, replayed on history, and then switched on."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from starlette.responses import Response

from rapport.errors import RapportError
from rapport.features import catalog
from rapport.languages import CODES, OWN, grammar
from rapport.localized import localize
from rapport.scoring.alerts.rules import CHOICES, FACTS, KINDS, LEAST_URGENT, MOST_URGENT, SHARES, AlertRule
from rapport.scoring.messages import value_label
from rapport.serving.console.formats import number, percent
from rapport.serving.console.page_context import PageContext
from rapport.serving.errors import RequestError

_NOT_REPLAYED = ("lead_grade", "health_below", "lapsed_with")
"""Kinds that a replay of churn scores does not evaluate: leads, health, and customers who no longer order."""
_LONGEST = 500
_EXAMPLE = 0.6


def show(page: PageContext) -> Response:
    """Show the rules, those of the draft if there is one, and the form of a rule that the URL names."""
    params = page.request.query_params
    name, kind = params.get("rule", ""), params.get("new", "")
    chosen = next((rule for rule in page.application.alert_rules.rules().rules if rule.name == name), None)
    fields = _fields(chosen) if chosen else {"kind": kind, "cooldown_days": "30"} if kind in KINDS else None
    return _render(page, fields=fields, replaced=name if chosen else "")


def change(page: PageContext) -> Response:
    """Save or delete a rule of the draft, change the limits, replay, switch on, or discard."""
    draft, form = page.application.alert_rules, page.form
    acts = {
        "save": lambda: draft.save_rule(_document(form), form.get("replaced", "")),
        "delete": lambda: draft.delete_rule(form.get("replaced", "")),
        "limits": lambda: draft.save_limits(
            form.get("capacity", ""), form.get("quiet_from", ""), form.get("quiet_to", "")
        ),
        "replay": draft.replay,
        "switch_on": lambda: draft.switch_on(page.viewer.person or page.viewer.name, page.stamp["at"]),
        "discard": draft.discard,
        "playbook": draft.return_to_playbook,
    }
    kind = form.get("act", "")
    if kind not in acts:
        raise RequestError(422, page.translate("work.unknown_act"), where="act")
    try:
        acts[kind]()
    except RapportError as error:
        fields = dict(form) if kind == "save" and form.get("kind") in KINDS else None
        return _render(
            page, 422, fields=fields, replaced=form.get("replaced", ""), problem=error.sentence(page.language)
        )
    return page.redirect(page.url("/alerts/rules"))


def _render(
    page: PageContext, status: int = 200, *, fields: Mapping[str, str] | None, replaced: str = "", problem: str = ""
) -> Response:
    draft = page.application.alert_rules
    rules, state = draft.rules(), draft.state()
    result = state["result"] if state["is_current"] else None
    shown = [_row(page, rule, result) for rule in rules.rules]
    return page.render(
        "alert_rules.html",
        status,
        draft=draft,
        changes=dict(draft.changes()),
        rules=shown,
        limits=rules,
        kinds=tuple(KINDS),
        state=state,
        result=result,
        fields=fields,
        replaced=replaced,
        problem=problem,
        parameters=KINDS.get(fields["kind"], ()) if fields else (),
        choices=CHOICES,
        shares=SHARES,
        features=_features(page.language) if fields and "feature" in KINDS.get(fields["kind"], ()) else {},
        placeholders=", ".join(f"{{{fact}}}" for fact in FACTS),
        priorities=range(MOST_URGENT, LEAST_URGENT + 1),
        text_labels={code: _text_label(page, code) for code in CODES},
        required_texts=OWN,
    )


def _text_label(page: PageContext, code: str) -> str:
    """Return the label of the field with the text of a rule in a language."""
    if code in OWN:
        return page.translate(f"alert_rules.text_{code}")
    return page.translate("alert_rules.text_further", language=grammar(code).name)


def _row(page: PageContext, rule: AlertRule, result: Mapping[str, Any] | None) -> dict[str, object]:
    replayed = result and rule.kind not in _NOT_REPLAYED
    return {
        "rule": rule,
        "condition": condition(page, rule),
        "cause": page.translate.label("alert_cause", rule.cause),
        "sentence": example(page, rule),
        "performance": result["by_rule"].get(rule.name) if result and replayed else None,
        "is_useless": bool(result and rule.name in result["useless"]),
    }


def example(page: PageContext, rule: AlertRule) -> str:
    """Return the sentence of an alert of this rule about an invented customer, with the values of its limits."""
    when, text = rule.when, page.translate
    limit = when.get("value", when.get("score", when.get("high", 1)))
    facts = {
        "name": text("alert_rules.example_name"),
        "probability": max(when.get("probability", 0), when.get("least", 0), _EXAMPLE),
        "before": _EXAMPLE - when.get("points", 0),
        "days": when.get("days", 30),
        "tier": text.label("signal", when.get("to", "red")),
        "tier_before": text.label("signal", "green"),
        "value": limit,
        "detail": "…",
    }
    return text("alert_rules.example", sentence=localize(rule.text, page.language).format_map(facts))


def condition(page: PageContext, rule: AlertRule) -> str:
    """Return when a rule fires, as a sentence."""
    text = page.translate
    values = {key: _worded(page, key, value) for key, value in rule.when.items()}
    sentence = text(f"alert_kind.{rule.kind}", **values)
    # Most kinds have a probability besides their own condition; 0 asks for none.
    if rule.kind != "score_rise" and rule.when.get("least"):
        sentence = text("alert_kind.and_least", condition=sentence, least=values["least"])
    return sentence


def _worded(page: PageContext, key: str, value: Any) -> str:
    if key == "points":
        return number(round(value * 100, 6))
    if key in SHARES:
        return percent(value)
    if key == "feature":
        return _features(page.language).get(value, value)
    if key == "where":
        return page.translate("list.comma").join(localize(value_label(each), page.language) for each in value.values())
    if key in ("to", "signal", "table"):
        return page.translate.label({"to": "signal", "signal": "alert_signal", "table": "alert_table"}[key], value)
    return number(value) if isinstance(value, int | float) else str(value)


@cache
def _features(language: str) -> Mapping[str, str]:
    return {feature.name: localize(feature.meaning, language).rstrip(".。") for feature in catalog().features}


def _fields(rule: AlertRule) -> dict[str, str]:
    """Return a rule as the fields of its form; shares are percentages there."""
    fields = {
        "name": rule.name, "cause": rule.cause, "priority": str(rule.priority), "kind": rule.kind,
        "cooldown_days": str(rule.cooldown_days), **rule.text.as_written(),
        "task": "yes" if rule.opens_task else "", "escalate_days": str(rule.escalate_days),
    }  # fmt: skip
    for key, value in rule.when.items():
        if key in SHARES:
            fields[key] = f"{value * 100:g}"
        elif key == "where":
            fields[key] = ", ".join(f"{name}={text}" for name, text in value.items())
        else:
            fields[key] = f"{value:g}" if isinstance(value, float) else str(value)
    return fields


def _document(form: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a form as the rule that the file has; what is not a number stays as it was written."""
    kind = form.get("kind", "")
    when = {key: _parameter(key, form.get(key, "").strip()[:_LONGEST]) for key in KINDS.get(kind, ())}
    return {
        "name": form.get("name", "").strip(),
        "cause": form.get("cause", "").strip(),
        "priority": _plain(form.get("priority", "")),
        "cooldown_days": _plain(form.get("cooldown_days", "")),
        "when": {"kind": kind, **when},
        "text": _texts(form),
        "task": form.get("task") == "yes",
        "escalate_days": _plain(form.get("escalate_days") or "0"),
    }


def _texts(form: Mapping[str, str]) -> dict[str, str]:
    """Return the text of a rule in each language; a further one that was left empty reads its language's file."""
    written = {code: form.get(code, "").strip()[:_LONGEST] for code in CODES}
    return {code: text for code, text in written.items() if text or code in OWN}


def _parameter(key: str, text: str) -> object:
    if key == "where":
        parts = (part.partition("=") for part in text.replace("，", ",").split(",") if part.strip())
        return {name.strip(): value.strip() for name, _, value in parts}
    if key == "feature" or key in CHOICES:
        return text
    value = _plain(text)
    return value / 100 if key in SHARES and not isinstance(value, str) else value


def _plain(text: str) -> float | str:
    """Return a number; text that is none stays text, and the reader of rules names the field."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value
