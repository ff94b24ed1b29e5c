"""Rows that a condition or a connector leaves out are counted, and amounts come in one currency."""

from datetime import datetime

import pytest
from csv_folder import write_csv

from rapport.errors import SettingsError, TableError
from rapport.history import Settings, history_of, read_history
from rapport.history.checks import check_history

RATES = "currency,as_of,rate\nUSD,2025-01-01,7\nUSD,2025-06-01,7.5\neur,2025-01-01,8\n"
ORDERS = (
    "customer_id,order_id,ordered_at,amount,currency,status,_fivetran_deleted\n"
    "a,1,2025-02-01,10,USD,paid,false\na,2,2025-07-01,10,usd,paid,FALSE\na,3,2025-07-01,10,EUR,paid,\n"
    "b,4,2025-07-01,10,CNY,paid,false\nb,5,2025-07-01,10,,paid,false\nb,6,2025-07-01,10,USD,cancelled,false\n"
    "b,7,2025-07-01,10,USD,paid,true\n"
)


def test_amounts_are_converted_at_the_rate_of_their_own_time_and_left_out_rows_are_counted(tmp_path):
    settings = Settings(currency="CNY", mapping={"orders": {"table": "orders", "where": "status <> 'cancelled'"}})
    with read_history(write_csv(tmp_path, {"orders": ORDERS, "rates": RATES}), settings) as history:
        found = history.connection.execute("SELECT order_id, amount FROM orders ORDER BY 1").fetchall()
        assert found == [("1", 70.0), ("2", 75.0), ("3", 80.0), ("4", 10.0), ("5", 10.0)]
        report = check_history(history)
    (orders,) = (table for table in report.tables if table.name == "orders")
    assert (orders.rows, orders.left_out) == (5, 2)
    assert "2 left out by where or as deleted" in report.as_text("en")
    assert "2 按 where 条件或删除标记略去" in report.as_text("zh")
    assert "mixed_currency" not in {finding.code for finding in report.findings}


def test_a_currency_without_a_rate_at_that_time_rejects_the_row_and_without_rates_the_check_says_so(tmp_path):
    early = ORDERS.replace("a,1,2025-02-01", "a,1,2024-02-01")
    with read_history(write_csv(tmp_path, {"orders": early, "rates": RATES}), Settings(currency="CNY")) as history:
        ((_, reason, count, line, value),) = history.rejected.summary()
        assert (count, line, value) == (1, 2, "10")
        assert reason == "amount is in a currency for which rates has no rate at that time: add it, in CNY."
    (tmp_path / "rates.csv").unlink()
    with read_history(tmp_path) as history:
        assert "mixed_currency" in {finding.code for finding in check_history(history).findings}


def test_a_history_of_amounts_beside_converted_amounts_is_refused():
    deal = {"opportunity_id": "o", "customer_id": "a", "opened_at": "2025-02-01", "amount": 5, "currency": "USD"}
    change = {"table": "opportunities", "record_id": "o", "changed_at": "2025-03-01", "column": "amount", "value": "5"}
    tables = {
        "orders": [{"customer_id": "a", "order_id": "1", "ordered_at": datetime(2025, 1, 5), "amount": 1}],
        "opportunities": [deal],
        "rates": [{"currency": "USD", "as_of": "2025-01-01", "rate": 7}],
    }
    own = Settings(currency="CNY")
    with history_of(tables, own) as history:
        assert history.connection.execute("SELECT amount FROM opportunities").fetchall() == [(35.0,)]
    with pytest.raises(SettingsError, match="set `currency`"):
        history_of(tables)
    with pytest.raises(TableError, match="opportunities: amounts are converted by rates, but those in its history"):
        history_of(tables | {"changes": [change]}, own)
