"""How files and values of real exports are read: the right value of each case that was once read wrongly."""

from datetime import datetime

import pytest

from rapport.errors import TableError
from rapport.history import Settings, history_of, read_history

at = datetime.fromisoformat
HEAD = "customer_id,order_id,ordered_at,amount\n"


@pytest.fixture
def orders_of(tmp_path):
    """Write files, read them, and return the rows of a query."""

    def read(files, ask="SELECT customer_id, ordered_at, amount FROM orders ORDER BY order_id", **settings):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with read_history(tmp_path, Settings(**settings)) as history:
            return history.connection.execute(ask).fetchall()

    return read


def amounts(*written, **settings):
    rows = [{"customer_id": "a", "order_id": i, "ordered_at": "2026-01-01", "amount": w} for i, w in enumerate(written)]
    with history_of({"orders": rows}, Settings(**settings)) as history:
        return [
            value for (value,) in history.connection.execute("SELECT amount FROM orders ORDER BY order_id").fetchall()
        ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (("-$3,850.00", "$1.50"), [-3850, 1.5]),
        (("($3,850.00)", "$1.50"), [-3850, 1.5]),
        (("3,850.00-",), [-3850]),
        (("−3850", "4400"), [-3850, 4400]),
        (("4.400,00", "79,60", "80"), [4400, 79.6, 80]),
        (("4.400", "79,60"), [4400, 79.6]),
        (("4.400", "79.60"), [4.4, 79.6]),
        (("4\u202f400,00 €", "79,60 €"), [4400, 79.6]),
        (("CHF 4'400", "CHF 79.50"), [4400, 79.5]),
        (("₹1,00,000",), [100000]),
        (("1.2万", "3亿"), [12000, 3e8]),
        (("３，８５０", "１２．５"), [3850, 12.5]),
        (("1.234.567",), [1234567]),
        (("USD 12", "7 EUR", "-5 CNY"), [12, 7, -5]),
    ],
)
def test_amounts_are_read_with_the_decimal_mark_that_the_whole_column_shows(written, read):
    assert amounts(*written) == read


@pytest.mark.parametrize("written", [("4.400", "80", "6.050"), ("1.234,50", "1,234.50", "7.500")])
def test_amounts_that_can_be_read_in_two_ways_are_asked_about(written):
    with pytest.raises(TableError, match=r'amount can be read as two numbers: set decimal = "\." or ","'):
        amounts(*written)
    assert amounts("4.400", "80", decimal=",") == [4400, 80]
    assert amounts("4.400", "80", decimal=".") == [4.4, 80]


def test_a_comma_before_three_digits_separates_thousands_but_not_in_a_file_that_needs_semicolons(orders_of):
    head = HEAD.replace(",", ";")
    with pytest.raises(TableError, match="set decimal"):
        orders_of({"orders.csv": head + "a;1;2026-01-31;1,250\nb;2;2026-01-31;80\n"})
    assert amounts("1,250", "80") == [1250, 80]


def times(*written, **settings):
    rows = [{"customer_id": "a", "order_id": i, "ordered_at": w, "amount": 1} for i, w in enumerate(written)]
    with history_of({"orders": rows}, Settings(**settings)) as history:
        return [t for (t,) in history.connection.execute("SELECT ordered_at FROM orders ORDER BY order_id").fetchall()]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (("01/03/2022 03:43 PM", "01/16/2022 04:37 PM"), ["2022-01-03T15:43", "2022-01-16T16:37"]),
        (("16/01/2022", "03/04/2022"), ["2022-01-16", "2022-04-03"]),
        (("01/03/22", "01/16/22"), ["2022-01-03", "2022-01-16"]),
        (("16/01/99", "03/04/99"), ["1999-01-16", "1999-04-03"]),
        (("03-Jan-2022", "4-feb-2022"), ["2022-01-03", "2022-02-04"]),
        (("Jan 3, 2022", "December 4, 2022 3:05 pm"), ["2022-01-03", "2022-12-04T15:05"]),
        (("3. März 2022",), ["2022-03-03"]),
        (("2022.01.03",), ["2022-01-03"]),
        (("2022年1月3日 15:43",), ["2022-01-03T15:43"]),
        (("2022-05-14 09:07:00 -0500",), ["2022-05-14T14:07"]),
        (("Mon, 03 Jan 2022 15:43:00 +0000",), ["2022-01-03T15:43"]),
        (("20220103", "20220103154300"), ["2022-01-03", "2022-01-03T15:43"]),
        (("1641224580.0",), ["2022-01-03T15:43"]),
        (("1715102220000", "999999999999"), ["2024-05-07T17:17", "2001-09-09T01:46:39.999"]),
        (("44564.5", "44565"), ["2022-01-03T12:00", "2022-01-04"]),
    ],
)
def test_times_are_read_in_the_form_that_the_whole_column_shows(written, read):
    assert times(*written) == [at(moment) for moment in read]


