"""Every endpoint of the API, declared once: the middleware, the metrics and the OpenAPI document read this table."""

from __future__ import annotations

from rapport.serving.api import schemas
from rapport.serving.api.bulk_endpoint import BULK, JOBS
from rapport.serving.api.endpoint import Endpoint
from rapport.serving.api.insight_endpoints import INSIGHT_ENDPOINTS
from rapport.serving.api.task_endpoints import TASK_ENDPOINTS
from rapport.serving.shapes import answers, feed_answers

REASON = {
    "code": "RHY-01", "family": "rhythm", "text": "No order for 97 days; this customer usually orders every 41 days.",
    "evidence": 0.61, "points": 0.14, "facts": {"days_since_order": 97, "usual_gap_days": 41}, "peers": 45,
    "actionable": True, "advice": "Call this week and ask what is planned next.",
    "sign": "up", "unit": "days", "window": None, "contrary": False, "topic": "last_order",
    "families": ["rhythm", "recency"],
}  # fmt: skip
ANSWER = {
    "customer_id": "C-1042", "as_of": "2026-11-01", "target": "churn", "state": "active", "probability": 0.46,
    "percentile": 93, "interval": [0.39, 0.53],
    "certainty": "medium", "certainty_note": "This customer's own history tells only a part.",
    "model_probability": 0.51, "rule_probability": 0.38, "rule_score": 2.7,
    "tier": "at_risk", "value_at_risk": 182000.0, "base_rate": 0.21, "reasons": [REASON], "other_evidence": 0.03,
    "other_points": 0.11, "out_of_range": [],
    "model": {
        "name": "churn", "version": "7", "card": "relationship/3", "grade": "B", "basis": "committee", "basis_note": "",
    },
}  # fmt: skip


_HISTORY = {
    "customer": {"customer_id": "C-1042", "created_at": "2024-02-01"},
    "orders": [{"order_id": "O-1", "ordered_at": "2026-07-27T09:00:00", "amount": 1200.0}],
}

