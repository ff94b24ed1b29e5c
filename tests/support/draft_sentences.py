"""Sentences about customers from templates: true ones from the customer's file, and falsified in one claim each.

A template holds slots such as ``{risk}`` or ``{last_order|long}``. A falsified sentence has one slot with another
value: a number that is a bit off or another figure of the same unit, another day, a name that the file does not have,
or the opposite direction.
"""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rapport.serving.api.agents.claims import check_claims
from rapport.serving.api.agents.file_facts import facts_of

FOLDER = Path(__file__).parents[1] / "spec" / "drafts"
FIRST_SETS = (
    "tuning",
    "fresh",
    "second_fresh",
    "third_fresh",
    "fourth_fresh",
    "fifth_fresh",
    "sixth_fresh",
    "seventh_fresh",
    "eighth_fresh",
    "ninth_fresh",
    "tenth_fresh",
    "eleventh_fresh",
    "twelfth_fresh",
    "thirteenth_fresh",
)
# Sets of a few authors in many roles, from chats to audit reports; some are left out in turn to judge what is learned.
AUTHORS = tuple(f"authors/{path.stem}" for path in sorted((FOLDER / "authors").glob("*.tsv")))
SETS = (*FIRST_SETS, *AUTHORS)
# No weights learn from these: they judge them.
UNSEEN = ("unseen", "unseen_fourth_writer")
ROUNDED = {"about": round, "floor": math.floor, "ceil": math.ceil}
SLOT = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
STRANGERS = {
    "person": ("Zebedee Quux", "钱多多", "Martha Ostrander", "严子墨"),
    "company": ("Vandelay Imports Ltd", "苏州远航贸易有限公司", "Initech Systems Inc", "兰州天河机械有限公司"),
    "word": ("Acmesoft", "Globex"),
}
NAMES = {
    "customer": "company",
    "competitor": "word",
    "region": "skip",
    "industry": "skip",
    "deal_id": "skip",
    **dict.fromkeys(("card_tier", "health_grade", "rfm_cell", "deal_tier"), "skip"),
}
# Words for down and up, by slot and style.
WAYS = {
    "en": {
        "rose": ("fell", "rose"), "rose|climb": ("declined", "climbed"), "rose|ing": ("falling", "rising"),
        "rose|way": ("down", "up"), "rose|sing": ("down", "up"), "rose|better": ("better", "worse"),
        "below": ("above", "below"),
    },
    "zh": {
        "rose": ("下降", "上升"), "rose|climb": ("回落", "升高"), "rose|way": ("降", "升"),
        "rose|better": ("好转", "恶化"),
        "below": ("增加", "减少"),
        "below|gao": ("高于", "低于"),
    },
}  # fmt: skip
UNITS = {
    "percent": ("risk", "risk1", "risk_before", "base_rate", "percentile", "win_rate", "drop", "points", "moved",
                "card_risk", "industry_risk", "industry_high_share", "industry_growth"),
    "money": ("rar", "spend", "expected", "clv3", "deal_amount", "spend_year"),
    "days": ("silence", "gap", "payment_days", "payment_peers", "ticket_days", "survey_days", "deal_days",
             "contract_days", "stage_days", "stage_usual"),
    "count": ("orders_year", "orders_peers", "touches", "touches_peers", "user_contacts", "employees", "court_cases",
              "industry_customers", "industry_higher"),
}  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """One sentence about a customer; ``falsified`` names the slot and the way, or is empty for a true one."""

    customer_id: str
    language: str
    text: str
    falsified: str = ""


