"""The check report: trainable targets, rejected rows and data quality findings."""

import json
from datetime import datetime, timedelta

import pytest
from csv_folder import write_csv

from rapport.errors import TableError
from rapport.history import Settings, history_of, read_history
from rapport.history.checks import check_history
from rapport.history.mapping.company_names import duplicate_names

at = datetime.fromisoformat


def order(customer, day, amount=10):
    return {"customer_id": customer, "order_id": f"{customer}{day}", "ordered_at": day, "amount": amount}


def findings(tables, settings=None, as_of=None):
    with history_of(tables, settings) as history:
        return {found.code: found for found in check_history(history, as_of).findings}


def test_spellings_of_one_company_match_but_legal_forms_do_not():
    named = [
        ("Acme Co., Ltd.", "1"),
        ("ACME LTD", "2"),
        ("Acme GmbH", "3"),
        ("上海水泵有限公司", "4"),
        ("上海水泵股份有限公司", "5"),
        ("上海水泵(南通)有限公司", "6"),
        ("Smith & Sons", "7"),
        ("Ｓｍｉｔｈ and  Sons, Inc.", "8"),
        ("Ltd", "9"),
    ]
    assert [[key for _, key in group] for group in duplicate_names(named)] == [["1", "2"], ["4", "5"], ["7", "8"]]


def test_customers_with_two_ids_are_found():
    customers = [{"customer_id": i, "name": n} for i, n in enumerate(["甲有限公司 ", "乙公司", "甲 有限公司"])]
    found = findings({"customers": customers, "orders": [order("1", "2026-01-01")]})["duplicate_customers"]
    assert found.message.en.startswith(
        "customers: 1 of 3 seem to exist under another id as well: 甲有限公司 (0) = 甲 有限公司 (2)."
    )


@pytest.mark.parametrize(
    "orders",
    [
        [order("a", "2026-01-01", "¥10"), order("b", "2026-01-02", "$ 12")],
        [order("a", "2026-01-01") | {"currency": "CNY"}, order("b", "2026-01-02") | {"currency": "usd"}],
    ],
)
def test_amounts_in_several_currencies_must_be_fixed_first(orders):
    found = findings({"orders": orders})["mixed_currency"]
    assert found.level == "stop"
    assert "Convert them to one before import" in found.message.en


def test_a_table_that_ends_early_is_stale_unless_such_gaps_are_usual():
    days = [f"2025-{month:02}-15" for month in range(1, 13)]
    orders = [order("a", day) for day in days]
    weekly = [{"customer_id": "a", "occurred_at": f"2025-0{month}-{day:02}"} for month in (1, 2, 3) for day in (3, 17)]
    yearly = [
        {"customer_id": "a", "answered_at": day, "score": 9} for day in ("2023-06-01", "2024-06-01", "2025-06-01")
    ]
    with history_of({"orders": orders, "interactions": weekly, "surveys": yearly}) as history:
        stale = [found for found in check_history(history).findings if found.code == "stale_table"]
    assert [found.table for found in stale] == ["interactions"]
    assert "interactions: ends on 2025-03-17, 274 days before the rest" in stale[0].message.en


def test_a_month_with_far_fewer_rows_is_a_gap_but_the_first_and_the_last_month_are_not():
    counts = {"2025-01": 3, "2025-02": 40, "2025-03": 44, "2025-04": 41, "2025-05": 5, "2025-06": 42, "2025-07": 2}
    orders = [order(f"c{n}", f"{month}-10") for month, count in counts.items() for n in range(count)]
    found = findings({"orders": orders})["volume_drop"]
    assert found.facts == {"months": [["2025-05", 5, 41]]}


def test_a_month_without_any_row_is_a_gap_too():
    months = ["2025-01", "2025-02", "2025-03", "2025-05", "2025-06"]
    orders = [order(f"c{n}", f"{month}-10") for month in months for n in range(30)]
    assert findings({"orders": orders})["volume_drop"].facts == {"months": [["2025-04", 0, 30]]}


def test_unknown_customers_future_rows_and_backward_times_are_counted():
    tables = {
        "customers": [{"customer_id": "a"}],
        "orders": [order("a", "2026-01-01"), order("A ", "2026-01-02")],
        "tickets": [
            {"ticket_id": 1, "customer_id": "a", "opened_at": "2026-01-02", "resolved_at": "2026-01-01"},
            {"ticket_id": 2, "customer_id": "a", "opened_at": "2026-03-01", "resolved_at": None},
        ],
    }
    found = findings(tables)
    assert "1 of 2 rows (50%)" in found["unknown_customers"].message.en
    assert "1 rows lie after 2026-01-03 (up to 2026-03-01)" in found["rows_ahead"].message.en
    assert "in 1 rows resolved_at lies before opened_at" in found["backward_times"].message.en


def test_late_records_and_states_without_a_recording_time_are_found():
    late = [order("a", "2026-01-01") | {"recorded_at": "2026-05-01"}]
    deal = {"opportunity_id": 1, "customer_id": "a", "opened_at": "2026-01-01", "stage": "won"}
    found = findings({"orders": late, "opportunities": [deal]})
    assert "100% of the rows were recorded more than 30 days after their time" in found["late_records"].message.en
    assert "stage change over time, and without recorded_at" in found["unrecorded_states"].message.en


def test_values_outside_the_contract_are_found_until_they_are_mapped():
    visits = [{"customer_id": "a", "occurred_at": "2026-01-01", "channel": "Hausbesuch"}]
    tables = {"orders": [order("a", "2026-01-02")], "interactions": visits}
    assert "Hausbesuch (1)" in findings(tables)["unknown_values"].message.en
    assert findings(tables, Settings(value_mapping={"channel": {"Hausbesuch": "visit"}})) == {}
    assert findings(tables, Settings(vocabulary={"channel": ("Hausbesuch",)})) == {}


