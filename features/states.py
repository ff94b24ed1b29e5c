"""States of a customer (active, lapsed, new, closed, silent, excluded) and the measures that decide them."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.features.measures import Events, Measure

ACTIVE, LAPSED, NEW, CLOSED, SILENT = "active", "lapsed", "new", "closed", "silent"
EXCLUDED = "excluded"
"""The customer refused automated decisions: no model scores it."""

STATE_MEASURES: Mapping[str, Measure] = {
    "state_last_order": Events("orders").largest("day"),
    "state_created": Events("customers").largest("day"),
    "state_touched": Events("touches").largest("day"),
    "state_interacted": Events("interactions").largest("day"),
    "state_open": Events("open_opportunities").sum("change"),
    "state_closed": Events("closings").count(),
}
"""The measures that decide a customer's state."""
