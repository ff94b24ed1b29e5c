"""Facts of customers by plain pandas, from the raw tables and from what a reason's words say; not by our engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
_KEYS = {"ordered_at", "occurred_at", "opened_at", "answered_at", "issued_at", "started_at", "created_at"}


class RawTables:
    """A company's tables, each row with ``age``: whole days before the cutoff; rows and facts of later are gone."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], cutoff: pd.Timestamp) -> None:
        self._tables, self.cutoff = tables, cutoff
        self.ids = sorted({name for table in tables.values() for name in table.get("customer_id", [])})

    def __getattr__(self, name: str) -> pd.DataFrame:
        rows = self._tables.get(name, pd.DataFrame(columns=["customer_id", "recorded_at"])).copy()
        time = next((each for each in rows.columns if each in _KEYS), "recorded_at")
        for each in {time, "recorded_at"} & set(rows.columns):
            rows = rows[rows[each].isna() | (rows[each] < self.cutoff)]
        for each in ("closed_at", "responded_at", "resolved_at", "paid_at", "renewed_at"):
            if each in rows:
                rows[each] = rows[each].where(rows[each] < self.cutoff)
        return self.dated(rows, time)

    def dated(self, rows: pd.DataFrame, time: str) -> pd.DataFrame:
        """Return the rows at a time of theirs, oldest first."""
        rows = rows[rows[time].notna()].sort_values(time, kind="stable")
        return rows.assign(age=self.age(rows[time]), at=rows[time])

    def age(self, times: pd.Series) -> pd.Series:
        """Return whole days before the cutoff: 0 in the last 24 hours, its begin included."""
        return np.ceil((self.cutoff - times) / DAY).astype(int) - 1

    @cached_property
    def known_customers(self) -> pd.DataFrame:
        """Return the customers by the time of their registration."""
        return self.customers

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """Return one row an order and time, with its positive lines."""
        sold = self.orders[self.orders.amount > 0]
        keys = ["customer_id", "order_id", "at", "age"]
        parts = {"amount": ("amount", "sum"), "lines": ("amount", "size"), "quantity": ("quantity", "sum")}
        return sold.assign(quantity=sold.get("quantity", 0)).groupby(keys, as_index=False).agg(**parts)

    @cached_property
    def returned(self) -> pd.DataFrame:
        """Return the lines that came back, with positive amounts."""
        lines = self.orders[self.orders.amount < 0]
        return lines.assign(amount=-lines.amount)

    @cached_property
    def talks(self) -> pd.DataFrame:
        """Return interactions with known people, with their role, from when both are known."""
        people = self.contacts[["customer_id", "contact_id", "role", "at"]]
        rows = self.interactions.merge(people, on=["customer_id", "contact_id"], suffixes=("", "_known"))
        return rows.assign(age=self.age(rows[["at", "at_known"]].max(axis=1)))

    @cached_property
    def payments(self) -> pd.DataFrame:
        """Return the paid invoices at their payment, with the days that they were late."""
        rows = self.dated(self.invoices[self.invoices.amount > 0].drop(columns=["at", "age"]), "paid_at")
        return rows.assign(late=((self.age(rows.due_at) - rows.age).clip(lower=0)))

    @cached_property
    def marks(self) -> pd.DataFrame:
        """Return satisfaction marks, from surveys and from solved tickets."""
        answers = self.surveys[self.surveys.kind == "csat"].assign(mark=lambda rows: rows.score)
        solved = self.dated(self.tickets.drop(columns=["at", "age"]), "resolved_at")
        rows = pd.concat([answers, solved.assign(mark=solved.satisfaction)])
        return rows[rows.mark.notna()]

    @property
    def complaints(self) -> pd.DataFrame:
        """Return the complaints."""
        return self.tickets[self.tickets.kind == "complaint"]

    @property
    def deciding(self) -> pd.DataFrame:
        """Return the interactions with a decision maker."""
        return self.talks[self.talks.role == "decision_maker"]


def within(rows: pd.DataFrame, days: int, skip: int = 0) -> pd.DataFrame:
    """Return the rows of the last ``days`` days, without the newest ``skip``."""
    return rows[(rows.age < days) & (rows.age >= skip)]


def _by(rows: pd.DataFrame) -> Any:
    return rows.groupby("customer_id")


def _count(rows: pd.DataFrame) -> pd.Series:
    return _by(rows).size()


