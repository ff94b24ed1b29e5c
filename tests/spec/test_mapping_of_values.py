"""What `rapport map` proposes beyond names: states, amounts, keys and customers that only the values show."""

import tomllib
from datetime import datetime

import pytest
from csv_folder import write_csv

from rapport.history import Settings, read_history
from rapport.history.checks.registry import run_checks
from rapport.history.mapping import propose_mapping

LINES = (
    "Id;Order No;Client;Client Name;Country;Order Date;Qty;Unit Price;Status\n"
    "1;A7;K1;Acme;DE;2024-03-20;2;10,50;Shipped\n"
    "2;A7;K1;Acme;DE;2024-03-20;1;4,25;Shipped\n"
    "3;A8;K2;Beta;FR;2024-03-21;3;10,50;Cancelled\n"
    "4;A9;K2;Beta;FR;2024-03-25;1;10,50;Paid\n"
)
DEALS = (
    "deal id,company,create date,close date,amount,deal stage\n"
    "D1,Acme,2024-01-02,2024-02-01,500,Closed Won\n"
    "D2,Acme,2024-01-03,2024-09-01,900,Negotiation\n"
    "D3,Beta,2024-01-04,2024-03-01,70,Closed Lost\n"
)


@pytest.fixture
def read(tmp_path):
    def write_and_read(files):
        proposal = propose_mapping(write_csv(tmp_path, files))
        history = read_history(tmp_path, Settings.of(tomllib.loads(proposal.as_toml())))
        assert history.rejected.total == 0
        return proposal, lambda sql: history.connection.execute(sql).fetchall()

    return write_and_read


def test_lines_cancellations_prices_and_customers_of_one_file(read):
    proposal, run = read({"sales.csv": LINES})
    assert run("SELECT order_id, sum(amount) FROM orders GROUP BY order_id ORDER BY order_id") == [
        ("A7", 25.25),
        ("A9", 10.5),
    ]
    assert run("SELECT customer_id, name, region FROM customers ORDER BY customer_id") == [
        ("K1", "Acme", "DE"),
        ("K2", "Beta", "FR"),
    ]
    written = proposal.as_toml()
    assert 'order_id = "Order No"  # 90%: A7, A8, A9' in written
    assert '''where = "coalesce(Status, '') not in ('Cancelled')"''' in written
    assert "# question: orders: 1 rows with Status Cancelled do not count." in written
    assert proposal.as_dict()["columns"]["orders"]["customer_id"] == {
        "source": "Client",
        "confidence": 0.9,
        "samples": ["K1", "K2"],
    }
    assert all(doubt.zh for doubt in proposal.doubts)


@pytest.mark.parametrize("name", ["deals.csv", "sales.csv", "orders.csv"])
def test_an_open_deal_is_no_order_whatever_the_file_is_called(read, name):
    proposal, run = read({name: DEALS})
    assert run("SELECT customer_id, order_id, amount FROM orders") == [("Acme", "D1", 500.0)]
    assert run("SELECT opportunity_id, won, closed_at IS NULL FROM opportunities ORDER BY 1") == [
        ("D1", True, False),
        ("D2", None, True),
        ("D3", False, False),
    ]
    assert any("won deals" in doubt.en for doubt in proposal.doubts)


def test_deals_of_which_none_is_won_give_no_order(read):
    _, run = read({"sales.csv": DEALS.replace("Closed Won", "Offer")})
    assert run("SELECT count(*) FROM orders") == [(0,)]


def test_the_column_whose_values_are_keys_of_the_customers_is_the_customer(read):
    customers = "account id,account name,industry\n" + "".join(f"{n},Company {n},Steel\n" for n in range(20))
    orders = "customer,account no,order id,order date,amount\n" + "".join(
        f"Mr. {n},{n},O{n},2024-01-{n + 1:02},{n + 5}\n" for n in range(20)
    )
    _, run = read({"accounts.csv": customers, "orders.csv": orders})
    assert run("SELECT count(*) FROM orders JOIN customers USING (customer_id)") == [(20,)]


def test_customers_that_meet_in_no_column_are_asked_about(tmp_path):
    (tmp_path / "customers.csv").write_text("customer_id,industry\nA1,Steel\nA2,Wood\n")
    (tmp_path / "orders.csv").write_text("customer_id,order_id,ordered_at,amount\nx,1,2024-01-02,5\ny,2,2024-01-03,6\n")
    assert "Which column names the customer?" in propose_mapping(tmp_path).as_toml()


