"""Deals and analytics of the latest scoring run, as far as a viewer may see them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, cast

import pyarrow as pa

from rapport.languages import grammar
from rapport.localized import localize
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.analytics.deals import CARD_ROLES
from rapport.scoring.cards import Card, load_card
from rapport.serving.application.analysis_catalog import ANALYSES, BY_CUSTOMER, about
from rapport.serving.errors import RequestError, message
from rapport.serving.security.keys import Viewer
from rapport.serving.shapes.customer_parts import Deal, DealPart
from rapport.serving.shapes.insight_answers import Analysis, DealList
from rapport.serving.snapshots.live_model import LiveModel


class Insights:
    """Answers from the tables of the scoring run that lists the customers."""

    def __init__(self, model: Callable[[], LiveModel], playbook: Callable[[], Playbook]) -> None:
        self._model, self._playbook = model, playbook

    def deals(self, viewer: Viewer, only: Mapping[str, object], *, limit: int = 200, language: str = "en") -> DealList:
        """Return the open deals that the viewer may see, the largest first; ``only`` holds values to filter by."""
        model, playbook = self._model(), self._playbook()
        table = model.snapshot.run.cached_table(TABLE)
        people = _customers(model)
        rows = [
            deal | people.get(deal["customer_id"], {"name": None, "owner": None})
            for deal in ([] if table is None else table.to_pylist())
        ]
        rows = [row for row in rows if _sees(viewer, row["owner"]) and _matches(row, only)]
        rows.sort(key=lambda row: (-(row["amount"] or 0.0), row["opportunity_id"]))
        return {
            "as_of": model.snapshot.as_of.date().isoformat(),
            "deals": [describe_deal(row, playbook, language) for row in rows[:limit]],
            "count": len(rows),
            "amount": sum(row["amount"] or 0.0 for row in rows),
            "card": _facts(model.snapshot.run.cached_table("view_deal_rates")) if viewer.owners is None else {},
        }

    def names(self, language: str = "en") -> list[Analysis]:
        """Return the name, title and meaning of every analysis."""
        return [about(name, language) for name in ANALYSES]

    def analysis(
        self,
        viewer: Viewer,
        name: str,
        *,
        customer_id: str | None = None,
        limit: int = 1_000,
        language: str = "en",
    ) -> Analysis:
        """Return one analysis; rows of customers that the viewer may not see are counted, not shown."""
        if name not in ANALYSES:
            raise RequestError(404, message("unknown_analysis", known=", ".join(ANALYSES)), where="name")
        model = self._model()
        if viewer.owners is not None and name not in BY_CUSTOMER:
            raise RequestError(403, message("company_only"), where="name")
        table = model.snapshot.run.cached_table(f"view_{name}")
        rows = [] if table is None else table.to_pylist()
        if customer_id is not None:
            rows = [row for row in rows if row.get("customer_id") == customer_id]
        seen = self._seen(viewer, model, rows) if name in BY_CUSTOMER else rows
        return {
            **about(name, language),
            "as_of": model.snapshot.as_of.date().isoformat(),
            "rows": [_plain(row) for row in seen[:limit]],
            "facts": _facts(table) if viewer.owners is None else {},
            "hidden": len(rows) - len(seen),
        }

    def _seen(self, viewer: Viewer, model: LiveModel, rows: list[dict[str, Any]]) -> list[dict[str, object]]:
        """Return the rows whose customers, relatives included, the viewer may see."""
        if viewer.owners is None:
            return rows
        people = _customers(model)
        return [
            row
            for row in rows
            if all(
                _sees(viewer, people.get(row[name], {}).get("owner"))
                for name in ("customer_id", "relative_id")
                if name in row and row[name] is not None
            )
        ]


def _sees(viewer: Viewer, owner: str | None) -> bool:
    return viewer.owners is None or owner in viewer.owners


def _customers(model: LiveModel) -> dict[str, dict[str, Any]]:
    customers = model.snapshot.customers
    names = [name for name in ("customer_id", "name", "owner") if name in customers.column_names]
    rows = customers.select(names).to_pylist()
    return {row["customer_id"]: {"name": row.get("name"), "owner": row.get("owner")} for row in rows}


def _matches(row: Mapping[str, object], only: Mapping[str, object]) -> bool:
    return all(row.get(name) == value for name, value in only.items())


def _facts(table: pa.Table | None) -> dict[str, object]:
    stored = (table.schema.metadata or {}).get(b"facts") if table is not None else None
    found: dict[str, object] = json.loads(stored) if stored else {}
    return found


def _plain(row: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: value.isoformat()[:10] if isinstance(value, datetime | date) else value for name, value in row.items()
    }


TABLE = "deals"


def customer_deals(model: LiveModel, row: int, playbook: Playbook, language: str) -> list[Deal]:
    """Return the open deals of the customer in a row of the snapshot, the largest first."""
    rows = sorted(model.snapshot.run.customer_rows(TABLE, row), key=lambda deal: -(deal["amount"] or 0.0))
    return [describe_deal(deal, playbook, language) for deal in rows]


def describe_deal(deal: Mapping[str, Any], playbook: Playbook, language: str) -> Deal:
    """Return a deal as API JSON, with labels, steps and blockers in the language."""
    card = load_card("c139")
    labels = {indicator.name: localize(indicator.label, language) for indicator in card}
    tier = next((each for each in card.tiers if each.name == deal["tier"]), None)
    described = {
        "opened_at": deal["opened_at"].isoformat(),
        "tier_label": localize(tier.label, language) if tier else None,
        "strategy": playbook.strategy("c139", deal["tier"], language),
        "parts": _parts(card, deal, language),
        "missing": [
            {**check, "label": labels[check["check"]], "step": playbook.step("c139", check["check"], language)}
            for check in deal["missing"]
        ],
        "next_step": playbook.step("c139", deal["next_check"] or "close", language),
        "blockers": _blockers(deal, language),
    }
    return cast(Deal, dict(deal) | described)


def _parts(card: Card, deal: Mapping[str, Any], language: str) -> list[DealPart]:
    """Return the score of each dimension; runs of before have a nan where no check of a dimension has a weight."""
    labels = {dimension.name: localize(dimension.label, language) for dimension in card.dimensions}
    scored = ((part["name"], part["score"]) for part in deal["parts"])
    return [
        {"name": name, "score": None if math.isnan(score) else score, "label": labels[name]} for name, score in scored
    ]


def _blockers(deal: Mapping[str, Any], language: str) -> list[str]:
    """Return what holds a stalled deal: its time in stage, and people that a missing check needs and nobody met."""
    if not deal["stalled"]:
        return []
    usual = f"{deal['usual_days_in_stage']:.0f}"
    found = [localize(message("deal_stalled", days=deal["days_in_stage"], usual=usual), language)]
    missing = {CARD_ROLES.get(check["check"]) for check in deal["missing"]}
    for person in deal["never_met"]:
        # The chain counts whenever coverage itself is not confirmed.
        if person["role"] in missing or any(check["check"] == "coverage" for check in deal["missing"]):
            role = message(f"deal_role_{person['role']}")
            text = localize(message("deal_never_met", role=role, name=person["name"]), language)
            found.append(text[0].upper() + text[1:] + grammar(language).full_stop)
    return found
