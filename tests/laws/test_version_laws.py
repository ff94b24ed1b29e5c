"""The law of histories of change: what was kept on a past day is read again as it was, cell by cell."""

import random
from datetime import datetime, timedelta
from functools import cache

import pytest

from rapport.durations import parse_duration
from rapport.features.catalog.catalog import catalog
from rapport.features.catalog.vocabulary import Vocabulary
from rapport.features.feature_table.snapshot import snapshot
from rapport.features.feature_table.training_rows import training_rows
from rapport.history import Settings, history_of
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

START, DAYS = datetime(2024, 1, 1), 700
STAGES = ("qualify", "propose", "negotiate")
SETTINGS = Settings(fixed_attributes=("region", "parent_id"))
ACTIVE = parse_duration("12mo")
FEATURES = catalog(Vocabulary(attributes=("region", "parent_id")))


class Company:
    """A company whose CRM overwrites its records: the days are lived through one after the other."""

    def __init__(self, seed: int, *, with_former: bool) -> None:
        self.draw, self.with_former = random.Random(seed), with_former
        self.customers: dict[str, dict] = {}
        self.deals: dict[str, dict] = {}
        self.orders: list[dict] = []
        self.changes: list[dict] = []
        self.versions: dict[str, list[dict]] = {"customers": [], "opportunities": []}

    def live(self, day: int) -> None:
        for second in sorted(self.draw.sample(range(86_400), 2)):
            self.event(START + timedelta(days=day, seconds=second))

    def event(self, now: datetime) -> None:
        kind = self.draw.choice(["customer", "deal", "order", "order", "change", "change", "change", "close"])
        if kind == "customer" or not self.customers:
            key = f"c{len(self.customers)}"
            row = {"customer_id": key, "created_at": now, "region": "south", "owner": "ann", "parent_id": None}
            self.customers[key] = row
            self.began("customers", key, now, row, ("region", "owner", "parent_id"))
        elif kind == "deal":
            key, who = f"d{len(self.deals)}", self.draw.choice(list(self.customers))
            row = {"opportunity_id": key, "customer_id": who, "opened_at": now, "closed_at": None, "won": None}
            row |= {"amount": 100.0, "stage": "qualify", "competitor": None, "c139_budget": None}
            self.deals[key] = row
            self.began("opportunities", key, now, row, ("amount", "stage", "competitor", "c139_budget"))
        elif kind == "order":
            who = self.draw.choice(list(self.customers))
            self.orders.append({"customer_id": who, "order_id": f"o{now}", "ordered_at": now, "amount": 7.5})
        elif kind == "change":
            self.change(now)
        else:
            self.close(now)

    def written(self, table: str, row: dict, now: datetime) -> None:
        """Let a dbt snapshot see the row as it is from now on."""
        names = {"customers": "customer_id", "opportunities": "opportunity_id"}
        key = row[names[table]]
        last = next((each for each in reversed(self.versions[table]) if each[names[table]] == key), None)
        if last:
            last["dbt_valid_to"] = now
        self.versions[table].append(row | {"dbt_valid_from": now, "dbt_valid_to": None})

    def began(self, table: str, key: str, now: datetime, row: dict, names: tuple[str, ...]) -> None:
        self.written(table, row, now)
        if not self.with_former:
            for name in names:
                self.changes.append(change(table, key, now, name, row[name]))

    def change(self, now: datetime) -> None:
        draw = self.draw
        if draw.random() < 0.5 or not self.deals:
            key = draw.choice(list(self.customers))
            name, value = draw.choice(
                [
                    ("region", draw.choice(["north", "west"])),
                    ("owner", "bob"),
                    ("parent_id", draw.choice(list(self.customers))),
                ]
            )
            return self.put("customers", self.customers[key], key, name, value, now)
        open_deals = [key for key, row in self.deals.items() if row["closed_at"] is None]
        if not open_deals:
            return None
        key = draw.choice(open_deals)
        name, value = draw.choice(
            [("amount", draw.choice([250.5, 900.0, None])), ("stage", draw.choice(STAGES)), ("competitor", "rival"),
             ("c139_budget", draw.choice([True, False]))]
        )  # fmt: skip
        return self.put("opportunities", self.deals[key], key, name, value, now)

    def put(self, table: str, row: dict, key: str, name: str, value: object, now: datetime) -> None:
        if value != row[name]:
            found = change(table, key, now, name, value)
            self.changes.append(found | ({"former_value": text(row[name])} if self.with_former else {}))
            row[name] = value
            self.written(table, row, now)

    def close(self, now: datetime) -> None:
        deals = [row for row in self.deals.values() if row["closed_at"] is None]
        if deals:
            row = self.draw.choice(deals)
            row.update(closed_at=now, won=self.draw.random() < 0.5)
            self.written("opportunities", row, now)

    def tables(self, *, with_changes: bool) -> dict[str, list[dict]]:
        # A record that is kept as it stands was recorded when it was kept, so that its states count.
        found = {
            "customers": [dict(row) for row in self.customers.values()],
            "orders": [dict(row) for row in self.orders],
            "opportunities": [dict(row) for row in self.deals.values()],
        }
        if with_changes:
            return found | {"changes": list(self.changes)}
        for row in found["opportunities"]:
            row["recorded_at"] = row["opened_at"]
        return found


