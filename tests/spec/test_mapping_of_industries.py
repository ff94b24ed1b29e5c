"""`rapport map` on exports of trades and systems that no preset knows: members, guests, donors, policies, JSON."""

import json
import tomllib
from datetime import datetime

import pytest
from csv_folder import write_csv

from rapport.history import Settings, read_history
from rapport.history.checks.registry import run_checks
from rapport.history.mapping import propose_mapping

AS_OF = datetime(2026, 6, 1)


def read_with_proposal(folder):
    proposed = propose_mapping(folder)
    settings = Settings.of(tomllib.loads(proposed.as_toml()))
    with read_history(folder, settings) as history:
        assert history.rejected.total == 0
        tables = {
            name: history.connection.execute(f"SELECT * FROM {name}").fetchall()
            for name, table in history.loaded.items()
            if table.rows
        }
        return proposed, tables, run_checks(history, AS_OF)


ORDERS = {
    "hotel": (
        "Reservations",
        "Confirmation No.,Guest Profile ID,Booked On,Arrival,Total Revenue,Reservation Status",
        ["B1,G1,08 Jun 2026,01 Jul 2026,AUD 91.50,Checked Out", "B2,G1,09 Jun 2026,02 Jul 2026,AUD 50.00,No Show"],
    ),
    "charity": (
        "Gifts",
        "Constituent ID,Gift ID,Gift Date,Gift Amount,Appeal",
        ["1001,G-1,6/18/2026,$91.50,Spring"],
    ),
    "shop card": ("会员消费记录", "会员卡号,小票号,消费日期,消费金额", ["０００1,５,２０２６/０６/１８,９１．５０元"]),
    "app": (
        "t_order",
        "id,member_id,create_time,pay_amount_fen,del_flag",
        ["1,M1,2026-06-18 10:00:00,9150,0", "2,M1,2026-06-19 10:00:00,700,2"],
    ),
    "star schema": (
        "fact_orders",
        "cust_key,order_key,order_ts,net_amount",
        ["1,1,2026-06-18 10:00:00,91.5"],
    ),
}


@pytest.mark.parametrize("case", ORDERS)
def test_orders_of_other_trades_are_understood_without_a_hand(tmp_path, case):
    name, head, lines = ORDERS[case]
    folder = write_csv(tmp_path, {name: "\n".join([head, *lines]) + "\n"})
    proposed = propose_mapping(folder)
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        assert history.connection.execute("SELECT amount FROM orders").fetchall() == [(91.5,)]


def test_members_with_a_day_of_leaving_are_subscriptions(tmp_path):
    lines = 'Mitgliedsnr.;Nachname;Beitritt am;Kündigung zum;Monatsbeitrag\nM1;A;31.01.2024;;"24,90 €"\n'
    lines += 'M2;B;28.02.2024;30.06.2025;"39,90 €"\n'
    proposed, tables, _ = read_with_proposal(write_csv(tmp_path, {"Mitglieder": lines}))
    assert proposed.settings == {"churn": "subscriptions"}
    assert len(tables["contracts"]) == len(tables["customers"]) == 2
    assert any("each member of mitglieder is taken for one contract" in each.en for each in proposed.doubts)


def test_the_running_term_of_a_subscription_is_not_its_end(tmp_path):
    head = "subscriptions.id,customers.id,"
    head += ",".join(f"subscriptions.{name}" for name in ("started_at", "current_term_end", "cancelled_at"))
    lines = f"{head}\ns1,c1,01-Aug-2025 22:57,01-Aug-2026 22:57,\n"
    lines += "s2,c2,02-Aug-2025 22:57,02-Jan-2026 10:00,02-Jan-2026 10:00\n"
    proposed = propose_mapping(write_csv(tmp_path, {"Subscriptions": lines}))
    assert proposed.settings == {"churn": "subscriptions"}
    assert "ends_at" not in proposed.as_dict()["mapping"]["contracts"]


def test_a_report_of_deals_is_no_list_of_invoices(tmp_path):
    lines = "Account Name,Account ID,Opportunity Name,Stage,Amount,Close Date,Created Date\n"
    lines += "Acme,1,D1,Closed Won,500,3/18/2026,1/20/2026\nBeta,2,D2,Closed Lost,70,3/19/2026,1/21/2026\n"
    proposed, tables, _ = read_with_proposal(write_csv(tmp_path, {"report1700000": lines}))
    assert "invoices" not in tables
    assert (len(tables["opportunities"]), len(tables["orders"])) == (2, 1)
    assert 'opportunity_id = "Opportunity Name"' in proposed.as_toml()


def test_deals_of_several_companies_and_pipelines_belong_to_the_first_company(tmp_path):
    head = "Record ID,Deal Name,Deal Stage,Close Date (GMT+8),Create Date (GMT+8),Amount,Associated Company IDs"
    lines = f"{head}\n1,A,Closed Won (Sales Pipeline),2026-03-01 10:00,2026-01-01 10:00,500,641;644\n"
    lines += "2,B,Contract Sent (Sales Pipeline),2026-09-01 10:00,2026-01-02 10:00,70,\n"
    folder = write_csv(tmp_path, {"hubspot-crm-exports-deals": lines})
    proposed = propose_mapping(folder)
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        assert history.connection.execute("SELECT customer_id, amount FROM orders").fetchall() == [("641", 500.0)]
        closed = history.connection.execute("SELECT customer_id, closed_at FROM opportunities").fetchall()
        assert closed == [("641", datetime(2026, 3, 1, 10))]


