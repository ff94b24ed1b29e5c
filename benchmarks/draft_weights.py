"""Learn what a number, date or direction of a draft is about, from sentences that were written for it.

    python benchmarks/draft_weights.py        writes serving/api/agents/draft_weights.json
    python benchmarks/drafts.py --folds 6     judges weights that were learned without the sets that judge

The sentences are the templates in tests/spec/drafts: a slot of one says what its number is about, a number outside the
slots is about nothing. Their values are invented here, so that the fit needs no company.
"""

import base64
import hashlib
import json
import random
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from draft_sentences import FOLDER, SETS, SLOT, templates, written  # noqa: E402  # the tests' folders are no package

from rapport.serving.api.agents.features import SCALES, features  # noqa: E402
from rapport.serving.api.agents.scorer import NOTHING  # noqa: E402
from rapport.serving.api.agents.tokens import mentions_in, tokens_of, ways_in  # noqa: E402

ARTEFACT = ROOT / "serving" / "api" / "agents" / "draft_weights.json"
FRAGMENTS = ROOT / "benchmarks" / "drafts" / "fragments.tsv"
PENALTY, STEPS, LEAST_MENTIONS, SEED, FILLS, FOLLOWING = 3.0, 70, 2, 0, 1, 0.3
COMPOSED, ROUND, YEARLESS, TO_COME = 2500, 0.2, 0.15, 0.1
_YEAR = re.compile(r"^\d{4}年(?=\d+月\d+日)")
TOPICS = {
    "risk": "risk", "risk1": "risk", "risk_before": "risk_before", "base_rate": "base_rate", "moved": "risk_change",
    "percentile": "percentile", "rar": "revenue_at_risk", "spend": "spend_if_retained", "expected": "expected_revenue",
    "clv3": "lifetime_value_3y", "clv1": "lifetime_value_1y", "clv5": "lifetime_value_5y", "savable": "savable",
    "spend_year": "spend_year", "health": "health", "health_before": "health_before",
    "points": "driver_points", "gap": "order_cadence", "silence": "days_since_order", "last_order": "last_order",
    "orders_year": "orders", "orders_peers": "orders_of_others", "touches": "marketing",
    "touches_peers": "marketing_of_others", "payment_days": "days_since_payment", "payment_peers": "payment_of_others",
    "ticket_days": "days_since_ticket", "survey_days": "days_since_survey", "contract_days": "contract_days",
    "drop": "interactions_change", "employees": "employees", "since": "since", "change_from": "change_from",
    "as_of": "as_of", "dm_last": "last_contact", "user_last": "last_contact", "user_contacts": "contacts",
    "deal_amount": "deal_amount", "deal_days": "deal_days", "deal_opened": "deal_opened", "deal_score": "deal_score",
    "win_rate": "win_rate", "rose": "risk_moves", "below": "interactions_move", "health_rose": "health_moves",
    "card_score": "card_score", "card_risk": "card_risk", "court_amount": "court_amount", "court_last": "court_day",
    "stage_days": "stage_days", "stage_usual": "stage_usual", "industry_risk": "industry_risk",
    "industry_growth": "industry_growth", "industry_high_share": "industry_high_share",
    "industry_customers": "industry_customers", "industry_higher": "industry_higher",
    **dict.fromkeys(("court_cases", "court_defendant", "court_plaintiff"), "court_records"),
    **dict.fromkeys(("rfm_r", "rfm_f", "rfm_m", "rfm_grade"), "rfm_score"),
    **dict.fromkeys(("risk_3mo", "risk_6mo", "risk_12mo"), "curve_risk"),
    **dict.fromkeys(("date_3mo", "date_6mo", "date_12mo"), "curve_day"),
    **dict.fromkeys(("next_order", "next_from", "next_to"), "next_order"),
    "order_day": "event_day", "order_amount": "event_amount",
}  # fmt: skip
# Topics that share weights: what one learns of "peers" helps the others.
GROUPS = (
    "risk risk_before base_rate risk_change percentile risk_moves", "orders orders_of_others",
    "days_since_order last_order", "days_since_order last_order order_cadence orders orders_of_others",
    "marketing marketing_of_others", "days_since_payment payment_of_others", "last_contact contacts",
    "deal_amount deal_days deal_opened deal_score win_rate", "health health_before health_moves",
    "change_from risk_change risk_before", "spend_if_retained expected_revenue lifetime_value_3y revenue_at_risk",
    "lifetime_value_1y lifetime_value_3y lifetime_value_5y", "spend_year spend_if_retained",
    "base_rate orders_of_others marketing_of_others payment_of_others", "risk_before health_before",
    "days_since_order days_since_payment days_since_ticket days_since_survey",
    "last_order last_contact days_since_payment days_since_ticket days_since_survey",
    "days_since_ticket days_since_survey", "deal_days deal_opened", "event_day event_amount", "as_of change_from",
    "risk_moves interactions_move health_moves", "risk card_risk", "risk curve_risk", "base_rate industry_risk",
    "deal_days stage_days", "stage_days stage_usual", "card_score health deal_score", "curve_day next_order",
)  # fmt: skip
NAMES = {"owner": "owner", "customer": "customer", "decision_maker": "decision_maker", "user": "user",
         "deal_id": "deal", "competitor": "competitor", "region": "region", "industry": "industry"}  # fmt: skip


