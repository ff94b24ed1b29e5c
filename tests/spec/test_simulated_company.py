"""The simulated company: a valid history, and a ground truth that matches what happens in it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from rapport.errors import SettingsError, TableError
from rapport.history.contract import TABLES as CONTRACT_TABLES
from rapport.history.contract import columns_of
from rapport.history.simulate import evaluate_against_truth, read_truth, simulate
from rapport.history.simulate.truth_tables import churn_truth, conversion_truth
from rapport.history.simulate.world import draw_world


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "company"
    simulate(folder, customers=300, years=3, seed=11)
    return folder


@pytest.fixture(scope="module")
def truths():
    world = draw_world(customers=6000, years=4, seed=3)
    return {"churn": churn_truth(world), "conversion": conversion_truth(world)}


# The invented company has no product usage, histories of change, foreign money or consent.
ABSENT = {"usage", "changes", "interventions", "merges", "rates"}
ABSENT_COLUMNS = {"cancelled_at", "automated_decisions", "do_not_contact"}
TABLES = tuple(table for table in CONTRACT_TABLES if table.name not in ABSENT)


def digests(folder: Path) -> dict[str, int]:
    return {path.name: hash(path.read_bytes()) for path in sorted(folder.glob("*.parquet"))}


def test_every_table_has_the_contracts_columns_and_rows(company):
    tables = {table.name: pq.read_table(company / f"{table.name}.parquet") for table in TABLES}
    allowed = {table.name: {column.name for column in columns_of(table)} for table in TABLES}
    assert {name for name, table in tables.items() if not set(table.column_names) <= allowed[name]} == set()
    assert {
        table.name for table in TABLES if not set(table.names) - ABSENT_COLUMNS <= set(tables[table.name].column_names)
    } == set()
    assert min(table.num_rows for table in tables.values() if "customer_id" in table.column_names) > 50


def test_keys_are_unique_and_customers_known(company):
    tables = {table.name: pq.read_table(company / f"{table.name}.parquet") for table in TABLES}
    keys = {table.name: table.key for table in TABLES if table.key}
    assert {name for name, key in keys.items() if len(pc.unique(tables[name][key])) < tables[name].num_rows} == set()
    known = tables["customers"]["customer_id"]
    events = {name: table["customer_id"] for name, table in tables.items() if "customer_id" in table.column_names}
    unknown = {name for name, ids in events.items() if not pc.all(pc.is_in(ids, known)).as_py()}
    assert unknown == set()
    people = tables["contacts"]["contact_id"]
    assert pc.all(pc.is_in(tables["interactions"]["contact_id"].drop_null(), people)).as_py()


def test_campaigns_have_costs_industries_growth_and_customers_refer_later_ones(company):
    read = {name: pq.read_table(company / f"{name}.parquet") for name in ("customers", "orders", "touches")}
    named = {name: pq.read_table(company / f"{name}.parquet") for name in ("campaigns", "industries")}
    assert set(pc.unique(read["touches"]["campaign"].drop_null()).to_pylist()) == set(
        named["campaigns"]["campaign"].to_pylist()
    )
    assert set(pc.unique(read["customers"]["industry"]).to_pylist()) == set(named["industries"]["industry"].to_pylist())
    assert pc.min(named["campaigns"]["cost"]).as_py() > 0
    created = dict(zip(*(read["customers"][name].to_pylist() for name in ("customer_id", "created_at")), strict=True))
    referred = read["customers"].filter(pc.is_valid(read["customers"]["referred_by"]))
    referrers = referred["referred_by"].to_pylist()
    assert set(pc.unique(referred["source"]).to_pylist()) == {"referral"}
    assert set(referrers) <= set(read["orders"]["customer_id"].to_pylist())
    assert len(set(referrers)) < len(referrers)
    for referrer, customer in zip(referrers, referred["customer_id"].to_pylist(), strict=True):
        assert created[referrer] < created[customer]


@pytest.mark.parametrize(
    ("table", "earlier", "later"),
    [
        ("orders", None, "ordered_at"),
        ("opportunities", "opened_at", "closed_at"),
        ("tickets", "opened_at", "responded_at"),
        ("tickets", "responded_at", "resolved_at"),
        ("invoices", "issued_at", "due_at"),
        ("contracts", "started_at", "renewed_at"),
        ("interactions", "occurred_at", "recorded_at"),
        ("risk_events", "occurred_at", "recorded_at"),
    ],
)
def test_no_time_is_before_its_cause_or_before_the_customer(company, table, earlier, later):
    rows = pq.read_table(company / f"{table}.parquet")
    known = pq.read_table(company / "customers.parquet", columns=["customer_id", "created_at"])
    rows = rows.join(known, "customer_id", right_suffix="_customer") if earlier is None else rows
    assert pc.sum(pc.less(rows[later], rows[earlier or "created_at"])).as_py() in (0, None)


def test_a_seed_gives_the_same_files_and_another_seed_other_files(company, tmp_path):
    simulate(tmp_path / "again", customers=300, years=3, seed=11)
    simulate(tmp_path / "other", customers=300, years=3, seed=12)
    assert digests(tmp_path / "again") == digests(company)
    assert set(digests(tmp_path / "other").values()).isdisjoint(digests(company).values())


def test_the_truth_is_stored_beside_the_history_not_in_it(company):
    assert sorted(path.stem for path in company.iterdir()) == sorted(table.name for table in TABLES)
    assert sorted(path.name for path in company.with_name("company.truth").iterdir()) == [
        "churn.parquet",
        "conversion.parquet",
    ]


@pytest.mark.parametrize(("target", "low", "high"), [("churn", 0.15, 0.25), ("conversion", 0.10, 0.20)])
def test_base_rates_are_plausible(truths, target, low, high):
    assert low < pc.mean(truths[target]["outcome"].cast(pa.int8())).as_py() < high


@pytest.mark.parametrize("target", ["churn", "conversion"])
@pytest.mark.parametrize("as_of", ["2024-06-01", "2025-10-01"])
def test_true_probabilities_match_the_outcomes(truths, target, as_of):
    rows = truths[target].filter(pc.equal(truths[target]["as_of"], pa.scalar(np.datetime64(as_of, "us"))))
    chance, outcome = rows["probability"].to_numpy(), rows["outcome"].to_numpy().astype(float)
    bins = np.array_split(np.argsort(chance), 5)
    z_scores = [
        (outcome[each].mean() - chance[each].mean()) / np.sqrt(np.mean(chance[each] * (1 - chance[each])) / len(each))
        for each in bins
    ]
    assert np.abs(z_scores).max() < 3.5


def test_every_churn_driver_is_sometimes_the_main_one(truths):
    likely = truths["churn"].filter(pc.greater(truths["churn"]["probability"], 0.2))
    counts = {each["values"]: each["counts"] for each in likely["main_driver"].value_counts().to_pylist()}
    causes = {
        "service",
        "satisfaction",
        "payment",
        "relationship",
        "engagement",
        "risk",
        "rhythm",
        "recency",
        "frequency",
    }
    assert {cause for cause in causes if counts.get(cause, 0) < 0.015 * likely.num_rows} == set()


def truth_of(rows: dict[str, list[object]]) -> pa.Table:
    return pa.table({"customer_id": [f"c{i}" for i in range(12)], **rows})


def test_evaluation_covers_ranks_calibration_and_first_two_reasons():
    truth = truth_of(
        {"probability": [i / 12 for i in range(12)], "main_driver": [None] * 9 + ["payment", "rhythm", "risk"]}
    )
    evaluation = evaluate_against_truth(
        {f"c{i}": i / 12 + 0.05 for i in range(12)},
        truth,
        {"c9": ["value", "payment"], "c10": ["recency"], "c11": ["value", "tenure", "risk"]},
    )
    assert (evaluation.customers, evaluation.spearman) == (12, pytest.approx(1.0))
    assert evaluation.calibration_error == pytest.approx(0.05)
    assert evaluation.by_driver == {"payment": (1.0, 1), "rhythm": (1.0, 1), "risk": (0.0, 1)}
    assert evaluation.reasons == pytest.approx(2 / 3)


def test_evaluation_needs_matching_customers():
    truth = truth_of({"probability": [0.5] * 12, "main_driver": [None] * 12})
    with pytest.raises(TableError, match="Only 0 customers have both a prediction and a truth; 10 are needed"):
        evaluate_against_truth({"who": 0.2}, truth)


def test_a_real_history_has_no_truth(tmp_path):
    with pytest.raises(TableError, match="Only a simulated history"):
        read_truth(tmp_path / "real", "churn", datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"customers": 5}, "--customers 5: choose a number from 20"),
        ({"years": 1}, "--years 1: choose a number from 2 to 15"),
    ],
)
def test_impossible_sizes_are_refused(tmp_path, arguments, sentence):
    with pytest.raises(SettingsError, match=sentence):
        simulate(tmp_path / "company", **arguments)


def test_a_folder_with_other_files_is_left_unchanged(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"holds other files \(thesis.txt\)"):
        simulate(tmp_path, customers=20)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