def test_the_history_of_deals_of_salesforce_leaves_nothing_unused(tmp_path):
    files = {
        "Opportunity": "Id,AccountId,StageName,IsWon,IsClosed,IsDeleted,Amount,CloseDate,CreatedDate\n"
        "1,A,Closed Won,true,true,false,70,2024-01-05,2024-01-01\n",
        "OpportunityHistory": "Id,OpportunityId,StageName,Amount,CreatedDate\n"
        "7,1,Talk,60,2024-01-01\n8,1,Closed Won,70,2024-01-05\n",
    }
    _, _, findings = read_with_proposal(write_csv(tmp_path, files))
    assert "unused_changes" not in {each.code for each in findings}


def test_the_answer_of_stripe_gives_subscriptions_and_what_was_paid_in_whole_units(tmp_path):
    subscription = {"id": "s1", "customer": "c1", "created": 1691472937, "start_date": 1691472937, "canceled_at": None}
    subscription |= {"ended_at": None, "current_period_end": 1796860800, "items": {"data": [{"id": "si"}]}}
    invoice = {
        "id": "i1",
        "customer": "c1",
        "created": 1691472937,
        "amount_paid": 9950,
        "total": 9950,
        "status": "paid",
    }
    invoice |= {"due_date": None, "status_transitions": {"paid_at": 1691476537}}
    void = invoice | {"id": "i2", "status": "void", "amount_paid": 0}
    for name, records in (("subscriptions", [subscription]), ("invoices", [invoice, void])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"object": "list", "data": records}))
    proposed, tables, _ = read_with_proposal(tmp_path)
    assert (proposed.preset, proposed.settings["churn"]) == ("stripe", "subscriptions")
    assert [each for row in tables["orders"] for each in row if isinstance(each, float)] == [99.5]
    assert "opportunities" not in tables
    # An invoice without a day to pay by is due when it is issued: coalesce passes on to its next column.
    assert [each.year for row in tables["invoices"] for each in row if isinstance(each, datetime)] == [2023] * 6


@pytest.mark.parametrize("as_list", [True, False])
def test_typed_values_of_mongodb_are_read_as_values(tmp_path, as_list):
    record = {"_id": {"$oid": "0a"}, "userId": {"$oid": "0b"}, "total": {"$numberDecimal": "91.50"}}
    record |= {"createdAt": {"$date": {"$numberLong": "1691472937000"}}, "items": [{"sku": "A"}]}
    text = (
        json.dumps([record] * 1)
        if as_list
        else json.dumps(record) + "\n" + json.dumps(record | {"_id": {"$oid": "0c"}})
    )
    (tmp_path / "orders.json").write_text(text)
    _, tables, _ = read_with_proposal(tmp_path)
    assert 91.5 in tables["orders"][0]
    assert any(isinstance(each, datetime) and each.year == 2023 for each in tables["orders"][0])


def test_a_state_of_the_order_is_no_region(tmp_path):
    lines = "name,partner_id,date_order,state,amount_total\nS1,7,2026-01-31 10:00:00,sale,5\n"
    lines += "S2,7,2026-02-01 10:00:00,draft,6\n"
    proposed, tables, _ = read_with_proposal(write_csv(tmp_path, {"sale.order": lines}))
    assert [each.table.name for each in proposed.tables] == ["orders"]
    assert len(tables["orders"]) == 1


def test_a_file_that_fits_no_table_gets_a_question_in_both_languages(tmp_path):
    months = ",".join(f"{year}年{month}月" for year in (2024, 2025) for month in range(1, 13))
    files = {"销售月报": f"客户编码,{months}\nK1,{','.join('5' * 24)}\n", "ledger": "Konto,Soll,Haben\n1,2,3\n"}
    proposed = propose_mapping(write_csv(tmp_path, files))
    en, zh = proposed.as_toml("en"), proposed.as_toml("zh")
    assert "销售月报 has one column for each month (2024年1月 … 2025年12月)" in en
    assert "ledger fits no table by its names" in en
    assert "销售月报 每个月一列" in zh
    assert "从下列各列中指定" in zh


@pytest.mark.parametrize("ends", ["\n\r\n\r\n", "\r\n\n\n", "\r\n\r\n\n"])
def test_lines_that_end_in_two_ways_are_all_read(tmp_path, ends):
    first, *rest = ends.replace("\r\n", "W").replace("\n", "U")
    rows = ["customer_id,order_id,ordered_at,amount", "K1,1,2026-01-31,5", 'K2,2,2026-02-01,"7"']
    kinds = {"W": "\r\n", "U": "\n"}
    text = "".join(row + kinds[end] for row, end in zip(rows, (first, *rest), strict=True))
    (tmp_path / "orders.csv").write_bytes(text.encode())
    with read_history(tmp_path) as history:
        assert history.connection.execute("SELECT amount FROM orders ORDER BY 1").fetchall() == [(5.0,), (7.0,)]
