"""An in-memory desk with an invented book, so that the console can be seen and tested without a model."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from history.errors import ServingError

AS_OF = date(2026, 11, 1)
OWNERS = ("Chen Jie", "Maria Lopez", "Tom Becker", "王芳", "Aisha Khan")
REGIONS = ("East", "North", "South", "West", "华东", "华南")
SEGMENTS = ("important_value", "to_wake", "important_growth", "general_value", "general_lost")
FAMILIES = ("recency", "rhythm", "value", "service", "payment", "relationship", "trend", "engagement", "risk", "tenure")
TIERS = ("vip", "key", "normal", "at_risk")
NAMES = (
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
HOSTILE = (
    "<script>alert(1)</script>",
    '=cmd|"/c calc"!A1',
    "@SUM(1+1)",
    "שלום ‮ מִכְתָּב",
    "🚀 Rocket & Söhne 🧪",
    "A very long company name that goes on and on " * 4,
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
)


@dataclass(frozen=True)
class Viewer:
    """The same three fields as the service's viewer."""

    name: str
    scopes: frozenset[str]
    owner: str | None = None

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


ALL = Viewer("local", frozenset({"read", "score", "feedback", "admin"}))
KEYS = {
    "key-of-all": Viewer("all", frozenset({"read", "score", "feedback"})),
    "key-of-maria": Viewer("maria", frozenset({"read", "feedback"}), owner="Maria Lopez"),
    "key-of-reader": Viewer("reader", frozenset({"read"})),
    "key-of-scorer": Viewer("scorer", frozenset({"score"})),
}


def logit(p: float) -> float:
    return math.log(p / (1 - p))


