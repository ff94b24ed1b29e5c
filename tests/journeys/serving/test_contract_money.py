"""Money of a company with contracts and no orders: what they pay a year, from the files to lists and totals."""

import csv
from datetime import datetime, timedelta

import numpy as np
import pytest
from serving_world import NOW, publish, served

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import Settings, read_history
from rapport.history.checks.report import check_history
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training import train
from rapport.training.reports.plots import ReportPlots
from rapport.training.reports.training_report import render_report

END = datetime(2025, 6, 1)
YEAR = parse_duration("12mo")
BY_CONTRACT = Settings(churn="contracts", grace="1mo", horizon="12mo", threads=1)
RISE = 1.1
COLUMNS = ("contract_id", "customer_id", "started_at", "ends_at", "cancelled_at", "amount", "amount_period")


def written(folder, contracts):
    with (folder / "contracts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *contracts])
    with (folder / "customers.csv").open("w", newline="") as file:
        customers = sorted({(row[1],) for row in contracts})
        csv.writer(file).writerows([("customer_id",), *customers])
    return folder


@pytest.mark.parametrize(
    ("start", "end", "amount", "period", "yearly"),
    [
        ("2025-01-01", "2025-12-31", "1200", "", 1200.0),
        ("2025-01-01", "2026-01-01", "1200", "term", 1200.0),
        ("2024-03-01", "2027-02-28", "3600", "", 1200.0),
        ("2025-05-01", "2025-06-30", "200", "", 1200.0),
        ("2025-05-01", "2025-06-15", "450", "", 450 / 45 * 365),
        ("2025-01-01", "", "100", "monthly", 1200.0),
        ("2025-01-01", "2025-12-31", "100", "月付", 1200.0),
        ("2025-01-01", "", "300", "quarter", 1200.0),
        ("2025-01-01", "", "1200", "annual", 1200.0),
        ("2025-01-01", "", "1200", "", None),
        ("2025-01-01", "2025-12-31", "", "", None),
        ("2025-01-01", "2025-12-31", "-5", "", None),
        ("2025-01-01", "2025-12-31", "0", "", 0.0),
        ("2025-01-01", "2025-12-31", "1200", "fortnight", None),
    ],
)
def test_what_a_contract_pays_a_year(tmp_path, start, end, amount, period, yearly):
    folder = written(tmp_path, [("K1", "C1", start, end, "", amount, period)])
    with read_history(folder, BY_CONTRACT) as history:
        [found] = snapshot(history, END, active=YEAR)["contract_value_yearly"].to_pylist()
        unpriced = [each for each in check_history(history).findings if each.code == "unpriced_contracts"]
    assert found == (None if yearly is None else pytest.approx(yearly, abs=0.01))
    # A period that nothing reads is told as an unknown value.
    assert bool(unpriced) == (yearly is None and period != "fortnight")


def test_a_contract_pays_until_its_cancellation(tmp_path):
    with read_history(
        written(tmp_path, [("K1", "C1", "2025-01-01", "2025-12-31", "2025-07-01", "1200", "")]), BY_CONTRACT
    ) as history:
        for at, yearly in ((datetime(2025, 6, 1), 1200.0), (datetime(2025, 7, 2), None)):
            assert snapshot(history, at, active=YEAR)["contract_value_yearly"].to_pylist() == [yearly]


def test_contracts_that_are_over_pay_nothing_that_is_known(tmp_path):
    over = [
        ("K1", "C1", "2024-01-01", "2024-12-31", "", "5", ""),
        ("K2", "C2", "2025-01-01", "", "2025-04-01", "5", "year"),
    ]
    with read_history(written(tmp_path, over), BY_CONTRACT) as history:
        assert snapshot(history, END, active=YEAR)["contract_value_yearly"].to_pylist() == [None, None]
        assert not [each for each in check_history(history).findings if each.code == "unpriced_contracts"]


def test_contracts_of_one_customer_add_up_and_one_unknown_amount_makes_the_sum_unknown(tmp_path):
    year = ("2025-01-01", "2025-12-31", "")
    contracts = [
        ("K1", "C1", *year, "1200", ""), ("K2", "C1", *year, "50", "month"),
        ("K3", "C2", *year, "1200", ""), ("K4", "C2", *year, "", ""),
    ]  # fmt: skip
    with read_history(written(tmp_path, contracts), BY_CONTRACT) as history:
        rows = snapshot(history, END, active=YEAR)
    assert dict(zip(rows["customer_id"].to_pylist(), rows["contract_value_yearly"].to_pylist(), strict=True)) == {
        "C1": 1800.0,
        "C2": None,
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Yearly contracts that rise by a tenth at each renewal; half of them are written as a monthly amount."""
    root, rng, contracts, paid = tmp_path_factory.mktemp("contracts"), np.random.default_rng(3), [], {}
    for number in range(260):
        name, price = f"C{number}", float(round(rng.lognormal(7, 1)))
        start, leaves = END - timedelta(days=int(rng.integers(60, 1500))), 0.5 if number % 3 == 0 else 0.1
        while start < END:
            end = start + timedelta(days=365)
            amount, period = (price / 12, "month") if number % 2 else (price, "")
            contracts.append((f"K{len(contracts)}", name, start.date(), end.date(), "", amount, period))
            paid[name] = price if end >= END else 0.0
            if rng.random() < leaves:
                break
            start, price = end, price * RISE
    folder = root / "history"
    folder.mkdir()
    with read_history(written(folder, contracts), BY_CONTRACT) as history:
        trained = train(history, "churn", as_of=END, horizon=YEAR, active=YEAR)
        publish(root / "home", trained.bundle, root)
        run_scoring(history, root / "home", "churn", as_of=END, now=NOW, progress=lambda *_: None)
        reports = {language: render_report(trained, ReportPlots(language)) for language in ("en", "zh")}
    return trained.bundle, root / "home", paid, reports


def test_spend_if_retained_follows_the_contracts_where_that_is_nearer_to_what_came(company):
    bundle, _, _, reports = company
    spend = bundle.evaluation["spend"]
    assert spend["shape"] == "line_of_contracts"
    assert spend["errors"]["line_of_contracts"] < spend["errors"]["as_contracts"] / 3
    assert "of &#34;as the contracts in force&#34;" in reports["en"]
    assert "“与有效合同相同”的误差为" in reports["zh"]
    assert set(spend["errors"]) == {"as_contracts", "line_of_contracts", "curve_of_contracts"}


def test_every_door_shows_the_same_money_of_contracts(company):
    _, home, paid, _ = company
    with served(home, keys=False) as client:
        listed = client.post("/v1/customers", json={"limit": 1000}).json()
        scored = [each for each in listed["customers"] if each["probability"] is not None]
        assert len(scored) > 80
        for each in scored:
            assert each["spend_if_retained"] == pytest.approx(RISE * paid[each["customer_id"]], rel=0.03)
            assert each["revenue_at_risk"] == pytest.approx(each["probability"] * each["spend_if_retained"], rel=1e-6)
        # Who saves most comes first on the worklist.
        first = max((each for each in scored if each["list"] == "at_risk"), key=lambda each: each["savable"])
        listed = list(csv.DictReader(client.get("/worklist.csv").content.decode("utf-8-sig").splitlines()))
        assert listed[0]["customer_id"] == first["customer_id"]
        assert float(listed[0]["revenue at risk"]) == pytest.approx(first["revenue_at_risk"])
        # Whoever has a contract is a customer, not a lead to be called for the first time.
        assert not [each for each in listed if "first call" in each["recommended action"]]
        [answer] = client.post("/v1/score", json={"customer_ids": [first["customer_id"]]}).json()["answers"]
        for name in ("spend_if_retained", "revenue_at_risk", "expected_revenue", "savable"):
            assert answer[name] == pytest.approx(first[name], rel=1e-9), name