def _gaps(rows: pd.DataFrame) -> pd.DataFrame:
    days = rows[["customer_id", "age"]].drop_duplicates().sort_values("age", ascending=False)
    return days.assign(gap=-_by(days).age.diff())


def _mean_gap(rows: pd.DataFrame) -> pd.Series:
    return _by(_gaps(rows)).gap.mean()


def _per_day(rows: pd.DataFrame, days: int, against: int) -> pd.Series:
    recent, before = _count(within(rows, days)), _count(within(rows, days + against, days))
    return recent.reindex(before.index, fill_value=0) / days / (before / against)


def _part(some: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    whole = _count(rows)
    return _count(some).reindex(whole.index, fill_value=0) / whole


def _spend_ratio(raw: RawTables, days: int, until: int, skip: int) -> pd.Series:
    before = _by(within(raw.purchases, until, skip)).amount.sum()
    return _by(within(raw.purchases, days)).amount.sum().reindex(before.index, fill_value=0) / before


def _slope(quarters: list[pd.Series]) -> pd.Series:
    table = pd.concat(quarters, axis=1).fillna(0)
    return table.apply(lambda row: float(np.polyfit(range(4), row.to_numpy(), 1)[0]), axis=1)


def _quarters(raw: RawTables, of: Callable[[pd.DataFrame], pd.Series]) -> list[pd.Series]:
    return [of(within(raw.purchases, days, days - 90)) for days in (360, 270, 180, 90)]


def _net(raw: RawTables, days: int) -> pd.Series:
    spent, returned = (
        _by(within(rows, days)).amount.sum().reindex(raw.ids, fill_value=0) for rows in (raw.purchases, raw.returned)
    )
    return (spent - returned).clip(lower=0)


def _open_count(raw: RawTables, least: int = 0) -> pd.Series:
    rows = raw.tickets
    return _count(rows[rows.resolved_at.isna() & (rows.age >= least)])


def _active(raw: RawTables, days: int) -> pd.Series:
    return _by(within(raw.interactions, days)).contact_id.nunique()


def _lost_contacts(raw: RawTables) -> pd.Series:
    year, half = _active(raw, 365), _active(raw, 180)
    return year - half.reindex(year.index, fill_value=0)


def _newest(rows: pd.DataFrame, column: str) -> pd.Series:
    return _by(rows[rows[column].notna()].sort_values(["at", column]))[column].last()


def _mean_less_usual(rows: pd.DataFrame, column: str, days: int) -> pd.Series:
    return _by(within(rows, days))[column].mean() - _by(rows)[column].mean()


def _days_to_end(raw: RawTables) -> pd.Series:
    ends = _by(raw.contracts).ends_at.max().dropna()
    return np.floor((ends - raw.cutoff) / DAY)


def _in_force(raw: RawTables) -> pd.Series:
    return _count(raw.contracts[raw.contracts.ends_at >= raw.cutoff])


def _renewed_share(raw: RawTables) -> pd.Series:
    ended = raw.contracts[raw.contracts.ends_at < raw.cutoff]
    return _part(ended[raw.age(ended.ends_at) <= ended.renewed_at.map(lambda at: _age_or_never(raw, at))], ended)


def _age_or_never(raw: RawTables, at: Any) -> float:
    return -1.0 if pd.isna(at) else float(raw.age(pd.Series([at])).iloc[0])


def _no_own_claims(raw: RawTables) -> pd.DataFrame:
    return raw.risk_events[raw.risk_events.role.fillna("") != "plaintiff"]


FACTS: Mapping[str, Callable[[RawTables], pd.Series]] = {
    "days_since_last_order": lambda raw: _by(raw.purchases).age.min(),
    "days_since_last_return": lambda raw: _by(raw.returned).age.min(),
    "days_since_new_product": lambda raw: _by(_by(raw.orders[raw.orders.amount > 0].drop_duplicates(
        ["customer_id", "product"])).tail(10**9)).age.min(),
    "first_order_days_ago": lambda raw: _by(raw.purchases).age.max(),
    "order_life_days": lambda raw: _by(raw.purchases).age.max() - _by(raw.purchases).age.min(),
    "order_gap_mean": lambda raw: _mean_gap(raw.purchases),
    "order_gap_last": lambda raw: _by(_gaps(raw.purchases)).gap.apply(lambda gaps: gaps.iloc[-1]),
    "order_gap_max": lambda raw: _by(_gaps(raw.purchases)).gap.max(),
    "orders_count_ever": lambda raw: _count(raw.purchases),
    "order_days_count_ever": lambda raw: _by(raw.purchases).age.nunique(),
    "order_days_count_365d": lambda raw: _by(within(raw.purchases, 365)).age.nunique(),
    "order_lines_count_365d": lambda raw: _by(within(raw.purchases, 365)).lines.sum(),
    "spend_sum_ever": lambda raw: _by(raw.purchases).amount.sum(),
    "quantity_sum_365d": lambda raw: _by(within(raw.purchases, 365)).quantity.sum(),
    "order_value_mean_ever": lambda raw: _by(raw.purchases).amount.mean(),
    "order_value_mean_365d": lambda raw: _by(within(raw.purchases, 365)).amount.mean(),
    "order_value_max_365d": lambda raw: _by(within(raw.purchases, 365)).amount.max(),
    "order_value_90d_to_usual": lambda raw: _by(within(raw.purchases, 90)).amount.mean()
        / _by(raw.purchases).amount.mean(),
    "lines_per_order_365d": lambda raw: _by(within(raw.purchases, 365)).lines.mean(),
    "returned_share_365d": lambda raw: _by(within(raw.returned, 365)).amount.sum().reindex(raw.ids, fill_value=0)
        / _by(within(raw.purchases, 365)).amount.sum(),
    "order_value_max_share_365d": lambda raw: _by(within(raw.purchases, 365)).amount.max()
        / _by(within(raw.purchases, 365)).amount.sum(),
    "spend_net_sum_365d": lambda raw: _net(raw, 365),
    "spend_net_sum_ever": lambda raw: _net(raw, 10**6),
    "order_value_net_mean_365d": lambda raw: _net(raw, 365) / _count(within(raw.purchases, 365)),
    "order_gap_sd": lambda raw: _by(_gaps(raw.purchases)).gap.std(ddof=0),
    "order_regularity": lambda raw: _by(_gaps(raw.purchases)).gap.std(ddof=0) / _mean_gap(raw.purchases),
    "order_gap_last_to_usual": lambda raw: FACTS["order_gap_last"](raw) / _mean_gap(raw.purchases),
    "order_gap_180d_to_usual": lambda raw: _by(within(_gaps(raw.purchases), 180)).gap.mean() / _mean_gap(raw.purchases),
    "overdue_ratio": lambda raw: _by(raw.purchases).age.min() / _mean_gap(raw.purchases),
    "overdue_to_longest": lambda raw: _by(raw.purchases).age.min() / _by(_gaps(raw.purchases)).gap.max().clip(lower=1),
    "orders_last_share_of_life": lambda raw: FACTS["order_life_days"](raw)
        / FACTS["first_order_days_ago"](raw).clip(lower=1),
    "orders_per_month_life": lambda raw: _count(raw.purchases) * 365.25 / 12
        / FACTS["first_order_days_ago"](raw).clip(lower=30),
    "orders_per_quarter_365d": lambda raw: _count(within(raw.purchases, 365)).reindex(raw.ids, fill_value=0) * 91.25
        / FACTS["first_order_days_ago"](raw).clip(lower=91.25, upper=365),
    "orders_season_ahead_count": lambda raw: _count(within(raw.purchases, 365, 275)),
    "spend_slope_share_360d": lambda raw: _slope(_quarters(raw, lambda rows: _by(rows).amount.sum())) * 4
        / _by(within(raw.purchases, 360)).amount.sum(),
    "products_count_ever": lambda raw: _by(raw.orders[raw.orders.amount > 0])["product"].nunique(),
    "orders_slope_360d": lambda raw: _slope(_quarters(raw, _count)),
    "orders_ratio_90d_to_previous": lambda raw: _per_day(raw.purchases, 90, 90),
    "spend_ratio_90d_to_previous": lambda raw: _spend_ratio(raw, 90, 180, 90),
    "spend_ratio_180d_to_previous": lambda raw: _spend_ratio(raw, 180, 360, 180),
    "spend_ratio_90d_to_last_year": lambda raw: _spend_ratio(raw, 90, 455, 365),
    "spend_share_90d_of_365d": lambda raw: _spend_ratio(raw, 90, 365, 0),
    "customer_age_days": lambda raw: raw.known_customers.set_index("customer_id").age,
    "created_to_first_order_days": lambda raw: raw.known_customers.set_index("customer_id").age
        - _by(raw.purchases).age.max(),
    "days_since_last_interaction": lambda raw: _by(raw.interactions).age.min(),
    "days_since_last_inbound": lambda raw: _by(raw.interactions[raw.interactions.direction == "inbound"]).age.min(),
    "days_since_last_meeting": lambda raw: _by(
        raw.interactions[raw.interactions.channel.isin(["meeting", "visit"])]).age.min(),
    "interaction_gap_mean": lambda raw: _mean_gap(raw.interactions),
    "interactions_ratio_90d_to_year": lambda raw: _per_day(raw.interactions, 90, 365),
    "interactions_ratio_90d_to_previous": lambda raw: _per_day(raw.interactions, 90, 90),
    "inbound_ratio_90d_to_year": lambda raw: _per_day(
        raw.interactions[raw.interactions.direction == "inbound"], 90, 365),
    "response_hours_mean_180d": lambda raw: _by(within(raw.interactions, 180)).response_hours.mean(),
    "response_hours_mean_ever": lambda raw: _by(raw.interactions).response_hours.mean(),
    "sentiment_mean_180d": lambda raw: _by(within(raw.interactions, 180)).sentiment.mean(),
    "sentiment_latest": lambda raw: _newest(raw.interactions, "sentiment"),
    "sentiment_change_90d": lambda raw: _mean_less_usual(raw.interactions, "sentiment", 90),
    "negative_count_90d": lambda raw: _count(within(raw.interactions[raw.interactions.sentiment < 0], 90)),
    "decision_maker_days_ago": lambda raw: _by(raw.deciding).age.min(),
    "decision_maker_count_180d": lambda raw: _count(within(raw.deciding, 180)),
    "decision_maker_count_180d_to_previous": lambda raw: _per_day(raw.deciding, 180, 180),
    "decision_maker_share_365d": lambda raw: _part(within(raw.deciding, 365), within(raw.talks, 365)),
    "contacts_lost_count_180d": _lost_contacts,
    "contacts_count_ever": lambda raw: _count(raw.contacts),
    "contacts_new_count_180d": lambda raw: _count(within(raw.contacts, 180)),
    "tickets_open": _open_count,
    "tickets_overdue": lambda raw: _open_count(raw, 7),
    "complaint_share_365d": lambda raw: _part(within(raw.complaints, 365), within(raw.tickets, 365)),
    "complaints_per_contact_365d": lambda raw: _count(within(raw.complaints, 365)).reindex(
        raw.ids, fill_value=0) / _count(within(raw.interactions, 365)).reindex(
        raw.ids, fill_value=0).clip(lower=1),
    "days_since_last_complaint": lambda raw: _by(raw.complaints).age.min(),
    "days_since_last_ticket": lambda raw: _by(raw.tickets).age.min(),
    "first_response_hours_mean_180d": lambda raw: _hours(raw, "responded_at"),
    "resolution_hours_mean_180d": lambda raw: _hours(raw, "resolved_at"),
    "satisfaction_mean_365d": lambda raw: _by(within(raw.marks, 365)).mark.mean(),
    "satisfaction_change": lambda raw: _mean_less_usual(raw.marks, "mark", 180),
    "days_since_last_survey": lambda raw: _by(raw.surveys).age.min(),
    "nps_promoter_count_365d": lambda raw: _count(
        within(raw.surveys[(raw.surveys.kind == "nps") & (raw.surveys.score >= 9)], 365)),
    "days_since_last_payment": lambda raw: _by(raw.payments).age.min(),
    "days_late_mean_90d": lambda raw: _by(within(raw.payments, 90)).late.mean(),
    "days_late_mean_365d": lambda raw: _by(within(raw.payments, 365)).late.mean(),
    "days_late_max_365d": lambda raw: _by(within(raw.payments, 365)).late.max(),
    "days_late_change": lambda raw: _mean_less_usual(raw.payments, "late", 180),
    "billed_sum_365d": lambda raw: _by(within(raw.invoices[raw.invoices.amount > 0], 365)).amount.sum(),
    "credit_used_share": lambda raw: _newest(_credit(raw), "share"),
    "credit_used_share_change_180d": lambda raw: _newest(_credit(raw), "share")
        - _by(within(_credit(raw), 180)).share.mean(),
    "days_since_last_risk": lambda raw: _by(raw.risk_events).age.min(),
    "risk_amount_sum_365d": lambda raw: _by(within(_no_own_claims(raw), 365)).amount.sum(),
    "risk_defendant_count_365d": lambda raw: _count(
        within(raw.risk_events[raw.risk_events.role == "defendant"], 365)),
    "contract_days_to_end": _days_to_end,
    "contracts_in_force": _in_force,
    "contracts_renewed_share": _renewed_share,
    "contract_value_sum": lambda raw: _by(within(raw.contracts, 730)).amount.sum(),
    "days_since_last_renewal": lambda raw: _by(
        raw.dated(raw.contracts.drop(columns=["at", "age"]), "renewed_at")).age.min(),
    "opportunity_amount_latest_mean": lambda raw: _by(within(raw.opportunities, 365)).amount.mean(),
    "days_since_last_opportunity": lambda raw: _by(raw.opportunities).age.min(),
    "days_since_last_loss": lambda raw: _by(raw.dated(
        raw.opportunities[raw.opportunities.won == False].drop(columns=["at", "age"]), "closed_at")).age.min(),  # noqa: E712
    "days_since_last_touch": lambda raw: _by(raw.touches).age.min(),
    "days_since_first_touch": lambda raw: _by(raw.touches).age.max(),
    "touches_count_ever": lambda raw: _count(raw.touches),
}  # fmt: skip
"""The fact of each feature, by customer; who has no row has none."""

_PATTERNS: Mapping[str, Callable[[RawTables, re.Match[str]], pd.Series]] = {
    r"orders_count_(\d+)d": lambda raw, name: _count(within(raw.purchases, int(name[1]))),
    r"orders_returned_count_(\d+)d": lambda raw, name: _count(within(raw.returned, int(name[1]))),
    r"spend_sum_(\d+)d": lambda raw, name: _by(within(raw.purchases, int(name[1]))).amount.sum(),
    r"interactions_count_(\d+)d": lambda raw, name: _count(within(raw.interactions, int(name[1]))),
    r"inbound_count_(\d+)d": lambda raw, name: _count(
        within(raw.interactions[raw.interactions.direction == "inbound"], int(name[1]))),
    r"meetings_count_(\d+)d": lambda raw, name: _count(
        within(raw.interactions[raw.interactions.channel.isin(["meeting", "visit"])], int(name[1]))),
    r"contacts_active_count_(\d+)d": lambda raw, name: _active(raw, int(name[1])),
    r"tickets_count_(\d+)d": lambda raw, name: _count(within(raw.tickets, int(name[1]))),
    r"complaints_count_(\d+)d": lambda raw, name: _count(within(raw.complaints, int(name[1]))),
    r"opportunities_count_(\d+)d": lambda raw, name: _count(within(raw.opportunities, int(name[1]))),
    r"touches_count_(\d+)d": lambda raw, name: _count(within(raw.touches, int(name[1]))),
    r"touches_([a-z]+)_count_(\d+)d": lambda raw, name: _count(
        within(raw.touches[raw.touches.action == name[1]], int(name[2]))),
    r"touches_([a-z]+)_days_ago": lambda raw, name: _by(raw.touches[raw.touches.action == name[1]]).age.min(),
    r"risk_(\w+)_count_365d": lambda raw, name: _count(
        within(raw.risk_events[raw.risk_events.category == name[1]], 365)),
}  # fmt: skip


def plain_fact(name: str, raw: RawTables) -> pd.Series | None:
    """Return a feature's fact of every customer, counts and sums 0 where there is no row; None for other features."""
    found = FACTS[name](raw) if name in FACTS else None
    for pattern, measure in _PATTERNS.items():
        if found is None and (match := re.fullmatch(pattern, name)):
            found = measure(raw, match)
    if found is None:
        return None
    counts = re.search(r"_count_|_sum_|_sum$|_open$|_overdue$|_in_force$|orders_slope|_per_contact_|_ahead_count", name)
    is_count = counts and not name.endswith("_to_previous")
    found = found.reindex(raw.ids)
    return found.fillna(0.0) if is_count else found.astype(float)


def _hours(raw: RawTables, fact: str) -> pd.Series:
    rows = raw.dated(raw.tickets.drop(columns=["at", "age"]), fact)
    rows = rows.assign(hours=((rows[fact] - rows.opened_at) / pd.Timedelta(hours=1)).clip(lower=0))
    return _by(within(rows, 180)).hours.mean()


def _credit(raw: RawTables) -> pd.DataFrame:
    rows = raw.credit[(raw.credit.credit_limit > 0) & raw.credit.credit_used.notna()]
    return rows.assign(share=rows.credit_used / rows.credit_limit)