@pytest.mark.parametrize(
    "written", [("03/04/2022", "05/06/2022"), ("22/01/03", "22/01/04"), ("16/01/2022", "01/16/2022", "03/04/2022")]
)
def test_dates_that_no_value_decides_are_asked_about(written):
    with pytest.raises(TableError, match="ordered_at can be read as two days: set date_format"):
        times(*written)


def test_numbers_of_a_typed_column_are_read_as_one_kind_of_time():
    assert times(1715102220000, 999999999999) == [at("2024-05-07T17:17"), at("2001-09-09T01:46:39.999")]
    assert times(44564.5, 44565.0) == [at("2022-01-03T12:00"), at("2022-01-04")]


def test_ids_are_stripped_and_words_for_nothing_are_missing(orders_of):
    lines = ["17850.0", "\u00a017850\u3000", '"=""17850"""', "NULL", "NaN", "None", "\\N", "#N/A", "-", "Total"]
    text = HEAD + "".join(f"{line},{place},2026-01-31,5\n" for place, line in enumerate(lines))
    assert orders_of({"orders.csv": text}, reject_share=0.9) == [("17850", at("2026-01-31"), 5.0)] * 3


def test_version_numbers_are_not_mistaken_for_whole_numbers(orders_of):
    found = orders_of({"orders.csv": HEAD + "1.10,1,2026-01-31,5\n1.0,2,2026-01-31,5\n"})
    assert [who for who, _, _ in found] == ["1.10", "1.0"]


def test_stages_say_which_deals_are_won_lost_or_open(orders_of):
    stages = ("Closed Won", "Closed Lost", "Negotiation", "赢单", "已取消")
    deals = "".join(f"{n},a,2026-01-01,2026-03-01,{stage}\n" for n, stage in enumerate(stages))
    files = {
        "orders.csv": HEAD + "a,1,2026-01-31,5\n",
        "opportunities.csv": "opportunity_id,customer_id,opened_at,closed_at,won\n" + deals,
    }
    closed = at("2026-03-01")
    assert orders_of(files, "SELECT won, closed_at FROM opportunities ORDER BY opportunity_id") == [
        (True, closed),
        (False, closed),
        (None, None),
        (True, closed),
        (False, closed),
    ]


ROW = "a,1,2026-01-31,5\n"


@pytest.mark.parametrize(
    "files",
    [
        {"orders.csv": "销售订单报表,,,\n导出时间：2024-10-01,,,\n" + HEAD + ROW},
        {"orders.csv": "sep=,\n" + HEAD + ROW},
        {"orders.csv": "\n" + HEAD + ROW},
        {"orders.csv": (HEAD + ROW).replace(",", "\t").encode("utf-16")},
        {"orders (1).csv": HEAD + ROW},
        {"orders.csv": HEAD + ROW, "orders - Copy.csv": HEAD + ROW},
        {"orders.csv": HEAD + ROW, "rapport-data/models/a.csv": "x\n1\n", "rapport-data/b.parquet": "x"},
        {"orders.jsonl": '{"customer_id": "a", "order_id": 1, "ordered_at": "2026-01-31", "amount": 5.0}\n'},
        {"orders.xls": f"<table><tr><th>{HEAD.replace(',', '<th>')}<tr><td>{ROW.replace(',', '<td>')}"},
    ],
    ids=["title", "sep", "blank line", "utf-16", "numbered", "copy", "data folder", "json lines", "cut page"],
)
def test_a_file_is_read_as_it_was_exported(orders_of, files):
    assert orders_of(files) == [("a", at("2026-01-31"), 5.0)]


def test_files_of_several_months_are_one_table_and_overlapping_ones_are_refused(orders_of):
    files = {f"orders_2022-0{month}.csv": HEAD + f"a,{month},2022-0{month}-01,5\n" for month in (1, 2, 3)}
    assert len(orders_of(files)) == 3
    both = HEAD + "a,1,2022-01-01,5\na,2,2022-02-01,5\n"
    with pytest.raises(TableError, match=r"orders \(3 files\): 1 rows are in more than one of its files"):
        orders_of({"orders_2022-02.csv": both})


