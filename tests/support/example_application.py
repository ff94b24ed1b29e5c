"""An in-memory application with an example portfolio, so that the console can be run and tested without a model."""

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from example_alerts import example_alert, replayed
from example_answers import EXAMPLE, actions_of, events_of, health_of, in_language, reasons_of, scores_of
from example_portfolio import AS_OF, draw_portfolio

from rapport.errors import ServingError
from rapport.scoring.actions.playbook import read_playbook
from rapport.serving.application.account_work import AccountWork
from rapport.serving.application.analysis_catalog import about
from rapport.serving.application.insights import Insights
from rapport.serving.errors import RequestError
from rapport.serving.live.webhook_queue import WebhookQueue
from rapport.serving.security.keys import Viewer
from rapport.serving.work.alert_inbox import AlertMarks
from rapport.serving.work.alert_rules import AlertRuleDraft, RulesInForce

BASE = {"churn": 0.21, "conversion": 0.12}

KEYS = {
    "key-of-all": Viewer("all", frozenset({"read", "score", "feedback"})),
    "key-of-maria": Viewer("maria", frozenset({"read", "feedback"}), owner="Maria Lopez"),
    "key-of-team": Viewer(
        "lead", frozenset({"read", "feedback"}), team=("Maria Lopez", "Tom Becker"), person="Lea Lead"
    ),
    "key-of-reader": Viewer("reader", frozenset({"read"})),
    "key-of-scorer": Viewer("scorer", frozenset({"score"})),
}


