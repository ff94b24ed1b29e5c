"""The evaluation report: sections of plain blocks that HTML and PDF draw in their own way, and the HTML."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, Template

from rapport.scoring.reasons.numbers import format_value
from rapport.serving.shapes.answers import Answer, CustomerCard
from rapport.serving.translations import translations

_DRIVERS = 5
Row = Sequence[str]


@dataclass(frozen=True)
class Section:
    """A titled part: pairs of label and value, sentences, and a table with its header and the widths of columns."""

    title: str
    pairs: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    header: Row = ()
    rows: tuple[Row, ...] = ()
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Report:
    """A report: its title, what it is about, its sections and its footer."""

    language: str
    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str


@dataclass(frozen=True)
class Words:
    """The texts and number formats of one language."""

    language: str
    currency: str
    horizons: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, name: str, **values: str) -> str:
        """Return a text with its values."""
        return translations(self.language)(f"report.{name}", **values)

    def known(self, prefix: str, name: str) -> str:
        """Return the label of a value; a value without a label is shown as it is."""
        return translations(self.language).label(f"report.{prefix}", name)

    def money(self, value: float | None) -> str:
        """Return an amount, a dash where it is unknown."""
        return "–" if value is None else format_value(value, "money", self.language, self.currency)

    @staticmethod
    def percent(value: float) -> str:
        """Return a share in percent."""
        return f"{100 * value:.1f}%"


def evaluation_report(profile: CustomerCard, sees: Callable[[str], bool], words: Words) -> Report:
    """Return the report on a customer profile; `sees` tells whether the reader may see a relative of the customer."""
    customer, answer = profile["customer"], next(iter(profile["answers"]), None)
    sections = [
        _who(profile, words),
        _score(answer, words),
        _health(answer, words),
        Section(words("problems"), lines=_problems(profile, words)),
        Section(words("risks"), lines=_risks(profile, words)),
        *_drivers(answer, words),
        _tree(profile, sees, words),
        _deals(profile, words),
        _plan(profile, words),
    ]
    model = answer["model"] if answer else {"name": "Rapport", "version": "–"}
    return Report(
        language=words.language,
        title=words("title"),
        subtitle=f"{customer.get('name') or customer['customer_id']} · {words('as_of', day=profile['as_of'])}",
        sections=tuple(section for section in sections if section is not None),
        footer=words("footer", model=str(model["name"]), version=str(model["version"])),
    )


def _who(profile: CustomerCard, words: Words) -> Section:
    customer = profile["customer"]
    pairs = [(words("customer_id"), str(customer["customer_id"]))]
    pairs += [
        (words(name), translations(words.language).label(name, str(customer[name])[: 10 if name == "since" else None]))
        for name in ("owner", "region", "industry", "industry_position", "market_reputation", "since")
        if customer.get(name)
    ]
    return Section(words("customer"), pairs=tuple(pairs))


def _score(answer: Answer | None, words: Words) -> Section | None:
    if answer is None or answer["probability"] is None:
        return Section(words("health"), lines=(words("unscored"),))
    target = answer["target"]
    label = words(f"probability.{target}", horizon=words.horizons.get(target, ""))
    value = words.percent(answer["probability"])
    if answer["interval"]:
        low, high = (words.percent(each) for each in answer["interval"])
        value = words("interval", value=value, low=low, high=high)
    pairs = [(label, value)]
    if note := answer.get("certainty_note"):
        pairs.append((words("certainty"), note))
    if band := answer.get("risk_band"):
        pairs.append((words("band"), words.known("band", band)))
    if grade := answer.get("lead_grade"):
        pairs.append((words("lead_grade"), grade))
    money = {"spend": answer.get("spend_if_retained"), "at_risk": answer.get("revenue_at_risk")}
    pairs += [(words(name), words.money(amount)) for name, amount in money.items() if amount is not None]
    return Section(label.split(" (")[0].split("（")[0], pairs=tuple(pairs))


def _health(answer: Answer | None, words: Words) -> Section | None:
    health = answer.get("health") if answer else None
    if not health:
        return None
    labels = health.get("dimension_labels") or {}
    pairs = [(words("grade"), health["label"]), (words("score"), f"{health['score']:.0f}")]
    pairs += [
        (words("sub_scores", dimension=labels.get(name, name)), f"{score:.0f}")
        for name, score in health["dimensions"].items()
        if score is not None
    ]
    parts = ((str(part["label"]), f"{part['points']:+.1f}") for part in health["parts"] if part["points"])
    rows = tuple((label, points.replace("-", "−")) for label, points in parts)
    lines = (f"{words('strategy')}: {health['strategy']}",) if health.get("strategy") else ()
    header = (words("parts"), words("points"))
    return Section(words("health"), tuple(pairs), lines, header, rows, (0.8, 0.2))


def _problems(profile: CustomerCard, words: Words) -> tuple[str, ...]:
    facts = tuple(action["because"] for action in profile["actions"] if action["reason"] is None)
    blockers = tuple(text for deal in profile["deals"] for text in deal["blockers"])
    return (*facts, *blockers) or (words("no_problems"),)


def _risks(profile: CustomerCard, words: Words) -> tuple[str, ...]:
    sentence = profile.get("risk_sentence")
    return (str(sentence),) if sentence else (words("no_risks"),)


def _drivers(answer: Answer | None, words: Words) -> list[Section]:
    if answer is None:
        return []
    found = []
    for name, sign in (("drivers_up", 1), ("drivers_down", -1)):
        lines = [reason["text"] for reason in answer["reasons"] if sign * reason["points"] > 0][:_DRIVERS]
        if lines:
            found.append(Section(words(f"{name}.{answer['target']}"), lines=tuple(lines)))
    return found


def _tree(profile: CustomerCard, sees: Callable[[str], bool], words: Words) -> Section | None:
    if not (root := profile["tree"]):
        return None
    header = (words("name"), words("probability.churn", horizon="").strip(" ()（）"), words("at_risk"))
    rows = tuple(_nodes(root, 0, sees, words))
    return Section(words("tree"), header=header, rows=rows, widths=(0.6, 0.2, 0.2))


def _nodes(node: Mapping[str, Any], depth: int, sees: Callable[[str], bool], words: Words) -> list[Row]:
    indent = "\u00a0" * 4 * depth
    if node["customer_id"] is not None and sees(node["customer_id"]):
        chance = "–" if node["probability"] is None else words.percent(node["probability"])
        row = (indent + str(node["name"] or node["customer_id"]), chance, words.money(node["value_at_risk"]))
    else:
        row = (indent + words("not_shown"), "–", "–")
    return [row, *(line for child in node["children"] for line in _nodes(child, depth + 1, sees, words))]


def _deals(profile: CustomerCard, words: Words) -> Section | None:
    if not profile["deals"]:
        return None
    header = tuple(words(name) for name in ("deal", "amount", "stage", "c139", "next_step"))
    rows = tuple(
        (
            deal["opportunity_id"],
            words.money(deal["amount"]),
            translations(words.language).event_detail(deal["stage"]) if deal["stage"] else "–",
            "–" if deal["score"] is None else f"{deal['score']:.0f} · {deal['tier_label']}",
            deal["next_step"] or "–",
        )
        for deal in profile["deals"]
    )
    return Section(words("deals"), header=header, rows=rows, widths=(0.13, 0.13, 0.13, 0.18, 0.43))


def _plan(profile: CustomerCard, words: Words) -> Section:
    header = tuple(words(name) for name in ("what", "who", "due", "because"))
    rows = tuple((action["text"], action["who"], action["due"], action["because"]) for action in profile["actions"])
    if not rows:
        return Section(words("plan"), lines=(words("no_plan"),))
    return Section(words("plan"), header=header, rows=rows, widths=(0.38, 0.15, 0.12, 0.35))


def html_report(report: Report) -> bytes:
    """Return the report as HTML."""
    return _template().render(report=report).encode()


@cache
def _template() -> Template:
    source = resources.files("rapport.serving.report").joinpath("report.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
