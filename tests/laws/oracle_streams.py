"""The event streams computed slowly in plain Python, one cutoff and customer at a time: the second part of the oracle.

Nothing here is shared with the engine but the contract.
"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

from oracle_rows import DAY, NO_END, Row, Rows, hours, second, tenthousandths

from rapport.history.content import KINDS, content_signals


class Past:
    """One customer's known rows, and the event streams at the cutoff."""

    def __init__(self, rows: Rows, cutoff: datetime) -> None:
        self.rows = rows
        self.cutoff = cutoff
        self.streams: Rows = {name.removeprefix("_stream_"): self._placed(getattr(self, name)())
                              for name in dir(self) if name.startswith("_stream_")}  # fmt: skip
        for days in (90, 180, 365):
            self.streams[f"contacts_{days}d"] = self._placed(self._distinct("interactions", "contact_id", days))
        for days in (30, 90):
            self.streams[f"usage_users_{days}d"] = self._placed(self._distinct("usage", "user_id", days))
        self.streams["usage_functions_90d"] = self._placed(self._distinct("usage", "feature", 90))

    def day(self, at: datetime) -> int:
        """Return the whole days from the cutoff to a time: -1 is the last 24 hours."""
        return (at - self.cutoff) // DAY

    def _placed(self, rows: Iterable[Row]) -> list[Row]:
        return [{**row, "day": self.day(row["at"])} for row in rows if row["at"] is not None]

    def _come(self, table: str, fact: str) -> list[Row]:
        """Return the rows whose later fact is known, at the fact's time."""
        found = [row for row in self.rows[table] if row[fact] is not None and row[fact] < self.cutoff]
        return [{**row, "at": max(row["at"], row[fact])} for row in found]

    def _waiting(self, table: str, fact: str) -> list[Row]:
        """Return the rows whose later fact is unknown: one open interval each."""
        return [{**row, "change": 1} for row in self.rows[table] if row[fact] is None]

    def _with_gaps(self, rows: list[Row]) -> list[Row]:
        """Add the whole days since the previous day with a row to each day's first row."""
        placed, last = [], None
        for row in sorted(rows, key=lambda row: row["at"]):
            day = self.day(row["at"])
            new = last is None or day > last
            placed.append({**row, "new_day": new, "gap": day - last if new and last is not None else None})
            last = day
        return placed

    def _firsts(self, rows: list[Row], column: str) -> list[Row]:
        values = {row[column] for row in rows if row[column] is not None}
        return [min((row for row in rows if row[column] == value), key=lambda row: row["at"]) for value in values]

    def _distinct(self, table: str, column: str, days: int) -> list[Row]:
        recent = [row for row in self.rows[table] if row["at"] >= self.cutoff - days * DAY]
        return [{**row, "change": 1} for row in self._firsts(recent, column)]

    def _stream_usage(self) -> list[Row]:
        return self._with_gaps(self.rows["usage"])

    def _sold(self) -> list[Row]:
        return [line for line in self.rows["orders"] if line["amount"] > 0]

    def _stream_orders(self) -> list[Row]:
        orders: dict[Any, Row] = {}
        for line in self._sold():
            key = (line["order_id"], line["at"].replace(microsecond=0), self.day(line["at"]))
            order = orders.setdefault(key, {"at": line["at"], "amount": 0, "lines": 0, "quantity": None})
            order["amount"] += line["amount"]
            order["lines"] += 1
            if line["quantity"] is not None:
                order["quantity"] = (order["quantity"] or 0) + line["quantity"]
        return self._with_gaps(list(orders.values()))

    def _stream_returns(self) -> list[Row]:
        return [{**line, "amount": -line["amount"]} for line in self.rows["orders"] if line["amount"] < 0]

    def _stream_products(self) -> list[Row]:
        return self._firsts(self._sold(), "product")

    def _stream_interactions(self) -> list[Row]:
        kinds = {
            "inbound": ("direction", {"inbound"}),
            "outbound": ("direction", {"outbound"}),
            "meeting": ("channel", {"meeting", "visit"}),
            "deep": ("channel", {"meeting", "visit", "call"}),
        }
        rows = [
            {
                **row,
                **{name: row[column] in words for name, (column, words) in kinds.items()},
                "response": row["response_hours"],
                "negative": row["sentiment"] is not None and row["sentiment"] < 0,
            }
            for row in self.rows["interactions"]
        ]
        return self._with_gaps(rows)

    def _stream_chain(self) -> list[Row]:
        people = {row["contact_id"]: row for row in self.rows["contacts"]}
        talks = [(row, people[row["contact_id"]]) for row in self.rows["interactions"] if row["contact_id"] in people]
        roles = {"decider": "decision_maker", "influencer": "influencer", "finance": "finance"}
        return [
            {
                "at": max(row["at"], who["at"] or row["at"]),
                **{name: who["role"] == role for name, role in roles.items()},
            }
            for row, who in talks
        ]

    def _stream_contacts(self) -> list[Row]:
        return [{**row, "decider": row["role"] == "decision_maker"} for row in self.rows["contacts"]]

    def _own_touches(self) -> list[Row]:
        ours = {"sent", "email_sent", "sms_sent", "mailing", "ad_shown"}
        return [row for row in self.rows["touches"] if row["action"] not in ours]

    def _stream_touches(self) -> list[Row]:
        return self._with_gaps(self._own_touches())

    def _stream_assets(self) -> list[Row]:
        return self._firsts(self._own_touches(), "asset")

    def _stream_actions(self) -> list[Row]:
        return self._firsts(self._own_touches(), "action")

    def _stream_campaigns(self) -> list[Row]:
        return self._firsts(self.rows["touches"], "campaign")

    def _stream_opportunities(self) -> list[Row]:
        return self.rows["opportunities"]

    def _stream_closings(self) -> list[Row]:
        return [
            {
                **row,
                "won_flag": row["won"] is True,
                "lost": row["won"] is False,
                "rival": row["competitor"] is not None,
                "age": max(self.day(row["closed_at"]) - self.day(row["opened_at"]), 0),
            }
            for row in self._come("opportunities", "closed_at")
        ]

    def _stream_open_opportunities(self) -> list[Row]:
        return self._waiting("opportunities", "closed_at")

    def _stream_open_pipeline(self) -> list[Row]:
        return [{**row, "change": row["amount"] or 0} for row in self._waiting("opportunities", "closed_at")]

    def _stream_tickets(self) -> list[Row]:
        return self._with_gaps([{**row, "complaint": row["kind"] == "complaint"} for row in self.rows["tickets"]])

    def _stream_responses(self) -> list[Row]:
        return [{**row, "hours": hours(row["opened_at"], row["responded_at"])}
                for row in self._come("tickets", "responded_at")]  # fmt: skip

    def _stream_resolutions(self) -> list[Row]:
        return [{**row, "hours": hours(row["opened_at"], row["resolved_at"])}
                for row in self._come("tickets", "resolved_at")]  # fmt: skip

    def _stream_open_tickets(self) -> list[Row]:
        return self._waiting("tickets", "resolved_at")

    def _stream_open_complaints(self) -> list[Row]:
        return [row for row in self._waiting("tickets", "resolved_at") if row["kind"] == "complaint"]

    def _stream_overdue_tickets(self) -> list[Row]:
        return [row for row in self._waiting("tickets", "resolved_at") if row["at"] < self.cutoff - 7 * DAY]

    def _stream_surveys(self) -> list[Row]:
        return [
            {
                **row,
                **{kind: row["score"] if row["kind"] == kind else None for kind in ("nps", "csat", "referral")},
                "promoter": row["kind"] == "nps" and row["score"] is not None and row["score"] >= 9,
                "detractor": row["kind"] == "nps" and row["score"] is not None and row["score"] <= 6,
            }
            for row in self.rows["surveys"]
        ]

    def _stream_satisfaction(self) -> list[Row]:
        asked = [{**row, "mark": row["score"]} for row in self.rows["surveys"] if row["kind"] == "csat"]
        solved = [{**row, "mark": row["satisfaction"]} for row in self._come("tickets", "resolved_at")]
        return [row for row in (*asked, *solved) if row["mark"] is not None]

    def _stream_invoices(self) -> list[Row]:
        return [row for row in self.rows["invoices"] if row["amount"] > 0]

    def _stream_payments(self) -> list[Row]:
        paid = [row for row in self._come("invoices", "paid_at") if row["amount"] > 0]
        late = [self.day(row["paid_at"]) - self.day(row["due_at"]) for row in paid]
        return [{**row, "late_days": max(days, 0), "late": days > 0} for row, days in zip(paid, late, strict=True)]

    def _stream_overdue(self) -> list[Row]:
        unpaid = [row for row in self._waiting("invoices", "paid_at") if row["amount"] > 0]
        return [{**row, "change": row["amount"], "each": 1} for row in unpaid if row["due_at"] < self.cutoff]

    def _stream_risks(self) -> list[Row]:
        categories = ("judicial", "operational", "financial", "industry", "public_opinion")
        return [
            {
                **row,
                **{name: row["category"] == name for name in categories},
                "defendant": row["role"] == "defendant",
                "amount": None if row["role"] == "plaintiff" else row["amount"],
            }
            for row in self.rows["risk_events"]
        ]

    def _stream_signals(self) -> list[Row]:
        received = [row for row in self.rows["interactions"] if row["direction"] != "outbound"]
        found = [{signal.kind for signal in content_signals(row["text"] or "")} for row in received]
        return [{**row, **{kind: kind in own for kind in KINDS}} for row, own in zip(received, found, strict=True)]

    def _stream_contracts(self) -> list[Row]:
        placed, before = [], None
        for row in sorted(self.rows["contracts"], key=lambda row: (second(row["at"]), row["contract_id"])):
            share = (
                float((row["amount"] - before) / before)
                if row["amount"] is not None and before and before > 0
                else None
            )
            share = None if share is None else tenthousandths(min(max(share, -100.0), 100.0))
            placed.append(
                {**row, "rise_share": share, "end_day": None if row["ends_at"] is None else self.day(row["ends_at"])}
            )
            before = row["amount"]
        return placed

    def _stream_renewals(self) -> list[Row]:
        return self._come("contracts", "renewed_at")

    def _stream_endings(self) -> list[Row]:
        return [
            {
                **row,
                "renewed": row["renewed_at"] is not None and self.day(row["renewed_at"]) <= self.day(row["ends_at"]),
            }
            for row in self._come("contracts", "ends_at")
        ]

    def _stream_contracts_in_force(self) -> list[Row]:
        ends = [(row, min(row["ends_at"], row["cancelled_at"] or NO_END)) for row in self.rows["contracts"]]
        return [{**row, "change": 1} for row, end in ends if end >= self.cutoff]

    def _stream_contract_value(self) -> list[Row]:
        running = [(row, self._paid_a_year(row)) for row in self._stream_contracts_in_force()]
        return [{**row, "each": 1, "change": paid} for row, paid in running if paid is not None]

    def _paid_a_year(self, row: Row) -> Fraction | None:
        amount, period = row["amount"], row["amount_period"] or "term"
        payments = {"year": 1, "half_year": 2, "quarter": 4, "month": 12, "week": 52}.get(period)
        if amount is None or amount < 0 or payments:
            return None if amount is None or amount < 0 else amount * payments
        days = self.day(row["ends_at"]) - self.day(row["at"])
        if period != "term" or row["ends_at"] == NO_END or days <= 0:
            return None
        # Within three and a half days of whole months, a term has these months.
        months = next((count for count in range(1, days // 30 + 2) if abs(days - count * 365 / 12) <= 3.5), None)
        return tenthousandths(float(amount * 10_000) / (months / 12 if months else days / 365) / 10_000)

    def _stream_credit(self) -> list[Row]:
        told = [row for row in self.rows["credit"] if (row["credit_limit"] or 0) > 0 and row["credit_used"] is not None]
        shares = [float(row["credit_used"] / row["credit_limit"]) for row in told]
        return [
            {**row, "used_share": tenthousandths(min(max(share, -100.0), 100.0))}
            for row, share in zip(told, shares, strict=True)
        ]

    def _stream_customers(self) -> list[Row]:
        return self.rows["customers"]