class ExampleDesk:
    """Answer as the service's desk does, from numbers drawn once."""

    def __init__(self, size: int = 240, is_open: bool = True) -> None:
        self.open = is_open
        self.said: list[dict[str, object]] = []
        self._valid = dict(KEYS)
        self._books = {"churn": _book(size, 7, 0.21), "conversion": _book(max(size // 4, 20), 8, 0.12, leads=True)}
        self._rows = {
            target: {key: row for row, key in enumerate(book["customer_id"].to_pylist())}
            for target, book in self._books.items()
        }

    def sign_in(self, key: str) -> Viewer | None:
        return self._valid.get(key)

    def withdraw(self, key: str) -> None:
        del self._valid[key]

    def viewer(self, name: str) -> Viewer | None:
        if self.open:
            return ALL
        return next((viewer for viewer in self._valid.values() if viewer.name == name), None)

    def about(self) -> dict[str, object]:
        return {
            "as_of": AS_OF.isoformat(),
            "scored_at": "2026-11-01T02:10:00",
            "currency": "CNY",
            "language": "en",
            "targets": ["churn", "conversion"],
            "calls_per_week": 20,
            "names": True,
            "mlflow": "http://127.0.0.1:5000",
            "notice": None,
        }

    def book(self, target: str) -> pa.Table:
        return self._books[target]

    def answers(self, ids: Sequence[str], target: str, *, reasons: int = 2, language: str = "en"):
        return [self._answer(key, target, reasons, language) for key in ids]

    def _fact(self, key: str, target: str) -> dict[str, object]:
        row = self._rows[target].get(key)
        if row is None:
            raise ServingError(f"There is no customer {key}. Check the id, or search by name.")
        book = self._books[target]
        return {name: book[name][row].as_py() for name in book.column_names}

    def _answer(self, key: str, target: str, reasons: int, language: str) -> dict[str, object]:
        fact = self._fact(key, target)
        p, base = fact["probability"], 0.21 if target == "churn" else 0.12
        told = _reasons(fact, p - base, language)
        spread = 0.04 + 0.05 * (1 - abs(p - 0.5))
        return {
            "customer_id": key, "as_of": AS_OF.isoformat(), "target": target, "state": fact["state"],
            "probability": p, "percentile": fact["percentile"],
            "interval": [max(0.0, p - spread), min(1.0, p + spread)],
            "model_probability": fact["model_probability"], "rule_probability": fact["rule_probability"],
            "rule_score": fact["rule_score"], "tier": fact["tier"], "value_at_risk": fact["value_at_risk"],
            "base_rate": base, "reasons": told[:reasons], "other_evidence": 0.03,
            "model": {"name": target, "version": "7", "card": "relationship/3"},
        }  # fmt: skip

    def customer(self, customer_id: str, *, language: str = "en") -> dict[str, object]:
        targets = [target for target in self._books if customer_id in self._rows[target]]
        if not targets:
            raise ServingError(f"There is no customer {customer_id}. Check the id, or search by name.")
        fact = self._fact(customer_id, targets[0])
        answers = [self._answer(customer_id, target, 12, language) for target in targets]
        return {
            "customer": {
                "customer_id": customer_id, "name": fact["name"], "region": fact["region"], "industry": "Machinery",
                "owner": fact["owner"], "employees": 120, "source": "fair", "since": "2021-03-14", "parent_id": None,
            },
            "as_of": AS_OF.isoformat(),
            "state": fact["state"],
            "answers": answers,
            "scores": _scores(fact, targets[0]),
            "change": self.change(customer_id, targets[0], "2026-10-01", "2026-11-01", language=language),
            "events": _events(customer_id, language),
            "chain": _chain(language),
            "tree": self._tree(customer_id),
            "rfm": {"r": fact["r"], "f": fact["f"], "m": fact["m"], "segment": fact["segment"],
                    "recency_days": fact["recency_days"], "orders": fact["orders_12m"], "spend": fact["value"]},
            "levers": _levers(language),
            "actions": [
                {"text": reason["advice"], "who": fact["owner"], "due": (AS_OF + timedelta(5 * n + 4)).isoformat(),
                 "code": reason["code"]}
                for n, reason in enumerate(answers[0]["reasons"]) if reason["advice"] and reason["points"] > 0
            ],
            "feedback": [said for said in reversed(self.said) if said["customer_id"] == customer_id],
        }  # fmt: skip

    def _tree(self, customer_id: str) -> dict[str, object] | None:
        book = self._books["churn"]
        row = self._rows["churn"].get(customer_id)
        if row is None or row >= book.num_rows - 3:
            return None

        def node(at: int, children: list[dict[str, object]]) -> dict[str, object]:
            names = ("customer_id", "name", "tier", "probability", "value", "value_at_risk")
            return {**{name: book[name][at].as_py() for name in names}, "children": children}

        root = node(row, [node(row + 1, [node(row + 3, [])]), node(row + 2, [])])
        four = (
            [book["value"][row + n].as_py() for n in range(4)],
            [book["value_at_risk"][row + n].as_py() for n in range(4)],
        )
        driver = max(range(4), key=lambda n: four[1][n])
        return {**root, "total_value": sum(four[0]), "total_at_risk": sum(four[1]),
                "driven_by": book["customer_id"][row + driver].as_py()}  # fmt: skip

    def change(self, customer_id: str, target: str, start: str, end: str, *, language: str = "en"):
        fact = self._fact(customer_id, target)
        before, after = fact["probability_30d"], fact["probability"]
        if before is None:
            return None
        shares = (
            ("facts", "rhythm", 0.6),
            ("facts", "service", 0.35),
            ("facts", "payment", -0.1),
            ("model", None, 0.15),
        )
        words = {
            "rhythm": ("No order since 27 July.", "7月27日以来没有订单。"),
            "service": ("Two new complaints.", "新增两起投诉。"),
            "payment": ("An invoice was paid.", "一张发票已付清。"),
        }
        pick = 1 if language == "zh" else 0
        return {
            "from": start, "to": end, "before": before, "after": after,
            "parts": [
                {"kind": kind, "family": family, "text": words[family][pick] if family else "",
                 "evidence": share, "points": (after - before) * share}
                for kind, family, share in shares
            ],
        }  # fmt: skip

    def what_if(self, customer_id: str, target: str, changes: dict[str, float], *, language: str):
        before = self._answer(customer_id, target, 12, language)
        moved = 0.0
        for name, value in changes.items():
            lever = next((lever for lever in _levers(language) if lever["feature"] == name), None)
            if lever is None:
                raise ServingError(f"{name} cannot be acted on. Choose one of the listed facts.")
            moved += (value - lever["value"]) * lever["pull"]
        after = 1 / (1 + math.exp(-(logit(before["probability"]) + moved)))
        return {"before": before, "after": {**before, "probability": after}}

    def views(self) -> dict[str, object]:
        book = self._books["churn"].slice(0, 6).to_pylist()
        return {
            "cohorts": [
                {"cohort": f"{2024 + n // 4}-Q{n % 4 + 1}", "size": 40 + 7 * n % 31,
                 "kept": [1.0, *[round(0.84 * 0.93**k - 0.01 * (n % 3), 3) for k in range(1, 9 - n)]]}
                for n in range(8)
            ],
            "funnel": [
                {"source": source, "grade": grade, "leads": 60 - 9 * g - 5 * s, "touched": 45 - 8 * g - 4 * s,
                 "opportunity": max(24 - 6 * g - 3 * s, 1), "won": max(11 - 3 * g - 2 * s, 0)}
                for s, source in enumerate(("referral", "web", "fair", "campaign"))
                for g, grade in enumerate("ABCD")
            ],
            "attribution": [
                {"channel": channel, "first": 20.0 - 3 * n, "last": 12.0 + n, "linear": 15.5 - n, "u_shape": 16.2 - n,
                 "removal": 14.1 - 1.3 * n}
                for n, channel in enumerate(("webinar", "email", "referral", "search", "event"))
            ],
            "risk": [
                {"customer_id": row["customer_id"], "name": row["name"], "category": category, "records": 4 - n % 3,
                 "amount": 480000.0 / (n + 1), "defendant_share": 0.75 if n % 2 else None, "latest": "2026-10-11",
                 "important": "Listed as debtor by court 3" if n == 0 else None}
                for n, (row, category) in enumerate(zip(book, ("judicial", "operational", "financial") * 2, strict=True))
            ],
        }  # fmt: skip

    def model(self, target: str, *, language: str) -> dict[str, object]:
        zh = language == "zh"
        return {
            "target": target, "name": target, "version": "7", "made_at": "2026-10-20", "as_of": "2026-10-01",
            "grade": {"letter": "B", "sentence": "在之后的月份优于评分卡，校准良好；近三个月的结果尚未成熟。" if zh else
                      "Better than the card on later months and well calibrated; the last three months have not matured."},
            "compared": [
                {"name": "blend", "auc": 0.842, "average_precision": 0.61, "brier": 0.121, "low": 0.82, "high": 0.863},
                {"name": "trees", "auc": 0.836, "average_precision": 0.6, "brier": 0.124, "low": 0.813, "high": 0.857},
                {"name": "rhythm", "auc": 0.801, "average_precision": 0.52, "brier": 0.139, "low": 0.776, "high": 0.825},
                {"name": "card", "auc": 0.768, "average_precision": 0.47, "brier": 0.151, "low": 0.74, "high": 0.795},
                {"name": "recency", "auc": 0.751, "average_precision": 0.44, "brier": None, "low": None, "high": None},
            ],
            "calibration": [{"predicted": x / 10 - 0.05, "actual": min(1, x / 10 - 0.05 + 0.02 * (-1) ** x), "count": 900 // x}
                            for x in range(1, 10)],
            "matured": [{"as_of": f"2025-{m:02}-01", "band": band, "predicted": p, "actual": p + d, "count": 40 + m}
                        for m in (8, 9, 10) for band, p, d in (("at_risk", 0.52, 0.03), ("normal", 0.24, -0.02), ("key", 0.09, 0.01))],
            "gain": [{"share": x / 20, "captured": 1 - (1 - x / 20) ** 3.2, "profit": 9e5 * (1 - (1 - x / 20) ** 3.2) - 1.1e6 * x / 20}
                     for x in range(21)],
            "weights": [{"expert": "trees", "weight": 0.64}, {"expert": "rhythm", "weight": 0.27}, {"expert": "card", "weight": 0.14},
                        {"expert": "linear", "weight": 0.0}],
            "drift": [{"feature": f"spend_sum_{d}d", "label": f"Spend in {d} days", "psi": 0.3 / n, "missing_then": 0.01 * n,
                       "missing_now": 0.012 * n} for n, d in enumerate((30, 90, 180, 365), start=1)],
            "slices": [{"by": by, "value": value, "count": 300 - 20 * n, "rate": 0.2 + 0.01 * n, "predicted": 0.2 + 0.008 * n,
                        "auc": 0.84 - 0.01 * n}
                       for n, (by, value) in enumerate([("segment", "keep"), ("segment", "wake"), ("region", "East"), ("region", "华南")])],
            "gates": [{"name": "history", "passed": True, "sentence": "历史共 48 个月，至少需要 30 个月。" if zh else
                       "48 months of history; 30 are needed."},
                      {"name": "leak", "passed": True, "sentence": "没有单一事实的 AUC 超过 0.95。" if zh else
                       "No single fact has an AUC above 0.95."},
                      {"name": "rejects", "passed": False, "sentence": "订单中有 3% 的行被拒收，详见拒收文件。" if zh else
                       "3% of the rows of orders were refused; see the rejected file."}],
            "versions": [{"version": "8", "made_at": "2026-10-30", "alias": "challenger", "grade": "B", "auc": 0.844,
                          "promoted_by": None, "promoted_at": None},
                         {"version": "7", "made_at": "2026-10-20", "alias": "champion", "grade": "B", "auc": 0.842,
                          "promoted_by": "wang.fang", "promoted_at": "2026-10-21"},
                         {"version": "6", "made_at": "2026-07-20", "alias": "", "grade": "C", "auc": 0.82,
                          "promoted_by": "wang.fang", "promoted_at": "2026-07-22"}],
            "importance": [{"family": family, "share": 0.26 / (n + 1)} for n, family in enumerate(FAMILIES)],
            "mlflow": "http://127.0.0.1:5000/#/models/churn",
        }  # fmt: skip

    def cards(self, *, language: str) -> list[dict[str, object]]:
        return [_card("relationship", "客户关系" if language == "zh" else "Customer relationship", language),
                _card("account100", "百分制客户" if language == "zh" else "Account out of 100", language)]  # fmt: skip

    def try_card(self, card: str, customer_id: str, *, language: str) -> dict[str, object]:
        fact = self._fact(customer_id, "churn")
        return {
            "score": fact["rule_score"], "tier": fact["tier"], "tier_title": None,
            "rows": [
                {"indicator": "spend_12m", "value": fact["value"], "band": 3, "points": 0.63, "unknown": False},
                {"indicator": "order_frequency", "value": fact["orders_12m"], "band": 2, "points": 0.25, "unknown": False},
                {"indicator": "satisfaction", "value": None, "band": None, "points": 0.0, "unknown": True},
            ],
        }  # fmt: skip

    def check_card(self, yaml_text: str) -> str | None:
        return None if "dimensions" in yaml_text else "The card has no dimensions. Give it at least one."

    def marks(self, target: str) -> dict[str, dict[str, object]]:
        return {str(said["customer_id"]): said for said in self.said if said["target"] == target}

    def feedback(self, viewer: Viewer, *, customer_id, target, verdict, comment="", action="", until=None):
        if verdict not in ("done", "snoozed", "not_right", "right"):
            raise ServingError(f"There is no verdict {verdict!r}. Use done, snoozed, not_right or right.")
        said = {"customer_id": customer_id, "target": target, "verdict": verdict, "comment": comment, "action": action,
                "until": until, "by": viewer.name, "at": "2026-11-02T09:00:00"}  # fmt: skip
        self.said.append(said)
        return said


def _book(size: int, seed: int, base: float, *, leads: bool = False) -> pa.Table:
    draw = np.random.default_rng(seed)
    evidence = draw.normal(0, 1.1, size)
    p = 1 / (1 + np.exp(-(logit(base) + evidence)))
    before = np.clip(p - draw.normal(0.01, 0.06, size), 0.01, 0.97)
    value = np.round(np.exp(draw.normal(11.5, 1.2, size)), 2)
    score = np.clip(5 - 4 * p + draw.normal(0, 0.35, size), 1, 5)
    old = np.clip(5 - 4 * before + draw.normal(0, 0.35, size), 1, 5)
    names = [f"{NAMES[i % len(NAMES)]} {i}" for i in range(size)]
    for place, name in enumerate(HOSTILE):
        names[3 + 2 * place] = name

    def some(words: Sequence[str]) -> list[str]:
        return [words[i] for i in draw.integers(0, len(words), size)]

    def tier(of: np.ndarray) -> list[str]:
        return [TIERS[3 - int(np.searchsorted((2.5, 3.5, 4.5), x, side="right"))] for x in of]

    return pa.table(
        {
            "customer_id": [f"{'L' if leads else 'C'}-{1000 + i}" for i in range(size)],
            "name": names, "owner": some(OWNERS), "region": some(REGIONS), "industry": some(("Machinery", "Medical")),
            "source": some(("web", "fair")), "parent_id": pa.nulls(size, pa.string()),
            "state": ["new" if leads else "active"] * size, "segment": some(SEGMENTS), "probability": p,
            "probability_7d": np.clip(p - draw.normal(0, 0.02, size), 0.01, 0.97),
            "probability_30d": pa.array(before, mask=draw.random(size) < 0.05),
            "percentile": 100 * np.argsort(np.argsort(p)) / size, "tier": tier(score), "tier_30d": tier(old),
            "rule_score": score, "rule_probability": np.clip(p + draw.normal(0, 0.09, size), 0.01, 0.98),
            "model_probability": np.clip(p + draw.normal(0, 0.04, size), 0.01, 0.98), "value": value,
            "value_at_risk": value * p, "expected_saved": value * np.maximum(p - base, 0) * 0.5, "family": some(FAMILIES),
            "r": pa.array(draw.integers(1, 6, size), pa.int8()), "f": pa.array(draw.integers(1, 6, size), pa.int8()),
            "m": pa.array(draw.integers(1, 6, size), pa.int8()), "recency_days": draw.integers(1, 300, size).astype(float),
            "orders_12m": draw.integers(1, 24, size).astype(float),
            "due": [(AS_OF + timedelta(int(d))).isoformat() for d in draw.integers(2, 30, size)],
            "grade": some("ABCD") if leads else pa.nulls(size, pa.string()),
        }
    )  # fmt: skip


_TOLD = (
    ("RHY-01", "rhythm", "No order for 97 days; this customer usually orders every 41 days.",
     "已有 97 天没有订单；该客户通常每 41 天下单一次。", {"days_since_last_order": 97, "usual_gap_days": 41}, 45, True,
     "Call this week; ask about the open quote.", "本周致电，询问未结报价。"),
    ("SVC-02", "service", "Three complaints in 90 days, one still open.", "90 天内 3 起投诉，其中 1 起未解决。",
     {"complaints_90d": 3, "tickets_open": 1}, 0, True, "Close the open ticket, then call.", "先解决未结工单，再致电。"),
    ("PAY-01", "payment", "42% of invoices were paid late in the last year.", "近一年 42% 的发票逾期付款。",
     {"late_share": 0.42}, 0.11, True, "Agree on payment terms with their finance.", "与对方财务商定付款条件。"),
    ("REL-03", "relationship", "We talk to one person only.", "目前只与一位联系人沟通。", {"contacts_180d": 1}, 3, True,
     "Meet the decision maker.", "约见决策人。"),
    ("TRD-01", "trend", "Spend of the last 90 days is 38% of the 90 days before.", "近 90 天消费为前 90 天的 38%。",
     {"spend_ratio": 0.38}, 0.97, False, None, None),
    ("ENG-01", "engagement", "They opened our mails and came to a webinar.", "对方打开了邮件并参加了研讨会。",
     {"touches_90d": 9}, 2, False, None, None),
    ("TEN-01", "tenure", "A customer for more than five years.", "已合作五年以上。", {"years": 5.6}, 2.1, False, None, None),
)  # fmt: skip
_SHARES = (0.52, 0.31, 0.17, 0.16, 0.08, -0.15, -0.11)


def _reasons(fact: dict[str, object], gap: float, language: str) -> list[dict[str, object]]:
    turn = int(hashlib.sha256(str(fact["customer_id"]).encode()).hexdigest(), 16) % 3
    told = [*_TOLD[turn:4], *_TOLD[:turn], *_TOLD[4:]]
    size = gap if abs(gap) > 0.02 else 0.02
    pick = (3, 8) if language == "zh" else (2, 7)
    return [
        {"code": one[0], "family": one[1], "text": one[pick[0]], "evidence": size * share * 4, "points": size * share,
         "facts": one[4], "peers": one[5], "actionable": one[6], "advice": one[pick[1]]}
        for one, share in zip(told, _SHARES, strict=True)
    ]  # fmt: skip


def _scores(fact: dict[str, object], target: str) -> list[dict[str, object]]:
    last, first = fact["probability"], 0.16
    return [
        {"target": target, "as_of": (AS_OF - timedelta(30 * (15 - n))).isoformat(),
         "probability": first + (last - first) * (n / 15) ** 2 + 0.015 * math.sin(n), "tier": fact["tier"], "version": "7"}
        for n in range(16)
    ]  # fmt: skip


def _events(customer_id: str, language: str) -> list[dict[str, object]]:
    words = {
        "order": ("6 lines, cutting tools", "6 行，刀具"),
        "meeting": ("Quarterly review", "季度回顾"),
        "ticket": ("Delivery was late", "交货延迟"),
        "call": ("Asked for a new price", "询问新报价"),
        "invoice": ("Paid 24 days late", "逾期 24 天付款"),
        "risk": ("Sued by a supplier", "被供应商起诉"),
        "survey": ("NPS 6", "NPS 6 分"),
        "touch": ("Webinar on coatings", "涂层线上研讨会"),
        "contract": ("Frame contract renewed", "框架合同续签"),
    }
    pick = 1 if language == "zh" else 0
    plan = [("order", d, 42000.0 - 30 * d, False) for d in range(97, 520, 41)]
    plan += [
        ("ticket", 33, None, True),
        ("ticket", 61, None, True),
        ("ticket", 250, None, True),
        ("meeting", 20, None, False),
        ("meeting", 140, None, False),
        ("call", 12, None, False),
        ("call", 80, None, False),
        ("invoice", 70, 38000.0, True),
        ("risk", 48, 120000.0, True),
        ("survey", 110, None, False),
        ("touch", 8, None, False),
        ("contract", 400, 250000.0, False),
    ]
    events = [
        {
            "at": (AS_OF - timedelta(days)).isoformat(),
            "kind": kind,
            "title": words[kind][pick],
            "amount": amount,
            "bad": bad,
            "detail": customer_id if kind == "contract" else "",
        }
        for kind, days, amount, bad in plan
    ]
    return sorted(events, key=lambda event: event["at"], reverse=True)  # fmt: skip


def _chain(language: str) -> dict[str, object]:
    return {
        "people": [
            {"contact_id": "p1", "name": "Li Na 李娜", "role": "user", "level": "manager", "strength": 0.9, "last": "2026-10-20", "contacts": 14},
            {"contact_id": "p2", "name": "Peter Hahn", "role": "influencer", "level": "head", "strength": 0.4, "last": "2026-08-02", "contacts": 5},
            {"contact_id": "p3", "name": "<b>Bold</b>", "role": "decision_maker", "level": "director", "strength": 0.1, "last": None, "contacts": 1},
        ],
        "gaps": ["finance"],
        "single_thread": True,
        "next_step": "请李娜引荐财务负责人。" if language == "zh" else "Ask Li Na for an introduction to the head of finance.",
    }  # fmt: skip


def _levers(language: str) -> list[dict[str, object]]:
    zh = language == "zh"
    return [
        {"feature": "tickets_open", "label": "未结工单" if zh else "Open tickets", "unit": "count", "value": 1.0, "low": 0, "high": 6, "step": 1, "family": "service", "pull": 0.25},
        {"feature": "complaints_count_90d", "label": "90 天投诉" if zh else "Complaints in 90 days", "unit": "count", "value": 3.0, "low": 0, "high": 8, "step": 1, "family": "service", "pull": 0.14},
        {"feature": "meetings_count_180d", "label": "180 天会议" if zh else "Meetings in 180 days", "unit": "count", "value": 1.0, "low": 0, "high": 8, "step": 1, "family": "relationship", "pull": -0.1},
        {"feature": "late_share_365d", "label": "逾期付款占比" if zh else "Share of late payments", "unit": "share", "value": 0.42, "low": 0, "high": 1, "step": 0.02, "family": "payment", "pull": 0.6},
    ]  # fmt: skip


_CARD_TEXT = """\
card: {name}
version: 3
dimensions:
  - name: value
    indicators:
      - name: spend_12m
        weight: 25
      - name: order_frequency
        weight: 15
  - name: relation
    indicators:
      # asked each quarter
      - name: satisfaction
        weight: 15
"""


def _card(name: str, title: str, language: str) -> dict[str, object]:
    zh = language == "zh"
    money = ("≥ 1,000,000", "≥ 500,000", "≥ 200,000", "≥ 50,000", "< 50,000")
    counts, marks = ("≥ 12", "≥ 8", "≥ 4", "≥ 2", "< 2"), ("≥ 4.5", "≥ 3.5", "≥ 2.5", "≥ 1.5", "< 1.5")

    def indicator(key: str, words: str, feature: str, weight: float, texts: Sequence[str]) -> dict[str, object]:
        bands = [{"band": 5 - n, "text": text} for n, text in enumerate(texts)]
        return {"name": key, "title": words, "feature": feature, "unit": "count", "weight": weight, "bands": bands}

    return {
        "name": name, "version": "3", "hash": "9f2c61aa04be", "title": title, "target": "churn", "source": "CRM handbook",
        "lowest": 1, "highest": 5, "notes": ["权重合计 120，已归一到 100。" if zh else "The weights come to 120 and are normalised to 100."],
        "dimensions": [
            {"name": "value", "title": "客户价值" if zh else "Value", "weight": 40, "indicators": [
                indicator("spend_12m", "近12个月消费额" if zh else "12-month spend", "spend_sum_365d", 25, money),
                indicator("order_frequency", "订单数" if zh else "Orders in 12 months", "orders_count_365d", 15, counts)]},
            {"name": "relation", "title": "合作关系" if zh else "Relation", "weight": 15, "indicators": [
                indicator("satisfaction", "满意度" if zh else "Satisfaction", "satisfaction_mean_365d", 15, marks)]},
        ],
        "tiers": [{"name": "vip", "title": None, "from": 4.5, "strategy": "由高管维护" if zh else "Cared for by a director"},
                  {"name": "key", "title": None, "from": 3.5, "strategy": "每月拜访" if zh else "A visit a month"},
                  {"name": "normal", "title": None, "from": 2.5, "strategy": None},
                  {"name": "at_risk", "title": None, "from": 1, "strategy": "每周联系" if zh else "A call a week"}],
        "audit": {"auc": 0.768, "average_precision": 0.47, "base_rate": 0.21, "green_share": 0.58,
                  "tiers": [{"tier": tier, "count": n, "rate": rate} for tier, n, rate in
                            (("vip", 40, 0.04), ("key", 130, 0.1), ("normal", 260, 0.21), ("at_risk", 90, 0.49))]},
        "yaml": _CARD_TEXT.format(name=name),
    }  # fmt: skip
