"""The events that a customer's page lists are made from its contract rows, as known at the cutoff."""

from datetime import datetime

from rapport.serving.snapshots.timeline import timeline

AS_OF = datetime(2026, 6, 1)
LATER, EARLIER = datetime(2026, 7, 1), datetime(2026, 5, 1)


def test_each_table_has_its_words():
    rows = {
        "orders": [
            {"ordered_at": datetime(2026, 1, 9), "order_id": "O1", "amount": 20.0, "quantity": 3.0},
            {"ordered_at": datetime(2026, 1, 8), "order_id": "O2", "amount": -5.0, "product": "Pump"},
        ],
        "interactions": [
            {"occurred_at": datetime(2026, 1, 7), "channel": "call", "sentiment": -0.5, "text": "x" * 300}
        ],
        "touches": [{"occurred_at": datetime(2026, 1, 6), "action": "view", "channel": "web", "asset": "guide"}],
        "surveys": [{"answered_at": datetime(2026, 1, 5), "kind": "nps", "score": 6.0}],
        "risk_events": [
            {"occurred_at": datetime(2026, 1, 4, 2), "category": "judicial", "kind": "suit", "role": "defendant"},
            {"occurred_at": datetime(2026, 1, 4, 1), "category": "judicial", "kind": "suit", "role": "Plaintiff"},
            {"occurred_at": datetime(2026, 1, 4), "category": "operational"},
        ],
        "contracts": [{"started_at": datetime(2026, 1, 3), "contract_id": "K1", "ends_at": datetime(2027, 1, 3)}],
    }
    assert _shown(rows) == [
        ("order", "O1", 20.0, False, "× 3.0"),
        ("return", "Pump", -5.0, True, ""),
        ("call", "", None, True, "x" * 200),
        ("touch", "view", None, False, "web · guide"),
        ("survey", "nps", None, True, "6.0"),
        ("risk", "judicial · suit", None, True, "defendant"),
        ("risk", "judicial · suit", None, False, "Plaintiff"),
        ("risk", "operational", None, True, ""),
        ("contract", "K1", None, False, "ends 2027-01-03"),
    ]


def test_what_came_after_the_cutoff_is_not_told():
    opened = {"opened_at": datetime(2026, 4, 1), "issued_at": datetime(2026, 4, 1), "due_at": datetime(2026, 5, 2)}
    rows = {
        "opportunities": [
            opened | {"opportunity_id": "A", "closed_at": LATER, "won": False},
            opened | {"opportunity_id": "B", "closed_at": EARLIER, "won": False},
        ],
        "tickets": [opened | {"kind": "complaint", "resolved_at": AS_OF}],
        "invoices": [
            opened | {"invoice_id": "I1", "amount": 1.0, "paid_at": LATER},
            opened | {"invoice_id": "I2", "amount": 1.0, "paid_at": EARLIER},
        ],
    }
    assert _shown(rows) == [
        ("invoice", "I1", 1.0, True, "due 2026-05-02"),
        ("invoice", "I2", 1.0, False, "paid 2026-05-01"),
        ("opportunity", "A", None, False, "open"),
        ("opportunity", "B", None, True, "lost"),
        ("ticket", "complaint", None, True, "open"),
    ]


def test_rows_at_the_cutoff_recorded_later_or_older_than_18_months_are_left_out():
    def order(name, at, **more):
        return {"ordered_at": at, "order_id": name, "amount": 1.0, **more}

    rows = {
        "orders": [
            order("at the cutoff", AS_OF),
            order("recorded later", EARLIER, recorded_at=AS_OF),
            order("too old", datetime(2024, 11, 30)),
            order("oldest", datetime(2024, 12, 1)),
        ]
    }
    assert [event[1] for event in _shown(rows)] == ["oldest"]


def _shown(rows):
    named = {table: [{"customer_id": "C1", **row} for row in some] for table, some in rows.items()}
    return [
        (event["kind"], event["title"], event["amount"], event["bad"], event["detail"])
        for event in timeline(named, AS_OF)
    ]