JOINTS = {
    "en": (", ", ", ", "; ", " and ", ", and ", " | ", "\n", "\n- ", ". ", " – ", " / ", ", but ", " while "),
    "zh": ("，", "，", "；", "、", "｜", "\n", "\n· ", "。", "，而", "，但", " ", "；另外"),
}  # fmt: skip
OPENINGS = {
    "en": ("", "", "", "", "{customer}: ", "- ", "FYI ", "{customer}, ", "Note: ", "{owner}, ", "We see ",
           "Hi {owner}, "),
    "zh": ("", "", "", "", "{customer}：", "· ", "{customer}，", "备注：", "{owner}，", "数据：", "【{customer}】"),
}  # fmt: skip


class Example(NamedTuple):
    """One mention: the set and language of its sentence, its topic, and its features."""

    source: str
    language: str
    topic: str
    features: set[str]


def examples(names: Sequence[str]) -> list[Example]:
    """Return the mentions of the sets, each template with invented values, alone and after another template."""
    draw = random.Random(SEED)
    found: list[Example] = []
    for name in names:
        lines = templates(name)
        for language, text in lines:
            for _ in range(FILLS):
                values = invented(draw)
                before, joint = "", ""
                if draw.random() < FOLLOWING:
                    other = draw.choice([one for spoken, one in lines if spoken == language])
                    before, joint = other, draw.choice(("\n", " " if language == "en" else ""))
                found += _mentions(name, language, (before + joint, text), values)
    return found


def composed(count: int) -> list[Example]:
    """Return the mentions of sentences that are put together from a few fragments each, of other slots."""
    draw = random.Random(SEED)
    lines = [line.split("\t") for line in FRAGMENTS.read_text("utf-8").splitlines()]
    found: list[Example] = []
    for language in ("en", "zh"):
        texts = [text for spoken, text in lines if spoken == language]
        for _ in range(count):
            chosen: list[str] = []
            used: set[str] = set()
            for text in draw.sample(texts, draw.choice((1, 2, 2, 3, 3, 4))):
                slots = {slot for slot, _ in SLOT.findall(text)}
                if not slots & used:
                    chosen.append(text)
                    used |= slots
            mark = draw.choice(JOINTS[language])
            text = (
                draw.choice(OPENINGS[language])
                + mark.join(chosen)
                + draw.choice(("", "", "." if language == "en" else "。"))
            )
            if language == "en" and draw.random() < 0.5:
                text = text[:1].upper() + text[1:]
            found += _mentions("fragments", language, ("", text), invented(draw))
    return found