RETURNS = "customer_id,order_id,ordered_at,amount,type\nK1,1,2026-01-31,50,Sale\nK1,2,2026-02-01,20,{}\n"


@pytest.mark.parametrize("word", ["Return", "退货", "Gutschrift", "Credit note", "avoir"])
def test_returns_without_a_minus_sign_are_taken_off(tmp_path, word):
    folder = write_csv(tmp_path, {"orders": RETURNS.format(word)})
    proposed = propose_mapping(folder)
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        assert history.connection.execute("SELECT sum(amount) FROM orders").fetchall() == [(30.0,)]
        assert not history.loaded["orders"].uncounted
    with read_history(folder) as history:
        (finding,) = [each for each in run_checks(history, datetime(2026, 3, 1)) if each.code == "uncounted_states"]
    assert finding.facts == {"column": "type", "rows": 1}


@pytest.mark.parametrize("line", ["K1,2,2026-02-01,-20,Return", "K1,2,2026-02-01,20,Repeat"])
def test_a_return_with_a_sign_and_an_unknown_kind_are_read_as_they_stand(tmp_path, line):
    folder = write_csv(tmp_path, {"orders": RETURNS.format("Sale") + line + "\n"})
    assert propose_mapping(folder).tables[0].needs_no_mapping
    with read_history(folder) as history:
        assert not history.loaded["orders"].uncounted


def test_cancelled_orders_that_nothing_leaves_out_are_a_finding(tmp_path):
    lines = "customer_id,order_id,ordered_at,amount,status\nK1,1,2026-01-31,50,paid\nK1,2,2026-02-01,20,Cancelled\n"
    with read_history(write_csv(tmp_path, {"orders": lines})) as history:
        (finding,) = [each for each in run_checks(history, datetime(2026, 3, 1)) if each.code == "uncounted_states"]
    assert "1 rows have status cancelled and count as purchases" in finding.message.en


def test_a_day_and_a_clock_in_two_columns_are_one_moment(tmp_path):
    lines = "Customer ID,Order No,Date,Time,Total\nK1,1,31/01/2026,14:05,5\nK1,2,01/02/2026,9:30 PM,7\n"
    proposed = propose_mapping(write_csv(tmp_path, {"orders": lines}))
    assert (proposed.date_format, proposed.questions) == ("day_first", ())
    with read_history(tmp_path, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        times = history.connection.execute("SELECT ordered_at FROM orders ORDER BY order_id").fetchall()
    assert times == [(datetime(2026, 1, 31, 14, 5),), (datetime(2026, 2, 1, 21, 30),)]


# A list of an ERP: the head of an order on its first line alone, one order without a customer, and a total at the end.
GROUPED = """单据编号,日期,客户,物料名称,数量,价税合计
S1,2026-01-03,甲公司,泵,1,10
,,,阀,1,20
S2,2026-01-04,,泵,1,40
,,,阀,1,80
S3,2026-01-05,乙公司,泵,1,160
,,,小计,,310
合计,,,,,310
"""


def test_lines_without_a_head_belong_to_the_order_above_and_a_total_to_none(tmp_path):
    folder = write_csv(tmp_path, {"销售出库": GROUPED})
    proposed = propose_mapping(folder)
    assert proposed.as_dict()["mapping"]["orders"]["fill_down"] == "单据编号, 日期, 客户"
    assert "lines without 单据编号, 日期, 客户 are read as further lines" in proposed.doubts[-1].en
    settings = Settings.of(tomllib.loads(proposed.as_toml()) | {"reject_share": 0.9})
    with read_history(folder, settings) as history:
        sql = "SELECT customer_id, order_id, sum(amount) FROM orders GROUP BY ALL ORDER BY order_id"
        # Nobody knows whose order S2 is: its lines go to no other customer.
        assert history.connection.execute(sql).fetchall() == [("甲公司", "S1", 30.0), ("乙公司", "S3", 160.0)]
        assert history.rejected.total == 4


def test_a_file_where_only_customers_are_missing_is_not_filled(tmp_path):
    lines = "customer_id,order_id,ordered_at,product,amount\nK1,1,2026-01-03,a,5\n,2,2026-01-04,b,7\n"
    assert "fill_down" not in propose_mapping(write_csv(tmp_path, {"orders": lines})).as_toml()