class ExampleApplication:
    """Answer as the service's application does, from numbers drawn once."""

    def __init__(self, size: int = 240, *, keys_disabled: bool = True) -> None:
        self.keys_disabled = keys_disabled
        self._folder = TemporaryDirectory()
        self.data_dir = Path(self._folder.name)
        self.work = AccountWork(self.data_dir, self._shown)
        self.alert_marks = AlertMarks(self.data_dir)
        self.playbook = read_playbook()
        in_force = RulesInForce(self.data_dir, lambda: self.playbook)
        self.alert_rules = AlertRuleDraft(self.data_dir, in_force, run=replayed)
        self.receivers = WebhookQueue(self.data_dir)
        self.insights = SimpleNamespace(
            deals=self._deals, analysis=self._analysis, names=Insights.names.__get__(SimpleNamespace())
        )
        self.notice: str | None = None
        self.basis_note = ""
        self._valid = dict(KEYS)
        leads = max(size // 4, 20)
        self._portfolios = {
            "churn": draw_portfolio(size, 7, BASE["churn"]),
            "conversion": draw_portfolio(leads, 8, BASE["conversion"]),
        }
        self._rows = {
            target: {key: row for row, key in enumerate(table["customer_id"].to_pylist())}
            for target, table in self._portfolios.items()
        }

    def sign_in(self, key: str) -> Viewer | None:
        return self._valid.get(key)

    def revoke(self, key: str) -> None:
        del self._valid[key]

    def viewer(self, name: str, mark: str = "") -> Viewer | None:
        if self.keys_disabled:
            return Viewer("local", frozenset({"admin"}))
        return next((one for one in self._valid.values() if (one.name, one.mark) == (name, mark)), None)

    def about(self) -> dict[str, Any]:
        words = {"as_of": AS_OF.isoformat(), "scored_at": "2026-11-01T02:10:00", "currency": "CNY", "language": "en"}
        words |= {"timezone": "Asia/Shanghai", "frame_ancestors": ("https://crm.example",)}
        more = {"calls_per_week": 20, "names": True, "mlflow": "http://127.0.0.1:5000", "notice": self.notice}
        return {**words, "targets": ["churn", "conversion"], "horizons": {"churn": "12mo", "conversion": "90d"}, **more}

    def portfolio_table(self, target: str) -> pa.Table:
        return self._portfolios[target]

    def answers(
        self, ids: Sequence[str], target: str, *, reasons: int = 2, language: str = "en"
    ) -> list[dict[str, Any]]:
        return [self._answer(key, target, reasons, language) for key in ids]

    def facts(self, key: str, target: str) -> dict[str, Any]:
        row = self._rows[target].get(key)
        if row is None:
            raise RequestError(404, "No such customer in the latest snapshot.", where="customer_id")
        return self._portfolios[target].slice(row, 1).to_pylist()[0]

    def _answer(self, key: str, target: str, reasons: int, language: str) -> dict[str, Any]:
        fact, base = self.facts(key, target), BASE[target]
        p = fact["probability"]
        names = ("customer_id", "state", "percentile", "model_probability", "rule_probability", "rule_score", "tier")
        return {
            **{name: fact[name] for name in (*names, "value_at_risk")},
            "as_of": AS_OF.isoformat(),
            "target": target,
            "probability": p,
            "certainty": "high",
            "certainty_note": "",
            "interval": [max(0.0, p - 0.07), min(1.0, p + 0.07)],
            "base_rate": base,
            "reasons": reasons_of(p - base, language)[:reasons],
            "other_evidence": 0.03,
            "health": health_of(fact, language) if target == "churn" else None,
            "lead_grade": fact["lead_grade"],
            **{name: fact[name] for name in ("spend_if_retained", "savable", "contact_effect")},
            "model": {"name": target, "version": "7", "card": "relationship/3", "basis_note": self.basis_note},
        }

    def customer(self, customer_id: str, *, language: str = "en", **_: object) -> dict[str, Any]:
        targets = [target for target in self._portfolios if customer_id in self._rows[target]]
        fact = self.facts(customer_id, targets[0] if targets else "churn")
        answers = [self._answer(customer_id, target, 12, language) for target in targets]
        person = {
            name: fact[name] for name in ("customer_id", "name", "region", "owner", "industry", "source", "parent_id")
        }
        rfm = {name: fact[name] for name in ("r", "f", "m", "segment", "recency_days")}
        return {
            "customer": {**person, "employees": 120, "since": "2021-03-14"},
            "as_of": AS_OF.isoformat(),
            "state": fact["state"],
            "answers": answers,
            "scores": scores_of(fact, targets[0]),
            "change": self.change(customer_id, targets[0], "2026-10-01", "2026-11-01", language=language),
            "events": events_of(language),
            "chain": in_language(EXAMPLE["chain"], language),
            "tree": self._tree(customer_id),
            "rfm": {**rfm, "orders": fact["orders_12m"], "spend": fact["value"]},
            "contacted": None,
            "levers": in_language(EXAMPLE["levers"], language),
            "actions": actions_of(answers[0]["reasons"], fact["owner"]),
            "feedback": [],
        }

    def _tree(self, customer_id: str) -> dict[str, Any] | None:
        row = self._rows["churn"].get(customer_id)
        if row is None or row >= self._portfolios["churn"].num_rows - 3:
            return None
        names = ("customer_id", "name", "tier", "probability", "value", "value_at_risk")
        group = self._portfolios["churn"].slice(row, 4).select(names).to_pylist()
        nodes: list[dict[str, Any]] = [{**fact, "children": []} for fact in group]
        nodes[0]["children"], nodes[1]["children"] = [nodes[1], nodes[2]], [nodes[3]]
        totals = {name: sum(fact[column] for fact in group) for name, column in _TOTALS}
        driver = max(group, key=lambda fact: float(fact["value_at_risk"]))
        return {**nodes[0], **totals, "driven_by": driver["customer_id"]}

    def change(
        self, customer_id: str, target: str, start: str, end: str, *, language: str = "en"
    ) -> dict[str, Any] | None:
        fact = self.facts(customer_id, target)
        before, after = fact["probability_30d"], fact["probability"]
        if before is None:
            return None
        parts = [
            {**part, "points": (after - before) * part["share"]} for part in in_language(EXAMPLE["change"], language)
        ]
        return {"from": start, "to": end, "before": before, "after": after, "parts": parts}

    def what_if(
        self, customer_id: str, target: str, changes: dict[str, float], *, language: str = "en"
    ) -> dict[str, Any]:
        before, moved = self._answer(customer_id, target, 12, language), 0.0
        levers = {lever["feature"]: lever for lever in EXAMPLE["levers"]}
        for name, value in changes.items():
            if name not in levers:
                raise ServingError(f"{name} cannot be acted on. Choose one of: {', '.join(levers)}.")
            moved += (value - levers[name]["value"]) * levers[name]["pull"]
        odds = before["probability"] / (1 - before["probability"]) * math.exp(moved)
        return {"before": before, "after": {**before, "probability": odds / (1 + odds)}}

    def population_tables(self) -> dict[str, Any]:
        people = self._portfolios["churn"].select(["customer_id", "name"]).slice(0, 6).to_pylist()
        risk = [{**row, **who} for row, who in zip(EXAMPLE["views"]["risk"], people, strict=True)]
        return {**EXAMPLE["views"], "risk": risk}

    def model(self, target: str, *, language: str) -> dict[str, Any]:
        return {"target": target, "name": target, **in_language(EXAMPLE["model"], language)}

    def cards(self, *, language: str) -> list[dict[str, Any]]:
        return list(in_language(EXAMPLE["cards"], language))

    def try_card(self, card: str, customer_id: str, *, language: str) -> dict[str, Any]:
        fact = self.facts(customer_id, "churn")
        known = [("spend_12m", fact["value"], 3), ("order_frequency", fact["orders_12m"], 2)]
        rows = [{"indicator": name, "value": value, "band": band, "unknown": False} for name, value, band in known]
        unknown = {"indicator": "satisfaction", "value": None, "band": None, "unknown": True}
        tried = {"score": fact["rule_score"], "tier": fact["tier"], "tier_title": None, "rows": [*rows, unknown]}
        return {**tried, "card": card, "language": language}

    def check_card(self, yaml_text: str, language: str = "en") -> str | None:
        missing = {"en": "The card has no dimensions. Give it at least one.", "zh": "评分卡没有维度，请至少填写一个。"}
        return None if "dimensions" in yaml_text else missing[language]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """Return the tasks, oldest first, as the tests read them."""
        return sorted(self.work.tasks.list(), key=lambda task: int(task["id"]))

    def own_labels(self, target: str, language: str) -> dict[str, dict[str, str]]:
        if target != "churn":
            return {}
        vip = {"en": "Our best", "zh": "核心客户"}[language]
        words = {"en": ("Prime", "Ordinary", "At risk"), "zh": ("优质", "一般", "风险")}[language]
        grades = dict(zip(("prime", "ordinary", "at_risk"), words, strict=True))
        return {"tier": {"vip": vip, "key": "Key", "normal": "Normal", "at_risk": "At risk"}, "health_grade": grades}

    def may_see(self, viewer: Viewer, customer_id: str) -> bool:
        owners = [
            self.facts(customer_id, target)["owner"] for target in self._rows if customer_id in self._rows[target]
        ]
        return any(viewer.sees_owner(owner) for owner in owners)

    def search(self, viewer: Viewer, text: str, limit: int = 50) -> tuple[list[dict[str, Any]], int]:
        found = {}
        for target, table in self._portfolios.items():
            for row in table.select(["customer_id", "name", "owner", "region", "state", "probability"]).to_pylist():
                is_match = text.lower() in f"{row['customer_id']} {row['name']}".lower()
                if is_match and viewer.sees_owner(row["owner"]):
                    found[row["customer_id"]] = {**row, "contact": None, "scores": {target: row.pop("probability")}}
        ranked = sorted(found.values(), key=lambda match: match["customer_id"].lower() != text.lower())
        return ranked[:limit], len(ranked)

    def hidden_from(self, viewer: Viewer) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def next_steps(self, customer_ids: Sequence[str], target: str, language: str) -> list[dict[str, Any] | None]:
        answers = self.answers(customer_ids, target, language=language)
        found = [actions_of(answer["reasons"], "") if "reasons" in answer else [] for answer in answers]
        return [actions[0] if actions else None for actions in found]

    def run_table(self, target: str, name: str) -> pa.Table | None:
        table = self._portfolios[target]
        if name == "past":
            columns = {"customer_id": table["customer_id"], "probability": table["probability_30d"]}
            return pa.table(
                {**columns, "as_of": ["2026-10-01"] * table.num_rows, "health_score": table["health_score"]}
            )
        if name == "view_kpis":
            ones = [1.0] * table.num_rows
            spend = {"spend_12m": [90.0] * table.num_rows, "spend_before": [100.0] * table.num_rows, "orders_12m": ones}
            nps = dict.fromkeys(("promoters", "nps_answers", "csat_answers"), ones)
            zero = [0.0] * table.num_rows
            return pa.table({"customer_id": table["customer_id"], **spend, **nps, "detractors": zero, "csat_sum": ones})
        return None

    def archived_days(self, target: str) -> list[str]:  # noqa: ARG002
        return ["2026-10-01", AS_OF.isoformat()]

    def population_on_day(self, target: str, day: str) -> tuple[str, pa.Table]:
        table = self._portfolios[target]
        then = table["probability" if day == AS_OF.isoformat() else "probability_30d"]
        more = {"value_at_risk": pc.multiply(table["value"], then), "health_score": table["health_score"]}
        grades = {"health_grade": table["health_grade"]}
        return "7", pa.table({"customer_id": table["customer_id"], "probability": then, **more, **grades})

    def _deals(self, viewer: Viewer, *_: object, **__: object) -> dict[str, Any]:
        names = ["customer_id", "name", "owner"]
        leads = self._portfolios["conversion"]
        rows = self._portfolios["churn"].slice(0, 6).select(names).to_pylist()
        rows += leads.filter(pc.equal(leads["lead_grade"], "A")).select(names).to_pylist()
        same = {"amount": 90_000.0, "score": 61.0, "days_in_stage": 40, "next_step": "Meet finance."}
        deals = [
            {
                **row,
                **same,
                "opportunity_id": f"O-{n}",
                "stage": ("qualify", "propose")[n % 2],
                "blockers": ["60 days"] * (n % 6),
            }
            for n, row in enumerate(rows)
            if viewer.sees_owner(row["owner"])
        ]
        return {"deals": deals, "count": len(deals), "amount": 90_000.0 * len(deals), "card": {}, "as_of": "2026-11-01"}

    def _analysis(
        self,
        viewer: Viewer,  # noqa: ARG002
        name: str,
        *,
        limit: int = 1_000,
        language: str = "en",
    ) -> dict[str, Any]:
        head = about(name, language) | {"as_of": "2026-11-01"}
        return head | {"rows": EXAMPLE["analyses"][name][:limit], "facts": {}}

    def held_out(self) -> frozenset[str]:
        return frozenset()

    def effect(self) -> dict[str, Any]:
        return dict(EXAMPLE["effect"])

    def alerts(self, limit: int) -> list[dict[str, Any]]:  # noqa: ARG002
        return [example_alert(self.alert_marks.latest().get("a1"))]

    def _shown(self, customer_id: str, target: str) -> dict[str, Any]:
        fact = self.facts(customer_id, target)
        return {"version": "7", "probability": fact["probability"], "money": fact["savable"], "owner": fact["owner"]}


_TOTALS = (("total_value", "value"), ("total_at_risk", "value_at_risk"))
