"""What a history means once it is read: drawn tables in, literal rows out."""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapport.errors import TableError
from rapport.history import History, Settings, history_of, read_history
from rapport.history.reading.database import open_database

# Times in a history have no zone: they are the company's.
at = datetime.fromisoformat


@pytest.fixture
def folder_of(tmp_path):
    """Write drawn tables as CSV files; return their folder."""

    def write(**tables: str) -> Path:
        for name, drawn in tables.items():
            lines = [",".join(cell.strip() for cell in line.split("|")) for line in drawn.strip().splitlines()]
            (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


def rows(history: History, sql: str) -> list[tuple]:
    with history:
        return history.connection.execute(sql).fetchall()


ORDERS = """
customer_id | order_id | ordered_at          | amount
ann         | 1        | 2026-01-31          | 120.50
bob         | 2        | 2026-02-01T10:30:00 | -20
"""


def test_a_folder_of_csv_files_becomes_typed_tables(folder_of):
    history = read_history(folder_of(orders=ORDERS))
    assert history.present == {"orders": {"customer_id", "order_id", "ordered_at", "amount"}}
    assert history.time_range() == (at("2026-01-31"), at("2026-02-01T10:30"))
    assert rows(history, "SELECT customer_id, order_id, ordered_at, amount, product, recorded_at FROM orders") == [
        ("ann", "1", at("2026-01-31"), 120.5, None, None),
        ("bob", "2", at("2026-02-01T10:30"), -20.0, None, None),
    ]


def test_every_contract_table_can_be_queried_even_if_it_is_absent(folder_of):
    history = read_history(folder_of(orders=ORDERS))
    assert rows(history, "SELECT count(*), count(won), count(recorded_at) FROM opportunities") == [(0, 0, 0)]


def test_several_lines_may_share_an_order(folder_of):
    drawn = ORDERS + "ann | 1 | 2026-01-31 | 9.50\n"
    history = read_history(folder_of(orders=drawn))
    assert history.rejected.total == 0
    assert rows(history, "SELECT order_id, sum(amount) FROM orders GROUP BY 1 ORDER BY 1") == [("1", 130), ("2", -20)]


def test_the_same_rows_in_parquet_csv_and_memory_read_the_same(tmp_path):
    records = [
        {"customer_id": 1, "order_id": 7, "ordered_at": at("2026-01-31T08:00"), "amount": 5},
        {"customer_id": 2, "order_id": 8, "ordered_at": at("2026-02-28T09:15"), "amount": 6},
    ]
    as_parquet, as_csv = tmp_path / "parquet", tmp_path / "csv"
    as_parquet.mkdir()
    as_csv.mkdir()
    pq.write_table(pa.Table.from_pylist(records), as_parquet / "orders.parquet")
    duckdb.sql(f"COPY (FROM '{as_parquet}/orders.parquet') TO '{as_csv}/orders.csv'")
    ask = "SELECT customer_id, order_id, ordered_at, amount, quantity FROM orders ORDER BY 1"
    expected = [
        ("1", "7", at("2026-01-31T08:00"), 5.0, None),
        ("2", "8", at("2026-02-28T09:15"), 6.0, None),
    ]
    assert rows(read_history(as_parquet), ask) == expected
    assert rows(read_history(as_csv), ask) == expected
    assert rows(history_of({"orders": records}), ask) == expected


def test_valid_parquet_stays_on_disk(tmp_path):
    table = pa.table({"customer_id": ["a"], "order_id": ["1"], "ordered_at": [at("2026-01-01")], "amount": [1.0]})
    pq.write_table(table, tmp_path / "orders.parquet")
    kind = "SELECT table_type FROM information_schema.tables WHERE table_name = 'orders' AND table_schema = 'main'"
    assert rows(read_history(tmp_path), kind) == [("VIEW",)]


def test_a_table_may_be_a_folder_of_files_with_hive_partitions(tmp_path):
    for year, amount in ((2025, 1.0), (2026, 2.0)):
        part = tmp_path / "orders" / f"year={year}"
        part.mkdir(parents=True)
        when = at(f"{year}-05-01")
        pq.write_table(
            pa.table({"customer_id": ["a"], "order_id": [str(year)], "ordered_at": [when], "amount": [amount]}),
            part / "part-0.parquet",
        )
    history = read_history(tmp_path)
    assert history.rows == {"orders": 2}
    assert rows(history, "SELECT order_id, amount FROM orders ORDER BY 1") == [("2025", 1.0), ("2026", 2.0)]


WRITTEN_TIMES = {
    "2026-01-31": at("2026-01-31"),
    "2026/1/31": at("2026-01-31"),
    "31.01.2026": at("2026-01-31"),
    "31.01.2026 14:05": at("2026-01-31T14:05"),
    "31/01/2026": at("2026-01-31"),
    "2026年1月31日": at("2026-01-31"),
    "20260131": at("2026-01-31"),
    "1769868300": at("2026-01-31T14:05"),
    "1769868300500": at("2026-01-31T14:05:00.500000"),
    "2026-01-31 14:05:06.5": at("2026-01-31T14:05:06.500000"),
    "2026-01-31T14:05:00Z": at("2026-01-31T14:05"),
    "2026-01-31T22:05:00+08:00": at("2026-01-31T14:05"),
}


def _written(*times: str) -> dict[str, list[dict[str, object]]]:
    return {"orders": [{"customer_id": "a", "order_id": i, "ordered_at": t, "amount": 1} for i, t in enumerate(times)]}


def test_dates_are_read_in_common_formats():
    found = rows(history_of(_written(*WRITTEN_TIMES)), "SELECT ordered_at FROM orders ORDER BY order_id::INT")
    assert [moment for (moment,) in found] == list(WRITTEN_TIMES.values())


@pytest.mark.parametrize(("written", "read"), list(WRITTEN_TIMES.items()))
def test_a_date_reads_the_same_alone_and_among_others(written, read):
    assert rows(history_of(_written(written)), "SELECT ordered_at FROM orders") == [(read,)]


@pytest.mark.parametrize(
    ("dates", "read"), [("day_first", at("2026-04-03T08:26")), ("month_first", at("2026-03-04T08:26"))]
)
def test_an_ambiguous_date_is_read_by_the_date_format(dates, read):
    history = history_of(_written("03/04/2026 8:26"), Settings(date_format=dates))
    assert rows(history, "SELECT ordered_at FROM orders") == [(read,)]


def test_times_without_a_zone_are_local_and_others_are_converted():
    written = _written("2026-01-31", "2026-01-31T20:00:00Z", "2026-01-31T23:00:00+08:00")
    found = rows(
        history_of(written, Settings(timezone="Asia/Shanghai")), "SELECT ordered_at FROM orders ORDER BY order_id"
    )
    assert found == [(at("2026-01-31"),), (at("2026-02-01T04:00"),), (at("2026-01-31T23:00"),)]


def test_times_with_a_zone_in_parquet_are_converted_too(tmp_path):
    moments = pa.array([at("2026-01-31T20:00")], pa.timestamp("us", "UTC"))
    table = pa.table({"customer_id": ["a"], "order_id": ["1"], "ordered_at": moments, "amount": [1.0]})
    pq.write_table(table, tmp_path / "orders.parquet")
    found = rows(read_history(tmp_path, Settings(timezone="Asia/Shanghai")), "SELECT ordered_at FROM orders")
    assert found == [(at("2026-02-01T04:00"),)]


@pytest.mark.parametrize(
    ("written", "read"),
    [("12", 12), ("1,234.50", 1234.5), ("¥1,234", 1234), ("$ 99.9", 99.9), ("-3e2", -300), (" 7 ", 7)],
)
def test_amounts_are_read_in_common_formats(written, read):
    records = [{"customer_id": "a", "order_id": "1", "ordered_at": "2026-01-01", "amount": written}]
    assert rows(history_of({"orders": records}), "SELECT amount FROM orders") == [(read,)]


def test_ids_stored_as_numbers_are_the_same_ids(tmp_path):
    orders = pa.table({"customer_id": [12345.0], "order_id": [1], "ordered_at": [at("2026-01-01")], "amount": [1.0]})
    pq.write_table(orders, tmp_path / "orders.parquet")
    (tmp_path / "customers.csv").write_text("customer_id,name\n 12345 ,Ann\n00077,Bob\n", encoding="utf-8")
    found = rows(read_history(tmp_path), "SELECT customer_id, name FROM customers LEFT JOIN orders USING (customer_id)")
    assert sorted(found) == [("00077", "Bob"), ("12345", "Ann")]


def test_values_in_another_case_or_in_chinese_become_contract_values():
    records = [
        {"customer_id": "a", "occurred_at": "2026-01-01", "channel": channel, "direction": "Inbound"}
        for channel in ("Meeting", "拜访", "Besuch", "fax", "")
    ]
    settings = Settings(value_mapping={"channel": {"Besuch": "visit"}})
    history = history_of({"interactions": records}, settings)
    found = rows(history, "SELECT channel, direction FROM interactions ORDER BY channel NULLS LAST")
    assert [channel for channel, _ in found] == ["fax", "meeting", "visit", "visit", None]
    assert {direction for _, direction in found} == {"inbound"}


def test_further_columns_of_customers_are_attributes():
    customers = [{"customer_id": "a", "Rating": "A+", "seats": 12, "name": "Ann"}]
    assert rows(history_of({"customers": customers}), 'SELECT name, "Rating", seats FROM customers') == [
        ("Ann", "A+", 12)
    ]


def test_a_mapping_renames_tables_and_columns(folder_of):
    drawn = "客户 | 单号 | 下单时间 | 金额\n甲 | 1 | 2026-01-31 | 5\n"
    mapping = {
        "orders": {
            "table": "销售",
            "customer_id": "客户",
            "order_id": "单号",
            "ordered_at": "下单时间",
            "amount": "金额",
        }
    }
    history = read_history(folder_of(销售=drawn), Settings(mapping=mapping))
    assert rows(history, "SELECT customer_id, ordered_at, amount FROM orders") == [("甲", at("2026-01-31"), 5)]


def test_a_mapping_to_a_missing_column_gets_a_message(folder_of):
    folder = folder_of(orders=ORDERS, customers="customer_id | Rating\na | A+\n")
    renamed = read_history(folder, Settings(mapping={"customers": {"grade": "Rating"}}))
    assert rows(renamed, "SELECT grade FROM customers") == [("A+",)]
    sentence = r'\[mapping\.customers\] grade = "Ratings": there is no such column\. It has: customer_id, Rating\.'
    with pytest.raises(TableError, match=sentence):
        read_history(folder, Settings(mapping={"customers": {"grade": "Ratings"}}))


def test_tables_in_memory_may_have_contract_names_despite_a_mapping():
    settings = Settings(mapping={"customers": {"table": "客户", "customer_id": "编号", "grade": "等级"}})
    customers = [{"customer_id": "a", "grade": "A+"}]
    assert rows(history_of({"customers": customers}, settings), "SELECT customer_id, grade FROM customers") == [
        ("a", "A+")
    ]


def test_names_in_another_case_are_recognised(folder_of):
    drawn = "CustomerId | Order ID | ordered-at | AMOUNT\na | 1 | 2026-01-31 | 5\n"
    assert rows(read_history(folder_of(Orders=drawn)), "SELECT customer_id, amount FROM orders") == [("a", 5)]


def test_a_gb18030_csv_is_read(tmp_path):
    written = "customer_id,order_id,ordered_at,amount,product\n甲公司,1,2026-01-31,5,水泵\n"
    (tmp_path / "orders.csv").write_bytes(written.encode("gb18030"))
    assert rows(read_history(tmp_path), "SELECT customer_id, product FROM orders") == [("甲公司", "水泵")]


def test_a_contract_without_an_end_ends_in_2200():
    records = [{"contract_id": "1", "customer_id": "a", "started_at": "2026-01-01", "ends_at": "9999-12-31"}]
    assert rows(history_of({"contracts": records}), "SELECT ends_at FROM contracts") == [(at("2200-01-01"),)]


def test_a_borrowed_database_is_cleared_between_histories():
    database = open_database(Settings())
    with history_of(_written("2026-01-31"), database=database):
        pass
    customers = {"customers": [{"customer_id": "a"}]}
    with history_of(customers, database=database) as second:
        assert second.connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
        assert second.present == {"customers": {"customer_id"}}
    database.close()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, r"holds no tables\. Put orders\.parquet or orders\.csv there"),
        ({"customers.csv": "customer_id\na\n"}, r"there is no table orders.*It has: customers"),
        ({"orders.csv": "customer_id,order_id,date,amount\n"}, r"orders\.csv: has no column ordered_at\. It has: cust"),
        (
            {"orders.csv": "", "orders.parquet": ""},
            r"orders is there 2 times \(orders\.csv, orders\.parquet\)\. Keep one",
        ),
        ({"orders.parquet": "no parquet"}, r"orders\.parquet: cannot be read"),
    ],
)
def test_a_folder_without_a_valid_history_gets_a_message(tmp_path, files, sentence):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match=sentence):
        read_history(tmp_path)


def test_a_missing_folder_gets_a_message(tmp_path):
    with pytest.raises(TableError, match="there is no such folder"):
        read_history(tmp_path / "nowhere")


def test_an_unknown_table_gets_a_message():
    with pytest.raises(TableError, match=r"visits: no such table\. The contract has campaigns, changes, contacts"):
        history_of({"visits": []})


def test_a_row_that_is_not_an_object_gets_a_message():
    with pytest.raises(TableError, match="orders: row 2 is 7, not an object with named columns"):
        history_of({"orders": [{"customer_id": 1}, 7]})