def test_a_missing_fixed_attribute_is_found():
    tables = {"customers": [{"customer_id": "a", "seats": 3}], "orders": [order("a", "2026-01-02")]}
    found = findings(tables, Settings(fixed_attributes=("seats", "region", "rating")))["missing_attributes"]
    assert found.message.en == "customers: has no rating, which fixed_attributes in rapport.toml names."


def test_phones_mails_and_tax_numbers_that_cannot_be_are_found_by_customer():
    def person(name, **fields):
        return {"customer_id": name, **fields}

    customers = [
        person("a", region="上海", email="li@firm.cn", phone="021-58880000", tax_id="91310000MA1FL0000N"),
        person("b", region="北京", email="li@firm", phone="13800138000", tax_id="DE123456789"),
        person("c", region="North", email="a b@firm.cn", phone="+49 30 1234567", tax_id="91310000MA1FL0000X"),
        person("d", region="上海", email=None, phone="010-58880000", tax_id="12"),
        person("e", region="苏州", email="x@y.org", phone="12345678901", tax_id="12-3456789"),
    ]
    with history_of({"customers": customers, "orders": [order("a", "2026-01-02")]}) as history:
        found = [each for each in check_history(history).findings if each.table == "customers"]
    assert {(each.code, each.facts["column"]): each.facts["examples"] for each in found} == {
        ("field_format", "email"): ["b", "c"],
        ("field_format", "phone"): ["e"],
        ("field_format", "tax_id"): ["c", "d"],
        ("phone_region", "phone"): ["d"],
    }
    assert "firm" not in " ".join(each.message.en + each.message.zh for each in found)


@pytest.fixture(scope="module")
def steady():
    """Make three years of 400 customers that order monthly; every fourth stops before the last half year."""
    first = at("2023-01-10")
    orders = []
    for customer in range(400):
        months = 29 if customer % 4 == 0 else 36
        orders += [order(f"c{customer}", str(first + timedelta(days=30 * month))) for month in range(months)]
    return {"orders": orders}


def test_readiness_lists_the_missing_numbers(steady):
    with history_of(steady) as history:
        ready = {(each.target, each.horizon): each for each in check_history(history).trainable}
    half_year = ready["churn", "6mo"]
    assert (half_year.customers, half_year.outcomes, half_year.verdict) == (400, 100, "yes")
    year = ready["churn", "12mo"]
    assert (year.customers, year.outcomes, year.verdict) == (400, 0, "no")
    assert [need.en for need in year.needs] == [
        "36 months of history; there are 34.5",
        "50 of them that then churned; there are 0",
    ]
    assert [need.en for need in ready["conversion", "6mo"].needs] == [
        "300 open leads that were created or touched in the active window; there are 0"
    ]


def test_contract_churn_counts_contracts_that_end_without_renewal():
    def contract(number, customer, start, end, renewed=None):
        row = {"contract_id": number, "customer_id": customer, "started_at": start, "ends_at": end}
        return row | ({"renewed_at": renewed} if renewed else {})

    contracts = [
        contract(1, "left", "2025-01-01", "2025-12-20"),
        contract(2, "renewed", "2025-01-01", "2025-12-20", "2026-01-10"),
        contract(3, "replaced", "2025-01-01", "2025-12-20"),
        contract(4, "replaced", "2025-12-15", "2026-12-20"),
        contract(5, "runs", "2025-01-01", "2027-12-20"),
    ]
    settings = Settings(churn="contracts", horizon="1mo")
    with history_of({"orders": [order("left", "2025-12-31")], "contracts": contracts}, settings) as history:
        ready = check_history(history).trainable[0]
    assert (ready.target, ready.horizon, ready.customers, ready.outcomes) == ("churn", "1mo", 3, 1)


def test_the_report_has_the_same_figures_as_text_json_and_offline_page(steady):
    bad = [order("<b>x</b>", "2026-01-01", "many")]
    with history_of({"orders": steady["orders"] + bad}) as history:
        report = check_history(history)
    text, page, plain = report.as_text(), report.as_html("zh"), json.loads(json.dumps(report.as_dict()))
    assert "orders: 1 × amount is not a number: write it like 1234.50. (first line 13701: many)" in text
    assert "churn        6mo  yes   400 customers, 100 churned (25%)" in text
    assert plain["rejected"] == 1
    assert plain["tables"][2]["rows"] == 13700
    assert "amount 不是数字：请写成 1234.50。" in page
    assert "<b>x" not in page
    assert [word for word in ("http:", "https:", "<script", "<link", "@import", "url(") if word in page] == []


def test_a_table_of_which_the_mapping_leaves_nothing_is_named(tmp_path):
    lines = "customer_id,occurred_at,channel\nc1,2025-01-01,visit\nc2,2025-01-02,visit\n"
    folder = write_csv(
        tmp_path, {"interactions": lines, "orders": "customer_id,order_id,ordered_at,amount\na,1,2025-01-01,5\n"}
    )
    mapping = {"interactions": {"where": "channel = 'call'"}}
    with read_history(folder, Settings(mapping=mapping)) as history:
        report = check_history(history)
    found = [each for each in report.findings if each.code == "all_left_out"]
    assert [(each.table, each.level, each.facts) for each in found] == [("interactions", "warn", {"rows": 2})]


def test_a_history_without_an_order_cannot_be_checked():
    with (
        history_of({"customers": [{"customer_id": "a"}]}) as history,
        pytest.raises(TableError, match="has no order with a time, so there is nothing to check"),
    ):
        check_history(history)