def text(value: object) -> str | None:
    return None if value is None else str(value)


def change(table: str, key: str, now: datetime, name: str, value: object) -> dict:
    return {"table": table, "record_id": key, "changed_at": now, "column": name, "value": text(value)}


@cache
def lived(form: str) -> tuple[dict, dict[datetime, dict]]:
    """Return the tables in the end, with the history of their changes, and those that were kept on 20 days."""
    company, kept = Company(5, with_former=form == "former values"), {}
    days = sorted(random.Random(1).sample(range(120, DAYS), 20))
    for day in range(DAYS + 1):
        if day in days:
            kept[START + timedelta(days=day)] = company.tables(with_changes=False)
        company.live(day)
    final = company.tables(with_changes=form != "versions")
    return (final | company.versions if form == "versions" else final), kept


@cache
def kept_cells() -> dict[datetime, tuple]:
    """Return every cell of the tables and of the features that were kept on each day, whatever the form."""
    found = {}
    for as_of, tables in lived("versions")[1].items():
        with history_of(tables, SETTINGS) as then:
            found[as_of] = known(then, as_of), features_of(then, as_of)
    return found


def known(history, as_of):
    """Return every cell of customers and deals as of a moment, as the analyses read them."""
    return [
        query_as_of(history, f"SELECT * FROM {rows_known_at(table)} ORDER BY ALL", as_of).to_pylist()
        for table in ("customers", "opportunities")
    ]


# Features are read from the versions as the analyses are; of further forms every fourth day is enough.
@pytest.mark.parametrize(("form", "step"), [("former values", 1), ("first values", 4), ("versions", 4)])
def test_snapshots_kept_on_past_days_are_rebuilt_without_a_cell_that_differs(form, step):
    with history_of(lived(form)[0], SETTINGS) as history:
        for number, (as_of, (rows, features)) in enumerate(kept_cells().items()):
            assert known(history, as_of) == rows
            assert number % step or features_of(history, as_of) == features


def features_of(history, as_of):
    return snapshot(history, as_of, FEATURES, active=ACTIVE).sort_by("customer_id").to_pylist()


def test_training_rows_of_many_cutoffs_have_the_features_of_each_cutoff():
    final, kept = lived("former values")
    with history_of(final, SETTINGS) as history:
        for cutoffs in (list(kept)[:12:3], list(kept)[5:6]):
            horizon, known_by = parse_duration("3mo"), START + timedelta(days=DAYS)
            rows = training_rows(
                history, "churn", cutoffs, active=ACTIVE, horizon=horizon, known_by=known_by, features=FEATURES
            )
            alone = {as_of: {row["customer_id"]: row for row in features_of(history, as_of)} for as_of in cutoffs}
            names = [feature.name for feature in FEATURES.features]
            assert rows.num_rows
            for row in rows.to_pylist():
                expected = alone[row["cutoff"]][row["customer_id"]]
                assert [row[name] for name in names] == [expected[name] for name in names]


def test_a_row_recorded_after_a_single_cutoff_is_not_in_its_training_rows():
    orders = [
        {"customer_id": "a", "order_id": day, "ordered_at": day, "amount": 5.0, "recorded_at": recorded}
        for day, recorded in (("2025-01-01", "2025-01-01"), ("2025-02-01", "2025-05-01"), ("2025-06-01", "2025-06-01"))
    ]
    with history_of({"orders": orders}) as history:
        rows = training_rows(
            history, "churn", [datetime(2025, 3, 1)], active=ACTIVE, horizon=parse_duration("3mo"),
            known_by=datetime(2025, 12, 1), features=FEATURES,
        )  # fmt: skip
    assert rows["orders_count_365d"].to_pylist() == [1.0]
