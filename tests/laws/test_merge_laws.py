"""The law of merges: at every cutoff customers are who they were then; no merge is known before its day."""

import random
from datetime import datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest
from csv_folder import write_csv

from rapport.durations import parse_duration
from rapport.errors import TableError
from rapport.features.catalog.catalog import catalog
from rapport.features.catalog.vocabulary import Vocabulary
from rapport.features.feature_table.snapshot import snapshot
from rapport.features.feature_table.training_rows import training_rows
from rapport.history import Settings, history_of, read_history
from rapport.history.mapping import propose_mapping
from rapport.history.mapping.settings_file import settings_of
from rapport.history.reading.sampling import restrict_history
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.suppression import SuppressionList

START, DAYS = datetime(2024, 1, 1), 500
ACTIVE, QUARTER = parse_duration("12mo"), parse_duration("3mo")
SETTINGS = Settings(fixed_attributes=("region", "parent_id"))
FEATURES = catalog(Vocabulary(attributes=("region", "parent_id")))
TABLES = ("orders", "interactions", "touches", "opportunities", "tickets", "invoices", "contracts", "usage")


def drawn_row(draw, table, who, now, number):
    """Draw a row of one table; rows of half of the tables say when they were recorded."""
    row = {"customer_id": who}
    later = now + timedelta(days=draw.randrange(40))
    match table:
        case "orders":
            row |= {"order_id": f"o{number}", "ordered_at": now, "amount": draw.choice([7.5, 20.0, -3.0])}
        case "interactions":
            row |= {"occurred_at": now, "channel": "visit", "recorded_at": now + timedelta(days=draw.randrange(9))}
        case "touches":
            row |= {"occurred_at": now, "action": "view", "campaign": draw.choice("xyz")}
        case "opportunities":
            row |= {"opportunity_id": f"d{number}", "opened_at": now, "stage": "propose", "amount": 9.0}
            row |= {"closed_at": later, "won": draw.random() < 0.5, "recorded_at": draw.choice([None, now])}
        case "tickets":
            row |= {"ticket_id": f"t{number}", "opened_at": now, "resolved_at": later, "kind": "complaint"}
        case "invoices":
            row |= {"invoice_id": f"i{number}", "issued_at": now, "due_at": later, "paid_at": later, "amount": 4.0}
        case "contracts":
            row |= {"contract_id": f"k{number}", "started_at": now, "ends_at": later, "amount": 5.0, "recorded_at": now}
        case _:
            row |= {"occurred_at": now, "feature": "login", "quantity": 2.0}
    return table, row


@cache
def lived():
    """Return customers, rows as they were written, and merges; some into customers that are merged before or after."""
    draw = random.Random(8)
    names = [f"c{number}" for number in range(24)]
    customers = [
        {"customer_id": name, "created_at": START, "region": draw.choice("ns"), "parent_id": draw.choice(names)}
        for name in names
    ]
    rows = []
    for number in range(1400):
        now = START + timedelta(days=draw.randrange(DAYS), seconds=draw.randrange(86_400))
        # An old id may stay in use after the merge, as in a ledger that nobody tells.
        rows.append(drawn_row(draw, draw.choice(TABLES), draw.choice(names), now, number))
    pairs = [("c1", "c0"), ("c3", "c2"), ("c2", "c0"), ("c5", "c4"), ("c4", "c6"), ("c7", "c6"), ("c9", "c8")]
    days = [200, 150, 320, 300, 250, 410, 499]
    merges = [
        {"customer_id": old, "merged_into": new, "merged_at": START + timedelta(days=day, hours=5)}
        for (old, new), day in zip(pairs, days, strict=True)
    ]
    return customers, rows, merges


def tables_of(as_of=None):
    """Return the tables with their merges; or as the CRM showed them at a moment, when it had moved the rows itself."""
    customers, rows, merges = lived()
    found = {"customers": customers, "merges": merges, **{name: [] for name in TABLES}}
    target = {each["customer_id"]: each["merged_into"] for each in merges if as_of and each["merged_at"] < as_of}

    def today(who):
        return today(target[who]) if who in target else who

    for name, row in rows:
        found[name].append(row | {"customer_id": today(row["customer_id"])})
    if as_of:
        found["customers"] = [row for row in customers if row["customer_id"] not in target]
        del found["merges"]
    return found


def cells(history, as_of):
    return snapshot(history, as_of, FEATURES, active=ACTIVE).sort_by("customer_id").to_pylist()


MOMENTS = [START + timedelta(days=day, hours=5) for day in (120, 200, 201, 260, 301, 330, 480)]


@pytest.mark.parametrize("as_of", MOMENTS, ids=str)
def test_every_cutoff_sees_the_customers_of_its_day(as_of):
    with history_of(tables_of(), SETTINGS) as history, history_of(tables_of(as_of), SETTINGS) as then:
        assert cells(history, as_of) == cells(then, as_of)
        for table in ("orders", "tickets", "opportunities"):
            sql = f"SELECT * FROM {rows_known_at(table)} ORDER BY ALL"
            assert query_as_of(history, sql, as_of).to_pylist() == query_as_of(then, sql, as_of).to_pylist()