def test_a_single_file_is_a_history(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(HEAD + ROW)
    with read_history(path) as history:
        assert history.rows == {"orders": 1}


def test_letters_are_read_as_what_they_mean_or_asked_about(orders_of):
    ask = "SELECT customer_id FROM orders ORDER BY order_id"
    text = HEAD + "Österreich,1,2026-01-31,5\nMüller,2,2026-01-31,5\n"
    assert orders_of({"orders.csv": text.encode("cp1252")}, ask) == [("Österreich",), ("Müller",)]
    unclear = (HEAD + "Bjørn,1,2026-01-31,5\n").encode("cp1252")
    with pytest.raises(TableError, match=r'cp1252 \(Bjørn\) or as cp1250 \(Bjřrn\)\. Set encoding = "cp1252"'):
        orders_of({"orders.csv": unclear}, ask)
    assert orders_of({"orders.csv": unclear}, ask, encoding="cp1250") == [("Bjřrn",)]


def test_one_bad_line_of_a_gb18030_file_is_set_aside(orders_of):
    text = (HEAD + "上海机械有限公司,1,2026-01-31,5\n深圳公司,2,2026-01-31,7\n").encode(
        "gb18030"
    ) + b"\xff\xff,3,2026-01-31,5\n"
    found = orders_of({"orders.csv": text}, "SELECT customer_id FROM orders ORDER BY order_id", reject_share=0.5)
    assert found == [("上海机械有限公司",), ("深圳公司",)]


SALES = "Invoice No,Customer,Invoice Date,Qty,Unit Price,Status\n"


def test_a_mapping_computes_filters_and_splits(orders_of):
    lines = "1,ann,2026-01-31,2,3.50,Paid\n1,ann,2026-01-31,-1,3.50,\n2,bob,2026-02-01,1,9.00,Cancelled\n"
    mapping = {
        "orders": {
            "table": "sales",
            "customer_id": "Customer",
            "order_id": "Invoice No",
            "ordered_at": "Invoice Date",
            "amount": 'qty * "Unit Price"',
            "product": "'pump'",
            "where": "status <> 'Cancelled'",
        },
        "customers": {"table": "sales", "customer_id": "Customer"},
    }
    ask = "SELECT order_id, amount, product, (SELECT count(*) FROM customers) FROM orders ORDER BY amount"
    found = orders_of({"sales.csv": SALES + lines}, ask, mapping=mapping)
    assert found == [("1", -3.5, "pump", 2), ("1", 7.0, "pump", 2)]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("state <> 'x'", r"where: there is no column state\. It has: Invoice No"),
        ("read_text('f') = 'x'", r"there is no column read_text"),
        ("status ; 1", r"cannot be read at '; 1'"),
    ],
)
def test_an_expression_has_only_columns_texts_numbers_and_operators(orders_of, where, sentence):
    mapping = {"orders": {"table": "sales", "customer_id": "Customer", "order_id": "Invoice No", "where": where}}
    mapping["orders"] |= {"ordered_at": "Invoice Date", "amount": "Qty"}
    with pytest.raises(TableError, match=sentence):
        orders_of({"sales.csv": SALES + "1,ann,2026-01-31,2,3.5,x\n"}, mapping=mapping)


BROKEN = {
    "a damaged archive": (
        {"orders.csv.gz": b"\x1f\x8b\x08\x00cut"},
        r"orders\.csv\.gz: cannot be unpacked: .*Compress it again",
    ),
    "no JSON": ({"orders.json": "{bad"}, r"orders\.json: holds no JSON object\. Write a list of objects"),
    "a page of a sign-in": (
        {"orders.xls": "<html><p>Your session has ended.</p></html>"},
        r"orders\.xls: is a web page or XML without a table\. .*Export it again",
    ),
    "a name twice": (
        {"orders.csv": "customer_id,order_id,ordered_at,amount,amount\na,1,2026-01-31,5,7\n"},
        r"has 2 columns that may be amount: amount, amount 2\. Say which one it is",
    ),
    "a column missing": (
        {"orders.csv": "customer_id,order_id,ordered_at\na,1,2026-01-31\n"},
        r'\[mapping\.orders\] amount = "its name there"',
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_gets_a_sentence_with_what_to_do(orders_of, case):
    files, sentence = BROKEN[case]
    with pytest.raises(TableError, match=sentence):
        orders_of(files)


def test_a_database_that_is_not_there_is_not_created(tmp_path):
    pytest.importorskip("ibis", reason="the extra sql is not installed")
    with pytest.raises(TableError, match=r"there is no such file .*Write sqlite:// and its path"):
        read_history(f"sqlite://{tmp_path}/nothing.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_within_a_letter_loses_only_that_line(orders_of):
    text = (HEAD + "".join(f"a,{number},2026-01-31,5\n" for number in range(30))).encode("utf-16")[:-1]
    assert len(orders_of({"orders.csv": text})) == 29
