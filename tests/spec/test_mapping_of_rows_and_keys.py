"""`rapport map` and `check` on rows that do not count and keys that are written in two ways."""

import tomllib
from datetime import datetime

import pytest
from csv_folder import write_csv

from rapport.history import Settings, read_history
from rapport.history.checks.registry import run_checks
from rapport.history.mapping import propose_mapping

HEAD = "customer_id,order_id,ordered_at,amount"
AS_OF = datetime(2026, 6, 1)


def mapped(folder):
    """Return the proposal, and the orders as they are read with it: customer, order and amount."""
    proposed = propose_mapping(folder)
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        assert not [each for each in run_checks(history, AS_OF) if each.code.startswith(("uncounted", "unknown_cust"))]
        sql = "SELECT customer_id, order_id, amount FROM orders ORDER BY order_id"
        return proposed, history.connection.execute(sql).fetchall()


def findings(folder, code):
    with read_history(folder) as history:
        return [each for each in run_checks(history, AS_OF) if each.code == code]


@pytest.mark.parametrize(
    ("mark", "kept", "deleted"),
    [
        ("is_deleted", "false", "true"),
        ("del_flag", "0", "2"),
        ("deleted_at", "", "2026-03-01 10:00"),
        ("deleted_at", r"\N", "2026-03-01 10:00"),
        ("是否删除", "否", "是"),
    ],
)
def test_rows_that_a_system_marks_as_deleted_do_not_count(tmp_path, mark, kept, deleted):
    lines = f"{HEAD},{mark}\nK1,1,2026-01-31,50,{kept}\nK1,2,2026-02-01,20,{deleted}\nK2,3,2026-02-02,7,{kept}\n"
    folder = write_csv(tmp_path, {"orders": lines})
    proposed, orders = mapped(folder)
    assert orders == [("K1", "1", 50.0), ("K2", "3", 7.0)]
    assert f"orders: 1 rows that {mark} marks as deleted do not count." in proposed.doubts[0].en
    (finding,) = findings(folder, "uncounted_deletions")
    assert finding.facts == {"column": mark, "rows": 1}


def test_deleted_customers_are_left_out_beside_another_condition(tmp_path):
    customers = "customer_id,name,deleted\nK1,Acme,0\nK2,Beta,1\n"
    orders = (
        f"{HEAD},status,deleted\nK1,1,2026-01-31,50,paid,0\nK1,2,2026-02-01,20,cancelled,0\nK1,3,2026-02-02,7,paid,1\n"
    )
    proposed, read = mapped(write_csv(tmp_path, {"customers": customers, "orders": orders}))
    assert read == [("K1", "1", 50.0)]
    assert "coalesce(deleted, '') in ('', '0')" in proposed.as_dict()["mapping"]["customers"]["where"]


@pytest.mark.parametrize(
    ("column", "state"),
    [
        ("订单状态", "已关闭"),
        ("订单状态", "待付款"),
        ("退款状态", "退款成功"),
        ("État", "Remboursé"),
        ("status", "refunded"),
    ],
)
def test_a_sale_that_was_never_paid_or_was_paid_back_is_left_out_and_not_taken_off(tmp_path, column, state):
    lines = f"{HEAD},{column}\nK1,1,2026-01-31,50,无退款\nK1,2,2026-02-01,20,{state}\nK2,3,2026-02-02,7,部分退款\n"
    folder = write_csv(tmp_path, {"orders": lines})
    assert mapped(folder)[1] == [("K1", "1", 50.0), ("K2", "3", 7.0)]
    (finding,) = findings(folder, "uncounted_states")
    assert finding.facts == {"column": column, "rows": 1}


