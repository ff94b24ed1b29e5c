"""An example portfolio: customers with probabilities, owners, tiers, and hostile names."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

AS_OF = date(2026, 11, 1)
OWNERS = ("Chen Jie", "Maria Lopez", "Tom Becker", "王芳", "Aisha Khan")
HOSTILE = (
    "<script>alert(1)</script>",
    '=cmd|"/c calc"!A1',
    "@SUM(1+1)",
    "שלום \u202e מִכְתָּב",
    "🚀 Rocket & Söhne 🧪",
    "A very long company name that goes on and on " * 4,
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
)
_REGIONS = ("East", "North", "South", "West", "华东", "华南")
_SEGMENTS = ("important_value", "to_wake", "important_growth", "general_value", "general_lost")
_FAMILIES = (
    "recency",
    "rhythm",
    "value",
    "service",
    "payment",
    "relationship",
    "trend",
    "engagement",
    "risk",
    "tenure",
)
_GRADES = ("prime", "ordinary", "at_risk")
_TIERS = ("vip", "key", "normal", "at_risk")
_NAMES = (
    "Nordlicht Optik",
    "上海启明精密机械有限公司",
    "Harbour & Finch",
    "Delta Polymers",
    "深圳宏远电子",
    "Kiefer Anlagenbau",
    "Blue Ridge Medical",
    "广州南方包装材料",
    "Aurora Foods",
    "Silverline Logistics",
    "苏州新锐自动化",
    "Papyrus Print",
)


def draw_portfolio(size: int, seed: int, base: float) -> pa.Table:
    """Draw a portfolio; a low base rate makes it one of leads."""
    draw = np.random.default_rng(seed)
    leads = base < 0.2
    p = 1 / (1 + (1 - base) / base * np.exp(-draw.normal(0, 1.1, size)))
    before = np.clip(p - draw.normal(0.01, 0.06, size), 0.01, 0.97)
    value = np.round(np.exp(draw.normal(11.5, 1.2, size)), 2)
    score = np.clip(5 - 4 * p + draw.normal(0, 0.35, size), 1, 5)
    old = np.clip(5 - 4 * before + draw.normal(0, 0.35, size), 1, 5)
    words = {
        "customer_id": [f"{'L' if leads else 'C'}-{1000 + i}" for i in range(size)],
        "name": _named(size),
        "owner": _some(draw, OWNERS, size),
        "region": _some(draw, _REGIONS, size),
        "segment": _some(draw, _SEGMENTS, size),
        "family": _some(draw, _FAMILIES, size),
        "industry": ["Machinery"] * size,
        "source": ["fair"] * size,
        "parent_id": pa.nulls(size, pa.string()),
        "state": ["new" if leads else "active"] * size,
        "grade": _some(draw, "ABCD", size) if leads else pa.nulls(size, pa.string()),
        "tier": _tiers(score),
        "tier_30d": _tiers(old),
        "due": [(AS_OF + timedelta(int(d))).isoformat() for d in draw.integers(2, 30, size)],
    }
    health = np.clip(100 * (1 - p) + draw.normal(0, 6, size), 0, 100)
    effect = np.round(0.4 * (1 - p), 3)
    words |= {
        "health_grade": [_GRADES[int(np.searchsorted((0.25, 0.5), one))] for one in p],
        "lead_grade": words["grade"],
        "list": ["probably_lost" if one > 0.9 else "at_risk" for one in p],
        "renewal_at": [(AS_OF + timedelta(int(d))).isoformat() for d in draw.integers(-20, 300, size)],
    }
    money = {
        "health_score": health,
        "health_before_30d": np.clip(health - draw.normal(0, 5, size), 0, 100),
        "spend_if_retained": value,
        "revenue_at_risk": value * p,
        "contact_effect": effect,
        "savable": value * p * effect * 0.3,
        "clv_3y": value * 2.4,
    }
    return pa.table({**words, **_numbers(draw, p, before, value, score, base), **money})


def _numbers(
    draw: np.random.Generator, p: np.ndarray, before: np.ndarray, value: np.ndarray, score: np.ndarray, base: float
) -> dict[str, pa.Array]:
    size = len(p)
    whole = {name: pa.array(draw.integers(1, 6, size), pa.int8()) for name in ("r", "f", "m")}
    return {
        **whole,
        "probability": pa.array(p),
        "probability_7d": pa.array(np.clip(p - draw.normal(0, 0.02, size), 0.01, 0.97)),
        "probability_30d": pa.array(before, mask=draw.random(size) < 0.05),
        "percentile": pa.array(100 * np.argsort(np.argsort(p)) / size),
        "rule_score": pa.array(score),
        "rule_probability": pa.array(np.clip(p + draw.normal(0, 0.09, size), 0.01, 0.98)),
        "model_probability": pa.array(np.clip(p + draw.normal(0, 0.04, size), 0.01, 0.98)),
        "value": pa.array(value),
        "value_at_risk": pa.array(value * p),
        "expected_saved": pa.array(value * np.maximum(p - base, 0) * 0.5),
        "recency_days": pa.array(draw.integers(1, 300, size).astype(float)),
        "orders_12m": pa.array(draw.integers(1, 24, size).astype(float)),
    }


def _named(size: int) -> list[str]:
    names = [f"{_NAMES[i % len(_NAMES)]} {i}" for i in range(size)]
    names[3 : 3 + 2 * len(HOSTILE) : 2] = HOSTILE
    return names


def _some(draw: np.random.Generator, words: Sequence[str], size: int) -> list[str]:
    return [words[i] for i in draw.integers(0, len(words), size)]


def _tiers(score: np.ndarray) -> list[str]:
    return [_TIERS[3 - int(np.searchsorted((2.5, 3.5, 4.5), one, side="right"))] for one in score]