def _mentions(name: str, language: str, texts: tuple[str, str], values: Mapping[str, object]) -> Iterator[Example]:
    text, spans = "", []
    for part in texts:
        start = len(text)
        at = 0
        for found in SLOT.finditer(part):
            text += part[at : found.start()]
            shown = _shown(found[1], found[2], values[found[1]], language)
            if language == "zh" and values["is_yearless"]:
                shown = _YEAR.sub("", shown)
            spans.append((len(text), len(text) + len(shown), found[1]))
            text, at = text + shown, found.end()
        text += part[at:]
    names = sorted(((str(values[slot]), sign) for slot, sign in NAMES.items()), key=lambda pair: -len(pair[0]))
    tokens = tokens_of(text, dict(names), values["as_of"])
    marked = [(tokens, at) for at in mentions_in(tokens)] + [(signs, at) for signs, at, _ in ways_in(tokens)]
    for around, at in marked:
        token = around[at]
        if token.start >= start:
            slot = next((slot for begin, end, slot in spans if begin < token.end and token.start < end), "")
            positions = sorted({*mentions_in(around), at})
            yield Example(name, language, TOPICS.get(slot, NOTHING), features(around, positions, positions.index(at)))


def _shown(slot: str, style: str | None, value: object, language: str) -> str:
    if slot == "health_rose":  # the words of a score, for the other score
        slot = "rose"
    if slot in ("clv1", "clv5", "savable", "order_amount", "court_amount"):
        slot = "rar"
    return written(slot, style, value, language)


def invented(draw: random.Random) -> dict[str, object]:
    """Return a value for each slot, of the size that it has at a company."""

    def day(least: int, most: int) -> date:
        # A false date may be one to come.
        ago = -draw.randint(1, 100) if draw.random() < TO_COME else draw.randint(least, most)
        return date(2026, 11, 1) - timedelta(days=ago)

    def around(least: float, most: float, usual: Sequence[float]) -> float:
        # Round values are no sign that a number is a period, a target or a limit.
        return float(draw.choice(usual)) if draw.random() < ROUND else draw.uniform(least, most)

    found: dict[str, object] = {
        **{slot: float(int(10 ** draw.uniform(3, 6.3))) for slot in
           ("rar", "spend", "expected", "clv3", "clv1", "clv5", "savable", "spend_year", "deal_amount",
            "order_amount", "court_amount")},
        **{slot: around(2, 96, (5, 10, 15, 20, 25, 30, 50)) for slot in
           ("risk", "risk1", "risk_before", "base_rate", "percentile", "health", "health_before", "drop", "deal_score",
            "win_rate", "card_risk", "industry_risk", "industry_high_share", "risk_3mo", "risk_6mo", "risk_12mo")},
        **{slot: float(round(around(2, 300, (7, 14, 30, 60, 90, 180, 365)))) for slot in
           ("payment_days", "payment_peers", "ticket_days", "survey_days", "contract_days", "silence", "deal_days",
            "stage_days", "stage_usual")},
        **{slot: float(round(10 ** draw.uniform(0.01, 1.6))) for slot in
           ("points", "moved", "orders_year", "orders_peers", "touches", "touches_peers", "user_contacts",
            "court_cases", "court_defendant", "court_plaintiff", "industry_growth", "industry_customers",
            "industry_higher")},
        **{slot: float(draw.randint(1, 5)) for slot in ("rfm_r", "rfm_f", "rfm_m", "rfm_grade")},
        **{slot: day(2, 300) for slot in
           ("last_order", "dm_last", "user_last", "deal_opened", "change_from", "order_day", "court_last")},
        **{slot: day(-400, -20) for slot in
           ("date_3mo", "date_6mo", "date_12mo", "next_order", "next_from", "next_to")},
        "gap": float(round(around(2, 120, (7, 14, 30, 90)))), "employees": float(round(10 ** draw.uniform(0.3, 3))),
        "as_of": date(2026, 11, 1) - timedelta(days=draw.randint(0, 40)), "is_yearless": draw.random() < YEARLESS,
        "since": day(300, 3000), "below": -1, "rose": draw.choice((-1, 1)),
        "health_rose": draw.choice((-1, 1)), "owner": draw.choice(("Anna Keller", "王伟")), "industry": "machinery",
        "customer": draw.choice(("Ironfield Electronics Inc", "杭州远鑫包装科技有限公司")),
        "region": draw.choice(("East", "Central")), "decision_maker": draw.choice(("Tom Jensen", "孙文博")),
        "user": draw.choice(("David Moore", "赵芳")), "deal_id": "D000733",
        "competitor": draw.choice(("Kestrel", "远帆科技")), "card_score": draw.uniform(1, 5), "rfm_cell": "R4F2M1",
        **{slot: draw.choice(("VIP", "At risk", "普通", "重要保持")) for slot in
           ("card_tier", "health_grade", "deal_tier")},
    }  # fmt: skip
    return found


