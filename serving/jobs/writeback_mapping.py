"""Mapping of scores to a CRM's fields: a file says which figure goes into which field, and how the CRM is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text

SHIPPED = ("salesforce", "hubspot", "fxiaoke")
PROTOCOLS = ("salesforce", "hubspot", "fxiaoke")
FIGURES = (
    "probability", "risk_band", "health_score", "health_grade", "tier", "list", "revenue_at_risk", "savable",
    "spend_if_retained", "first_reason_code", "first_reason_family", "next_action_code", "next_action_due",
    "lead_grade", "expected_value", "as_of",
)  # fmt: skip
"""What may be written: columns of the portfolio, and the cutoff."""


@dataclass(frozen=True)
class CrmMapping:
    """One CRM: protocol, object, the field that holds our customer id, our figures by field, batch and rate limits."""

    protocol: str
    object_name: str
    id_field: str
    fields: Mapping[str, str]
    batch_size: int
    requests_per_minute: int

    def record(self, row: Mapping[str, object]) -> dict[str, Any]:
        """Return the fields of one customer; probabilities as percentages, unknown figures as null."""
        return {name: _value(figure, row.get(figure)) for name, figure in self.fields.items()}


def read_mapping(name: str) -> CrmMapping:
    """Read a shipped mapping by name, or a company's own file."""
    if name in SHIPPED:
        text = resources.files("rapport.serving.jobs").joinpath("crm", f"{name}.yaml").read_text(encoding="utf-8")
    else:
        text = read_text(Path(name))
    node = ConfigNode(name, parse_yaml(text, name))
    node.keys(("protocol", "object", "id_field", "fields", "batch_size", "requests_per_minute"))
    return CrmMapping(
        protocol=node.at("protocol").one_of(PROTOCOLS),
        object_name=node.at("object").text(),
        id_field=node.at("id_field").text(),
        fields={str(field): figure.one_of(FIGURES) for field, figure in node.at("fields").items()},
        batch_size=node.at("batch_size").whole(1),
        requests_per_minute=node.at("requests_per_minute").whole(1),
    )


def _value(figure: str, value: Any) -> Any:
    return round(100 * value, 1) if figure == "probability" and value is not None else value