ENDPOINTS = (
    Endpoint(
        "/v1/score", "score", "Scores of known customers, from the latest snapshot",
        schemas.ScoreRequest, answers.ScoreAnswers,
        {"customer_ids": ["C-1042"], "target": "churn", "reasons": 5, "language": "en"}, {"answers": [ANSWER]},
    ),
    Endpoint(
        "/v1/score_history", "score", "Scores of customers whose history is in the body, by the same catalog",
        schemas.ScoreHistoryRequest, answers.ScoreAnswers,
        {"as_of": "2026-11-01", "target": "churn", "histories": [_HISTORY]}, {"answers": [ANSWER]},
    ),
    Endpoint(
        "/v1/what_if", "score", "The score if facts that the company can act on were different",
        schemas.WhatIfRequest, answers.WhatIfAnswer,
        {"customer_id": "C-1042", "target": "churn", "changes": {"tickets_open": 0}},
        {"before": ANSWER, "after": ANSWER, "changed": {"tickets_open": 0.0}},
    ),
    Endpoint(
        "/v1/change", "read", "Why a score moved between two days, in parts that add up",
        schemas.ChangeRequest, answers.ChangeAnswer,
        {"customer_id": "C-1042", "target": "churn", "from": "2026-10-01", "to": "2026-11-01"},
        {
            "customer_id": "C-1042", "target": "churn", "from": "2026-10-01", "to": "2026-11-01", "before": 0.31,
            "after": 0.46, "model_before": "7", "model_after": "7",
            "parts": [{"kind": "facts", "family": "rhythm", "text": "rhythm", "evidence": 0.64, "points": 0.15}],
        },
    ),
    Endpoint(
        "/v1/customer", "read", "Everything that is known about one customer",
        schemas.CustomerRequest, answers.CustomerCard,
        {"customer_id": "C-1042", "language": "en"},
        {
            "customer": {"customer_id": "C-1042"}, "as_of": "2026-11-01", "state": "active", "answers": [ANSWER],
            "scores": [], "change": None, "events": [], "chain": None, "tree": None, "rfm": None, "levers": [],
            "actions": [], "strategies": [], "figures": {}, "deals": [], "signals": [], "risks": [],
            "risk_sentence": None,
            "industry_place": None, "feedback": [],
            "contacted": {"at": "2026-10-20T09:00:00", "action": "call", "outcome": "reached"},
        },
    ),
    Endpoint(
        "/v1/customers", "read", "The scored customers, most value at risk first, a page at a time",
        schemas.CustomersRequest, answers.CustomersPage,
        {"target": "churn", "limit": 100},
        {"as_of": "2026-11-01", "customers": [], "next": None},
    ),
    Endpoint(
        "/v1/events", "events", "Store new, late or corrected rows of customers; answers hold them from now on",
        schemas.EventsRequest, feed_answers.EventsReceipt,
        {
            "events": [{
                "customer_id": "C-1042", "table": "orders", "event_id": "erp-88123",
                "row": {"order_id": "O-2", "ordered_at": "2026-11-02T09:00:00", "amount": 900.0},
            }],
        },
        {
            "accepted": 1, "repeated_events": 0, "received_at": "2026-11-02T09:00:01+00:00", "last": 1,
            "unused_tables": [],
        },
    ),
    Endpoint(
        "/v1/changes", "read", "Which scores, bands, grades, first reasons and alerts changed since a cursor",
        schemas.ChangesRequest, feed_answers.ChangesPage,
        {"since": 0, "target": "churn", "limit": 1000},
        {
            "changes": [{
                "seq": 1, "at": "2026-11-02T09:00:01+00:00", "target": "churn", "customer_id": "C-1042",
                "customer_seq": 4, "cause": "event", "kinds": ["score", "band"], "points": 0.21,
                "as_of": "2026-11-02T09:00:01", "state": {"probability": 0.67, "risk_band": "high"}, "alert": None,
            }],
            "next": 1, "more": False,
        },
    ),
    Endpoint(
        "/v1/effect", "admin", "What contact did: held-out customers beside the rest, with intervals",
        schemas.EffectRequest, feed_answers.EffectReport, {},
        {
            "seed": 1, "share": 0.1, "as_of": "2027-02-01T00:00:00", "drawn": 900, "matured": 700,
            "early_outcome": "90d", "bound": "…", "contacted_share": 0.8, "contaminated_share": 0.02, "primary": None,
            "cells": [], "spend_per_customer": {"contacted": 900.0, "held_out": 810.0}, "verdict": "not_proven",
            "summary": {"en": "Not proven yet.", "zh": "尚未证实。"}, "contact_effect": None,
        },
    ),
    Endpoint(
        "/v1/feedback", "feedback", "Store what a person found or did; training reports read it",
        schemas.FeedbackRequest, answers.FeedbackReceipt,
        {"customer_id": "C-1042", "target": "churn", "verdict": "done", "comment": "Called; will reorder in May."},
        {
            "id": 1, "at": "2026-11-02T09:00:00+00:00", "by": "crm", "customer_id": "C-1042", "target": "churn",
            "verdict": "done", "comment": "Called; will reorder in May.", "action": "", "until": None,
            "model_version": "7", "probability": 0.46,
        },
    ),
    *INSIGHT_ENDPOINTS, *TASK_ENDPOINTS, BULK,
)  # fmt: skip

__all__ = ["AGENTS", "BY_PATH", "ENDPOINTS", "PAGES", "Endpoint", "route_label"]

AGENTS = "/mcp"
BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS}
PAGES = ("/livez", "/readyz", "/metrics", "/openapi.json", "/schema.json")


def route_label(path: str) -> str:
    """Return the metrics label of a path: one of a fixed set for any path."""
    if path in BY_PATH or path in PAGES or path == AGENTS:
        return path
    if path.startswith(JOBS):
        return JOBS.rstrip("/")
    return "unknown" if path.startswith("/v1/") else "console"