def fit(found: Sequence[Example], steps: int = STEPS) -> dict[str, object]:
    """Fit the multinomial logistic regression; return topics, features and weights in whole steps of 8 bits."""
    counts = Counter(one for example in found for one in example.features)
    names = sorted(one for one, count in counts.items() if count >= LEAST_MENTIONS)
    topics = sorted({example.topic for example in found})
    weights = _minimized(_matrix(found, names), [topics.index(one.topic) for one in found], topics, steps)
    step = float(np.abs(weights).max()) / 127
    rounded = np.rint(weights / step).astype(np.int8)
    kept = np.abs(rounded).max(axis=1) > 2
    return {
        "topics": topics,
        "step": step,
        "features": _packed("\t".join(name for name, keep in zip(names, kept, strict=True) if keep).encode()),
        "weights": _packed(rounded[kept].tobytes()),
    }


def _packed(content: bytes) -> str:
    return base64.b85encode(zlib.compress(content, 9)).decode()


def _matrix(found: Sequence[Example], names: Sequence[str]) -> csr_matrix:
    column = {name: at for at, name in enumerate(names)}
    cells = [sorted(column[one] for one in example.features if one in column) for example in found]
    flat = np.concatenate([np.array(row, dtype=np.int64) for row in cells])
    scales = np.array([SCALES[name.partition(":")[0]] for name in names], dtype=np.float32)
    return csr_matrix((scales[flat], flat, np.cumsum([0, *map(len, cells)])), shape=(len(found), len(names)))


def _minimized(matrix: csr_matrix, wanted: Sequence[int], topics: Sequence[str], steps: int) -> np.ndarray:
    """Return the weights by feature and topic that fit best: each is a sum of its topic's own and of its groups'."""
    own = np.eye(len(topics), dtype=np.float32)
    groups = [[float(topic in group.split()) for topic in topics] for group in GROUPS]
    parts = np.vstack([own, np.array(groups, np.float32), [[float(topic != NOTHING) for topic in topics]]])
    # A penalty on the parts is one on rotated sums.
    root = np.linalg.cholesky(parts.T @ parts).astype(np.float32)
    right = own[list(wanted)]
    transposed = matrix.T.tocsr()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        rotated = flat.reshape(matrix.shape[1], len(topics)).astype(np.float32)
        logits = matrix @ (rotated @ root.T)
        logits -= logits.max(axis=1, keepdims=True)
        total = np.exp(logits).sum(axis=1, keepdims=True)
        slope = transposed @ (np.exp(logits) / total - right)
        value = -PENALTY * float((right * (logits - np.log(total))).sum()) + 0.5 * float((rotated**2).sum())
        return value, (PENALTY * (slope @ root) + rotated).astype(np.float64).ravel()

    start = np.zeros(matrix.shape[1] * len(topics))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 6})
    return found.x.reshape(matrix.shape[1], len(topics)).astype(np.float32) @ root.T


def fingerprint() -> str:
    """Return the hash of the templates that the weights were fitted to."""
    paths = [*(FOLDER / f"{name}.tsv" for name in SETS), FRAGMENTS]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def main() -> None:
    """Fit to all sets and write the weights."""
    stored = {"templates": fingerprint(), **fit([*examples(SETS), *composed(COMPOSED)])}
    ARTEFACT.write_text(json.dumps(stored, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