def test_drafts_of_contracts_are_left_out_and_ended_ones_are_not(tmp_path):
    lines = "客户编号,合同编号,生效日期,到期日期,合同额,合同状态\nK1,1,2024-01-01,2024-12-31,5万,已终止\n"
    lines += "K2,2,2025-01-01,长期,8万,草稿\n"
    proposed = propose_mapping(write_csv(tmp_path, {"合同台账": lines}))
    with read_history(tmp_path, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        assert history.connection.execute("SELECT contract_id, amount FROM contracts").fetchall() == [("1", 50000.0)]


def test_an_end_that_is_no_day_is_open_only_if_it_says_so(tmp_path):
    ends = ("2024-12-31", "长期", "9999-12-31", "Unlimited", "", "sometime")
    lines = "customer_id,contract_id,started_at,ends_at\n" + "".join(
        f"K,{n},2024-01-01,{end}\n" for n, end in enumerate(ends)
    )
    folder = write_csv(tmp_path, {"contracts": lines})
    with read_history(folder, Settings.of({"churn": "contracts"})) as history:
        read = history.connection.execute("SELECT contract_id, year(ends_at) FROM contracts ORDER BY 1").fetchall()
        assert read == [("0", 2024), ("1", 2200), ("2", 2200), ("3", 2200), ("4", 2200)]
        assert history.rejected.count == {"contracts": 1}


def test_what_was_paid_is_the_amount_and_not_the_price_before_the_discount(tmp_path):
    lines = "订单号,买家昵称,下单时间,商品金额,商品实付金额\n1,K1,2026-01-31,50,45\n"
    assert mapped(write_csv(tmp_path, {"订单": lines}))[1] == [("K1", "1", 45.0)]


@pytest.mark.parametrize(("ours", "theirs"), [("7", "007"), ("007", "7")])
def test_ids_that_a_spreadsheet_took_zeros_off_meet_again(tmp_path, ours, theirs):
    customers = f"customer_id,name\n{theirs},Acme\n{theirs.replace('7', '8')},Beta\n{theirs[:-1]}12,Gamma\n"
    orders = f"{HEAD}\n{ours},1,2026-01-31,50\n{ours.replace('7', '8')},2,2026-02-01,20\n"
    customers = customers.replace("0012", "012")
    folder = write_csv(tmp_path, {"customers": customers, "orders": orders})
    (finding,) = findings(folder, "unknown_customers")
    assert "leading zeros" in finding.message.en
    assert "前导零" in finding.message.zh
    proposed, read = mapped(folder)
    assert [each[0] for each in read] == [theirs, theirs.replace("7", "8")]
    assert any("with and without leading zeros" in each.en for each in proposed.doubts)


def test_customers_with_a_number_in_most_rows_keep_it_and_guests_are_asked_about(tmp_path):
    lines = "increment_id,customer_id,customer_email,grand_total,created_at\n"
    lines += "1,K1,a@x.de,5,2026-01-31\n2,,b@x.de,7,2026-02-01\n3,K2,c@x.de,9,2026-02-02\n"
    proposed, orders = mapped(write_csv(tmp_path, {"sales_order": lines}))
    assert orders == [("K1", "1", 5.0), ("K2", "3", 9.0)]
    assert "33% of the rows have no customer_id and do not count. Should customer_email name" in proposed.doubts[0].en


def test_a_phone_names_the_customer_where_nothing_else_does(tmp_path):
    phones = ("13800000001", "+86 138-0000-0001", "１３９00000002")
    lines = "订单号,手机号,日期,金额\n" + "".join(f"{n},{phone},2026-01-31,5\n" for n, phone in enumerate(phones))
    folder = write_csv(tmp_path, {"orders": lines})
    proposed = propose_mapping(folder)
    assert "so 手机号 is taken for the customer" in proposed.doubts[0].en
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        (finding,) = [each for each in run_checks(history, AS_OF) if each.code == "lookalike_ids"]
    assert finding.facts["examples"] == [["+86 138-0000-0001", "13800000001"]]


def test_lines_without_an_order_number_are_one_order_for_each_customer_and_time(tmp_path):
    lines = "customer,date,amount,product\nK1,2026-01-31,5,a\nK1,2026-01-31,6,b\nK2,2026-01-31,7,a\n"
    proposed, orders = mapped(write_csv(tmp_path, {"orders": lines}))
    assert [(customer, amount) for customer, _, amount in orders] == [("K1", 5.0), ("K1", 6.0), ("K2", 7.0)]
    assert len({order for _, order, _ in orders}) == 2
    assert "no column has the number of an order" in proposed.doubts[0].en


@pytest.mark.parametrize("name", ["value", "state", "times", "status"])
def test_columns_of_any_name_are_read(tmp_path, name):
    lines = f"customer_id,order_id,ordered_at,amount,{name},order_status\nK1,1,2026-01-31,5,Berlin,paid\n"
    assert mapped(write_csv(tmp_path, {"orders": lines + "K2,2,2026-02-01,5,Bonn,sent\n"}))[1][0] == ("K1", "1", 5.0)
