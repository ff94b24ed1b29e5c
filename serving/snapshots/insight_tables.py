"""The analyses that a scoring run writes, one table each, with the figures about it in the table's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.deal_outcomes import DealCard, deal_rates


def insight_tables(history: History, as_of: datetime, card: DealCard) -> dict[str, pa.Table]:
    """Return the tables behind ``/v1/analytics``; the catalog of analyses names each of them."""
    found = {"deal_rates": (deal_rates(history, as_of, card), card.facts())}
    return {f"view_{name}": _with_facts(table, facts) for name, (table, facts) in found.items()}


def _with_facts(table: pa.Table, facts: Mapping[str, Any]) -> pa.Table:
    return table.replace_schema_metadata({b"facts": json.dumps(facts, ensure_ascii=False).encode()})