def templates(name: str) -> list[tuple[str, str]]:
    """Return language and template of each line of a set."""
    lines = (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    return [(language, text.replace("\\n", "\n")) for language, text in (line.split("\t") for line in lines)]


def slots_of(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a customer's file by slot; those that it lacks are left out."""
    [score] = [one for one in file["scores_now"] if one["target"] == "churn"] or [None]
    if score is None or score["probability"] is None:
        return {}
    found = {**_of_score(score), **_of_reasons(score), **_of_file(file)}
    return {name: value for name, value in found.items() if value is not None}


def _of_score(score: Mapping[str, Any]) -> dict[str, Any]:
    reasons = score["reasons"] or [{"points": None}]
    return {
        "risk": score["probability"] * 100, "risk1": score["probability"] * 100, "base_rate": score["base_rate"] * 100,
        "percentile": score["percentile"], "rar": score["revenue_at_risk"], "spend": score["spend_if_retained"],
        "expected": score["expected_revenue"], "clv3": score["clv_3y"], "health": score["health"]["score"],
        "health_before": score["health"]["before_30d"], "as_of": date.fromisoformat(score["as_of"]),
        "points": max(0.0, (reasons[0]["points"] or 0) * 100) or None, "card_score": score["rule_score"],
        "card_risk": _percent(score["rule_probability"]), "health_grade": score["health"].get("grade"),
    }  # fmt: skip


def _of_reasons(score: Mapping[str, Any]) -> dict[str, Any]:
    facts = {reason["code"]: (list(reason["facts"].values()), reason["peers"]) for reason in score["reasons"]}
    place = {
        "gap": ("RHY-01", 1), "orders_year": ("FRE-orders_count_365d", 0),
        "payment_days": ("PAY-days_since_last_payment", 0),
        "ticket_days": ("SER-days_since_last_ticket", 0), "survey_days": ("SAT-days_since_last_survey", 0),
        "touches": ("MKT-touches_count_90d", 0), "contract_days": ("CON-02", 0),
        "spend_year": ("VAL-spend_sum_365d", 0),
    }  # fmt: skip
    found = {slot: facts[code][0][at] for slot, (code, at) in place.items() if code in facts}
    peers = {"orders_peers": "FRE-orders_count_365d", "touches_peers": "MKT-touches_count_90d",
             "payment_peers": "PAY-days_since_last_payment"}  # fmt: skip
    found |= {slot: facts[code][1] for slot, code in peers.items() if code in facts}
    ratio = facts.get("ENG-interactions_ratio_90d_to_year")
    if ratio and ratio[0][0] is not None and 0 < ratio[0][0] < 0.97:
        found |= {"drop": (1 - ratio[0][0]) * 100, "below": -1}
    return {slot: value for slot, value in found.items() if value != 0}


def _of_file(file: Mapping[str, Any]) -> dict[str, Any]:
    customer, change = file["customer"], file["change"] or {}
    people = (file["chain"] or {}).get("people", [])
    decider = next((one for one in people if one["role"] == "decision_maker" and one["name"]), {})
    user = next((one for one in people if one["role"] == "user" and one["name"]), {})
    deal = file["deals"][0] if file["deals"] else {}
    orders = [event["at"] for event in file["events"] if event["kind"] == "order"]
    moved = (change.get("after") or 0) - (change.get("before") or 0)
    return {
        **{name: customer[name] for name in ("owner", "region", "industry", "employees")},
        "customer": customer["name"], "since": _day(customer["since"]),
        "last_order": _day(orders[0] if orders else None),
        "silence": (file["rfm"] or {}).get("recency_days"),
        "risk_before": change["before"] * 100 if abs(moved) > 0.015 else None,
        "moved": abs(moved) * 100 if abs(moved) > 0.015 else None, "change_from": _day(change.get("from")),
        "rose": (moved > 0.015) - (moved < -0.015) or None,
        "decision_maker": decider.get("name"), "dm_last": _day(decider.get("last")), "user": user.get("name"),
        "user_last": _day(user.get("last")), "user_contacts": user.get("contacts") or None,
        "deal_id": deal.get("opportunity_id"), "deal_amount": deal.get("amount"), "deal_days": deal.get("days_open"),
        "deal_opened": _day(deal.get("opened_at")), "deal_score": deal.get("score"),
        "competitor": deal.get("competitor"),
        "win_rate": deal["win_rate"] * 100 if deal.get("win_rate") else None,
        "stage_days": deal.get("days_in_stage"), "stage_usual": deal.get("usual_days_in_stage"),
        "deal_tier": deal.get("tier_label"), **_of_rfm(file["rfm"] or {}), **_of_industry(file["industry_place"] or {}),
        **_of_timing(file["answers"][0].get("timing") or {}), **_of_court(file["risks"]),
    }  # fmt: skip


def _of_rfm(rfm: Mapping[str, Any]) -> dict[str, Any]:
    return {"rfm_cell": rfm.get("rfm_cell"), "rfm_grade": rfm.get("rfm_grade"),
            **{f"rfm_{one}": rfm.get(one) for one in "rfm"}}  # fmt: skip


def _of_industry(place: Mapping[str, Any]) -> dict[str, Any]:
    growth = _percent(place.get("growth"))
    return {
        "industry_risk": _percent(place.get("mean_probability")), "industry_customers": place.get("customers"),
        "industry_higher": place.get("higher_risk"), "industry_high_share": _percent(place.get("high_risk_share")),
        "industry_growth": growth if growth and growth > 0 else None,
    }  # fmt: skip


def _of_timing(timing: Mapping[str, Any]) -> dict[str, Any]:
    points = {one["horizon"]: one for one in timing.get("curve") or () if one.get("horizon") in ("3mo", "6mo", "12mo")}
    return {
        **{f"risk_{horizon}": _percent(one["probability"]) for horizon, one in points.items()},
        **{f"date_{horizon}": _day(one["date"]) for horizon, one in points.items()},
        **{f"next_{short}": _day(timing.get(f"expected_{name}"))
           for short, name in (("order", "date"), ("from", "from"), ("to", "to"))},
    }  # fmt: skip


def _of_court(risks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    court = next((one for one in risks if one.get("category") == "judicial"), {})
    return {
        "court_cases": court.get("records"), "court_amount": court.get("amount"),
        "court_last": _day(court.get("latest")),
        "court_defendant": court.get("defendant_records"), "court_plaintiff": court.get("plaintiff_records"),
    }  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def written(slot: str, style: str | None, value: Any, language: str) -> str:
    """Write a value as a person would."""
    if slot in WAYS["en"]:
        return _ways(slot, style, language)[value > 0 if slot == "rose" else 1]
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return _written_day(value, style, language)
    return _written_number(slot, style, value, language)


def _ways(slot: str, style: str | None, language: str) -> tuple[str, str]:
    return WAYS[language][f"{slot}|{style}" if style else slot]


def _written_day(day: date, style: str | None, language: str) -> str:
    if style is None:
        return day.isoformat()
    if style in ("slash", "dot"):
        return f"{day.year}/{day.month}/{day.day}" if style == "slash" else f"{day:%Y.%m.%d}"
    if language == "zh":
        return f"{day.year}年{day.month}月" + ("" if style == "mon" else f"{day.day}日")
    month = MONTHS[day.month - 1]
    shown = {
        "mon": f"{month} {day.year}", "dmy": f"{day.day} {month} {day.year}",
        "abbr": f"{month[:3]} {day.day}, {day.year}", "mdyabbr": f"{month[:3]} {day.day}",
    }  # fmt: skip
    return shown.get(style, f"{month} {day.day}, {day.year}")


def _written_number(slot: str, style: str | None, value: float, language: str) -> str:
    if style in ROUNDED:
        value = ROUNDED[style](value / 10 ** (len(f"{value:.0f}") - 2)) * 10 ** (len(f"{value:.0f}") - 2)
    if style == "word":
        return spelled(round(value), language)
    if style == "weeks":
        return f"{value / 7:.0f}"
    if style in ("money", *ROUNDED) and slot in UNITS["money"]:
        return f"¥{value:,.0f}"
    if style == "k":
        return f"{value / 1e4:.1f}万元" if language == "zh" else f"¥{value / 1e3:.0f}k"
    return f"{value:.1f}" if slot in ("risk1", "health", "card_score") else f"{value:.0f}"


_TO_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(value: int, language: str) -> str:
    """Write a whole number below 1,000 in words."""
    if language == "zh":
        return _spelled_in_chinese(value)
    if value < 20:
        return _TO_TWENTY[value]
    if value < 100:
        return _TENS[value // 10 - 2] + (f"-{_TO_TWENTY[value % 10]}" if value % 10 else "")
    rest = f" and {spelled(value % 100, language)}" if value % 100 else ""
    return f"{_TO_TWENTY[value // 100]} hundred{rest}"


def _spelled_in_chinese(value: int) -> str:
    digits = "零一二三四五六七八九"
    if value < 10:
        return digits[value]
    if value < 100:
        return (digits[value // 10] if value >= 20 else "") + "十" + (digits[value % 10] if value % 10 else "")
    rest = value % 100
    left = f"零{digits[rest]}" if 0 < rest < 10 else _tens_in_chinese(rest) if rest else ""
    return digits[value // 100] + "百" + left


def _tens_in_chinese(value: int) -> str:
    return "零一二三四五六七八九"[value // 10] + "十" + ("零一二三四五六七八九"[value % 10] if value % 10 else "")


def sentences(
    name: str, language: str, files: Mapping[str, Mapping[str, Any]], per_template: int, seed: int = 5
) -> Iterator[Sentence]:
    """Yield the true sentences of a set, each about another customer, and after each its falsified ones."""
    draw = random.Random(f"{name}{language}{seed}")
    slots = {customer: slots_of(file) for customer, file in files.items()}
    for template in (text for spoken, text in templates(name) if spoken == language):
        wanted = {slot for slot, _ in SLOT.findall(template)}
        able = [customer for customer, have in slots.items() if wanted <= have.keys()]
        for customer in draw.sample(able, min(per_template, len(able))):
            have = slots[customer]
            yield Sentence(customer, language, _filled(template, have, language))
            for slot in sorted(wanted):
                false = _falsified(slot, template, have, language, draw)
                if false is not None:
                    yield Sentence(customer, language, false[0], f"{slot}: {false[1]}")


def _filled(template: str, have: Mapping[str, Any], language: str, **instead: str) -> str:
    return SLOT.sub(
        lambda found: instead.get(found[1]) or written(found[1], found[2], have[found[1]], language), template
    )


def _falsified(
    slot: str, template: str, have: Mapping[str, Any], language: str, draw: random.Random
) -> tuple[str, str] | None:
    style = next(style or None for name, style in SLOT.findall(template) if name == slot)
    value, right = have[slot], written(slot, style, have[slot], language)
    if slot in WAYS[language]:
        return _filled(
            template, have, language, **{slot: next(w for w in _ways(slot, style, language) if w != right)}
        ), "direction"
    if isinstance(value, str):
        kind = NAMES.get(slot, "person")
        return (
            None
            if kind == "skip"
            else (_filled(template, have, language, **{slot: draw.choice(STRANGERS[kind])}), "name")
        )
    if isinstance(value, date):
        wrong = value + timedelta(days=draw.choice((-1, 1)) * draw.randint(35 if style == "mon" else 3, 80))
        return _filled(template, have, language, **{slot: written(slot, style, wrong, language)}), "date"
    for _ in range(20):
        other, way = _other_number(slot, value, have, draw)
        text = written(slot, style, other, language)
        if text != right:
            return _filled(template, have, language, **{slot: text}), way
    return None


def _other_number(slot: str, value: float, have: Mapping[str, Any], draw: random.Random) -> tuple[float, str]:
    same_unit = next((names for names in UNITS.values() if slot in names), ())
    others = [have[name] for name in same_unit if name in have and abs(have[name] - value) > 0.1 * abs(value)]
    if others and draw.random() < 0.5:
        return draw.choice(others), "another figure"
    step = max(abs(value) * draw.uniform(0.06, 0.4), 1)
    return (value - step if draw.random() < 0.5 and value > step + 1 else value + step), "a bit off"


def judged(made: Sequence[Sentence], files: Mapping[str, Mapping[str, Any]]) -> tuple[list[Sentence], list[Sentence]]:
    """Return the falsified sentences that were not caught, and the true ones in which something was."""
    facts = {one: facts_of(files[one]) for one in {sentence.customer_id for sentence in made}}
    checked = [(one, check_claims(one.text, facts[one.customer_id]).supported) for one in made]
    missed = [one for one, supported in checked if one.falsified and supported]
    alarmed = [one for one, supported in checked if not one.falsified and not supported]
    return missed, alarmed


def files_of(call: Callable[..., Mapping[str, Any]], customers: Sequence[str], language: str) -> dict[str, Any]:
    """Return the files that the checker reads, by customer; ``call(name, **body)`` answers an endpoint."""
    found = {}
    for one in customers:
        asked = {"customer_ids": [one], "target": "churn", "reasons": 30, "language": language}
        file = call("customer", customer_id=one, language=language)
        found[one] = {**file, "scores_now": call("score", **asked)["answers"]}
    return found