def test_training_rows_of_many_cutoffs_have_the_features_of_each_cutoff():
    cutoffs, known_by = MOMENTS[:-1], START + timedelta(days=DAYS)
    with history_of(tables_of(), SETTINGS) as history:
        rows = training_rows(
            history, "churn", cutoffs, active=ACTIVE, horizon=QUARTER, known_by=known_by, features=FEATURES
        ).to_pylist()
        alone = {as_of: {row["customer_id"]: row for row in cells(history, as_of)} for as_of in cutoffs}
    names = [feature.name for feature in FEATURES.features]
    assert {"c1", "c3"} <= {row["customer_id"] for row in rows}
    for row in rows:
        expected = alone[row["cutoff"]][row["customer_id"]]
        assert [row[name] for name in names] == [expected[name] for name in names]


ORDERS = """customer_id,order_id,ordered_at,amount
old,1,2025-01-10,5
new,2,2024-12-01,5
new,3,2025-04-10,5
other,4,2025-01-10,5
"""
MERGES = "customer_id,merged_into,merged_at\nold,new,2025-03-01\n"


def test_a_merged_customer_stays_by_the_orders_of_the_other_and_is_gone_after(tmp_path):
    folder = write_csv(tmp_path, {"orders": ORDERS, "merges": MERGES})
    with read_history(folder) as history:
        assert history.connection.execute("SELECT DISTINCT customer_id FROM orders ORDER BY 1").fetchall() == [
            ("new",),
            ("other",),
        ]
        at = [datetime(2025, 2, 1), datetime(2025, 4, 1)]
        rows = training_rows(
            history, "churn", at, active=ACTIVE, horizon=QUARTER, known_by=datetime(2025, 12, 1), features=FEATURES
        ).to_pylist()
    found = {(row["customer_id"], row["cutoff"].month): (row["label"], row["orders_count_365d"]) for row in rows}
    assert found == {
        ("old", 2): (0, 1.0),
        ("new", 2): (0, 1.0),
        ("other", 2): (1, 1.0),
        ("new", 4): (0, 2.0),
        ("other", 4): (1, 1.0),
    }


def test_a_customer_that_is_merged_into_itself_is_refused(tmp_path):
    circle = MERGES + "new,old,2025-05-01\n"
    with pytest.raises(TableError, match="merges: new is merged into itself by way of old"):
        read_history(write_csv(tmp_path, {"orders": ORDERS, "merges": circle}))


def test_a_part_of_a_history_has_both_customers_of_a_merge():
    with history_of(tables_of(), SETTINGS) as history:
        whole = {row["customer_id"]: row for row in cells(history, MOMENTS[0])}
        with restrict_history(history, pa.array(["c1"])) as part:
            # c0, c2 and c3 are one company with c1 in the end; relatives are those of the whole.
            found = {row["customer_id"]: row for row in cells(part, MOMENTS[0])}
    assert {"c0", "c1", "c2", "c3"} <= found.keys()
    names = [feature.name for feature in FEATURES.features if not feature.relatives]
    assert all([row[name] for name in names] == [whole[key][name] for name in names] for key, row in found.items())


def test_salesforce_says_which_accounts_were_merged(tmp_path):
    accounts = (
        "id,master_record_id,number_of_employees,name,is_deleted,created_date,system_modstamp\n"
        "A,,5,Acme,false,2023-01-01,2024-05-05\nB,A,5,Acme Inc,true,2023-01-01,2024-03-01\n"
    )
    orders = "customer_id,order_id,ordered_at,amount\nB,1,2024-01-05,70\nA,2,2024-04-05,80\n"
    folder = write_csv(tmp_path, {"account": accounts, "orders": orders})
    proposal = propose_mapping(folder)
    assert proposal.preset == "salesforce"
    with read_history(folder, settings_of(proposal, {})) as history:
        found = [
            history.connection.execute(
                f"SELECT customer_id, count(*) FROM {rows_known_at('orders', as_of)} GROUP BY 1 ORDER BY 1"
            ).fetchall()
            for as_of in ("TIMESTAMP '2024-02-01'", "TIMESTAMP '2024-05-01'")
        ]
    assert found == [[("B", 1)], [("A", 2)]]


@pytest.mark.parametrize("forgotten", ["c9", "c8"])
def test_a_forgotten_id_takes_its_rows_along_before_and_after_its_merge(tmp_path, forgotten):
    history = history_of(tables_of())
    whole = {name: history.connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in TABLES}
    SuppressionList(tmp_path).add([forgotten])
    assert leave_out_suppressed(history, tmp_path) == 1
    _, rows, _ = lived()
    gone = {"c9": {"c9"}, "c8": {"c8", "c9"}}[forgotten]
    for name in TABLES:
        lost = sum(table == name and row["customer_id"] in gone for table, row in rows)
        kept = history.connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        assert (lost > 0, kept) == (True, whole[name] - lost)
