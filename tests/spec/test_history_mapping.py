"""What `rapport map` proposes for a company's own names, and that the proposal can be read back."""

import tomllib
from datetime import datetime
from functools import partial

import pytest
from csv_folder import write_csv

from rapport.errors import TableError
from rapport.history import Settings, read_history
from rapport.history.mapping import propose_mapping

at = datetime.fromisoformat

CHINESE = {
    "客户信息": "客户编号,客户名称,所属行业,省份,建档日期,信用等级\nK001,甲公司,机械,江苏,2024-01-02,A\n",
    "销售订单明细": "订单编号,客户编号,下单日期,产品名称,数量,金额,备注\nS1,K001,2025-01-03,泵,2,1200.00,加急\n",
    "拜访记录": "客户,拜访日期,方式,内容\nK001,2025-01-01,上门拜访,谈\n",
    "应收": "发票号码,客户编号,开票日期,到期日,回款日期,应收金额\nF1,K001,2025-01-10,2025-02-10,2025-02-20,1200\n",
    "仓库": "仓库,库存\n一,3\n",
}
ENGLISH = {
    "Accounts": "AccountId,AccountName,NumberOfEmployees,CreatedDate\nA1,Acme,50,2024-01-01\n",
    "OnlineRetail": "InvoiceNo,Quantity,InvoiceDate,When,UnitPrice,Customer ID\n1,6,x,12/13/2010 8:26,2.5,A1\n",
    "Opportunity": "Id,AccountId,Stage,Amount,CloseDate,CreatedDate,Won\nO1,A1,Won,100,5/1/2011,2/13/2011,true\n",
}


@pytest.fixture
def folder_of(tmp_path):
    return partial(write_csv, tmp_path)


def test_chinese_tables_and_columns_are_recognised_and_the_proposal_reads_them(folder_of):
    folder = folder_of(CHINESE)
    proposed = propose_mapping(folder)
    assert proposed.as_dict()["mapping"] == {
        "customers": {
            "table": "客户信息",
            "customer_id": "客户编号",
            "created_at": "建档日期",
            "name": "客户名称",
            "region": "省份",
            "industry": "所属行业",
        },
        "orders": {
            "table": "销售订单明细",
            "customer_id": "客户编号",
            "order_id": "订单编号",
            "ordered_at": "下单日期",
            "amount": "金额",
            "product": "产品名称",
            "quantity": "数量",
        },
        "interactions": {
            "table": "拜访记录",
            "customer_id": "客户",
            "occurred_at": "拜访日期",
            "channel": "方式",
            "text": "内容",
        },
        "invoices": {
            "table": "应收",
            "invoice_id": "发票号码",
            "customer_id": "客户编号",
            "issued_at": "开票日期",
            "due_at": "到期日",
            "paid_at": "回款日期",
            "amount": "应收金额",
        },
    }
    settings = Settings.of(tomllib.loads(proposed.as_toml()))
    with read_history(folder, settings) as history:
        assert history.rows == {"customers": 1, "orders": 1, "interactions": 1, "invoices": 1}
        assert history.connection.execute("SELECT channel FROM interactions").fetchall() == [("visit",)]
        assert history.connection.execute("SELECT 信用等级 FROM customers").fetchall() == [("A",)]
    assert proposed.unused == ("仓库",)


def test_a_column_without_a_known_name_is_matched_by_its_values_and_the_date_format_is_detected(folder_of):
    folder = folder_of(ENGLISH)
    proposed = propose_mapping(folder)
    written = proposed.as_toml()
    assert 'ordered_at = "When"  # matched by values only' in written
    assert "# not used: InvoiceDate" in written
    assert proposed.date_format == "month_first"
    with read_history(folder, Settings.of(tomllib.loads(written))) as history:
        orders = history.connection.execute("SELECT customer_id, ordered_at, amount FROM orders").fetchall()
        closed = history.connection.execute("SELECT closed_at FROM opportunities").fetchall()
    # Six pieces at 2.50 each.
    assert orders == [("A1", at("2010-12-13T08:26"), 15.0)]
    assert closed == [(at("2011-05-01"),)]


def test_a_required_column_without_a_match_is_listed(folder_of):
    folder = folder_of({"orders": "customer_id,order_id,ordered_at,remark\na,1,2026-01-01,x\n"})
    written = propose_mapping(folder).as_toml()
    assert '# amount = "?"  # required, no match found' in written
    assert "# Nothing was found for: customers, contacts, interactions" in written


def test_a_history_with_contract_names_needs_no_mapping(folder_of):
    folder = folder_of({"orders": "Customer ID,Order ID,Ordered At,Amount\na,1,2026-01-01,5\n"})
    proposed = propose_mapping(folder)
    assert "# orders: recognised without a mapping." in proposed.as_toml()
    assert Settings.of(tomllib.loads(proposed.as_toml())) == Settings()


def test_two_columns_that_may_be_the_same_are_asked_about(folder_of):
    lines = "Customer ID,customer-id,order_id,ordered_at,amount\nA,B,1,2026-01-01,5\n"
    folder = folder_of({"orders": lines})
    with pytest.raises(
        TableError, match=r"orders\.csv: has 2 columns that may be customer_id: Customer ID, customer-id"
    ):
        read_history(folder)
    with read_history(folder, Settings(mapping={"orders": {"customer_id": "customer-id"}})) as history:
        assert history.connection.execute("SELECT customer_id FROM orders").fetchall() == [("B",)]


def test_a_name_that_two_columns_have_is_asked_about(folder_of):
    proposed = propose_mapping(
        folder_of({"orders": "customer_id,order_id,ordered_at,amount,amount\na,1,2026-01-31,5,7\n"})
    )
    asked = "orders: orders has amount and amount 2, or two columns amount. Which is amount? The first is taken."
    assert [doubt.en for doubt in proposed.doubts] == [asked]


def test_ids_that_are_written_in_two_ways_meet_without_a_doubt(folder_of):
    orders = "customer_id,order_id,ordered_at,amount\n17850.0,1,2026-01-31,5\n"
    proposed = propose_mapping(folder_of({"customers": "customer_id,region\n'17850,x\n", "orders": orders}))
    assert proposed.doubts == ()


def test_a_second_file_with_the_same_columns_is_asked_about(folder_of):
    lines = "customer_id,order_id,ordered_at,amount\na,{},2026-01-31,5\n"
    proposed = propose_mapping(folder_of({"sales_north": lines.format(1), "sales_south": lines.format(2)}))
    assert [doubt.en for doubt in proposed.doubts] == [
        "orders: sales_south has the same columns as sales_north and is not used. If both are orders, put their files "
        "into a folder orders/."
    ]


def test_names_after_the_table_parts_of_amounts_and_keys_known_by_their_values(folder_of):
    folder = folder_of(
        {
            "accounts": "Record,Company ID,Company Name\n1,A1,Acme\n2,A2,Bolt\n",
            "sales": "Sale - Order No,Sale - Company ID,Sale - Date,Sale - Subtotal Amount,Sale - Total Amount\n"
            "1,A1,2024-01-02,9,10\n2,A2,2024-01-03,9,10\n",
            "calls": "Call ID,Related To.id,Call Start Time\n1,A1,2024-02-01 10:00:00\n2,A2,2024-02-02 10:00:00\n",
            "events": "account_id,event_name,timestamp\nA1,login,2024-02-01 10:00:00\nA2,export,2024-02-01 11:00:00\n",
        }
    )
    proposed = propose_mapping(folder).as_dict()["mapping"]
    assert proposed["orders"] == {
        "table": "sales",
        "customer_id": "Sale - Company ID",
        "order_id": "Sale - Order No",
        "ordered_at": "Sale - Date",
        "amount": "Sale - Total Amount",
    }
    assert proposed["interactions"]["customer_id"] == "Related To.id"
    assert (proposed["usage"]["table"], proposed["usage"]["feature"]) == ("events", "event_name")


def test_a_file_of_orders_gives_its_customers_no_attributes_of_single_orders(folder_of):
    folder = folder_of(
        {"orders": "客户编码,客户名称,单据编号,日期,价税合计\nK1,甲,D1,2024-01-02,10\nK1,甲,D2,2024-01-03,20\n"}
    )
    proposal = propose_mapping(folder)
    with read_history(folder, Settings.of(tomllib.loads(proposal.as_toml()))) as history:
        customers = history.connection.execute("SELECT * FROM customers").to_arrow_table()
    assert customers["name"].to_pylist() == ["甲"]
    assert not {"单据编号", "价税合计"} & set(customers.column_names)


# Tables of a system with an id, a customer and a date, none of which is what the contract asks for.
_OTHER_THINGS = {
    "account_note": "id,account_id,created_at,text\n1,C1,2024-01-01,x\n",
    "billing_info_history": "id,account_id,created_at,payment_method_type\n1,C1,2024-01-01,card\n",
    "bill_payment": "id,check_bank_account_id,created_at,pay_type,total_amount\n1,B,2024-01-01,x,5\n",
    "coupon_redemption": "id,account_id,created_at,state\n1,C1,2024-01-01,active\n",
    "inventory_summary": "id,customer_damaged_quantity,last_updated_time,total_quantity\n1,0,2024-01-01,7\n",
    "order_discount_code": "order_id,code,amount,created_at\n1,X,5,2024-01-01\n",
    "purchase_order_line": "id,customer_id,item_id,quantity,amount,created_at\n1,C1,I,2,5,2024-01-01\n",
    "rate_plan": "id,account_id,created_date,amendment_type,name\n1,C1,2024-01-01,x,Gold\n",
    "ticket_tag": "ticket_id,tag,created_at,customer_id\n1,urgent,2024-01-01,C1\n",
    "供应商订单": "编号,供应商编号,日期,金额\n1,V1,2024-01-01,5\n",
}


def test_of_a_whole_schema_only_tables_of_the_contract_are_proposed(folder_of):
    wanted = {
        "crm_accounts": "id,name,created_at\nC1,Acme,2023-01-01\n",
        "shop_orders": "order_no,account_id,order_date,total\n1,C1,2024-01-01,5\n",
    }
    mapping = propose_mapping(folder_of(wanted | _OTHER_THINGS)).as_dict()["mapping"]
    assert {name: each["table"] for name, each in mapping.items()} == {
        "customers": "crm_accounts",
        "orders": "shop_orders",
    }


def test_a_table_of_two_hundred_columns_is_mapped_in_little_memory(folder_of):
    names = ["customer_id", "created_at", *(f"custom_{number}" for number in range(200))]
    folder = folder_of({"accounts": f"{','.join(names)}\nC1,2024-01-01{',x' * 200}\n"})
    assert (
        propose_mapping(folder, Settings(memory_limit="200MB")).as_dict()["mapping"]["customers"]["table"] == "accounts"
    )


# Order files of other languages: number, customer, time, amount and state of an order.
_LANGUAGES = {
    "commandes": ("N° Commande;Code Client;Date de commande;Montant TTC;Statut", "C1;K1;31/01/2024;5,00;Annulée"),
    "pedidos": ("Número de pedido;Cliente;Fecha pedido;Importe total;Estado", "1;K1;31-01-2024;5,00;Cancelado"),
    "ordini": ("Numero ordine;Codice cliente;Data ordine;Importo;Stato", "1;K1;31/01/2024;5,00;Annullato"),
    "bestellingen": ("Bestelnummer;Klantnummer;Besteldatum;Bedrag;Status", "1;K1;31-01-2024;5,00;Geannuleerd"),
    "受注": ("受注番号;顧客コード;受注日;金額;ステータス", "1;K1;2024/01/31;500;キャンセル"),
    "заказы": ("Номер заказа;Код клиента;Дата заказа;Сумма;Статус", "1;K1;31.01.2024;5,00;Отменён"),
    "订单": ("订单号;收货人;订单成交时间;用户实付金额(元);订单状态;商品总价(元)", "1;王;2024-01-31;5;已取消;9"),
}


@pytest.mark.parametrize("table", sorted(_LANGUAGES))
def test_an_order_file_in_another_language_is_understood_and_cancelled_orders_left_out(folder_of, table):
    header, line = _LANGUAGES[table]
    (number, customer, time, amount, state), cells = header.split(";")[:5], line.split(";")
    kept = ";".join(["2", *cells[1:4], "x", *cells[5:]])
    mapping = propose_mapping(folder_of({table: f"{header}\n{line}\n{kept}\n"})).as_dict()["mapping"]["orders"]
    assert {name: mapping[name] for name in ("customer_id", "order_id", "ordered_at", "amount", "where")} == {
        "customer_id": customer,
        "order_id": number,
        "ordered_at": time,
        "amount": amount,
        "where": f"coalesce({state}, '') not in ('{cells[4]}')",
    }


def test_accounts_and_deals_without_numbers_go_by_their_names_and_won_deals_are_orders(folder_of):
    deals = "Deal Name,Deal value,Deal stage,Account name,Closed date,Created at\n"
    deals += "D1,5,Won,Acme,2024-02-01,2024-01-01\nD1,7,Lost,Bolt,2024-02-02,2024-01-02\n"
    accounts = "Name,Country,Created at\nAcme,FR,2023-01-01\nBolt,DE,2023-01-01\n"
    folder = folder_of({"accounts": accounts, "deals": deals})
    proposed = propose_mapping(folder)
    assert [each.en.partition(",")[0] for each in proposed.doubts][:2] == [
        "customers: no column is customer_id",
        "opportunities: no column is opportunity_id",
    ]
    with read_history(folder, Settings.of(tomllib.loads(proposed.as_toml()))) as history:
        orders = history.connection.execute("SELECT customer_id, order_id, amount FROM orders").fetchall()
        assert orders == [("Acme", "D1 2024-01-01", 5.0)]
        assert history.rows["opportunities"] == 2


def test_invoices_are_orders_where_no_table_has_orders_and_contracts_decide_who_left(folder_of):
    invoices = "number,customer_id,invoice_date,due_date,total\n1,K1,2024-01-01,2024-02-01,5\n"
    contracts = "合同编号,客户名称,签约日期,到期时间,合同金额\nH1,甲,2024-01-01,2025-01-01,5\n"
    assert propose_mapping(folder_of({"invoices": invoices})).as_dict()["mapping"]["orders"] == {
        "table": "invoices", "customer_id": "customer_id", "order_id": "number", "ordered_at": "invoice_date",
        "amount": "total",
    }  # fmt: skip
    by_contract = propose_mapping(folder_of({"合同": contracts}))
    assert by_contract.settings == {"churn": "contracts"}


def test_a_price_group_is_no_parent_of_customers(folder_of):
    rows = "".join(f"K{number},1,Name {number}\n" for number in range(1, 9))
    mapping = propose_mapping(folder_of({"customers": f"customer_id,group_id,name\n{rows}"})).as_dict()["mapping"]
    assert "parent_id" not in mapping["customers"]


ORDERS = "OrderID,CustomerID,OrderDate,RequiredDate,Freight\n" + "".join(
    f"{n},K{n % 7},2025-0{1 + n % 9}-1{n % 9},2026-01-0{1 + n % 9},{n}.5\n" for n in range(100, 160)
)


def lines_of(columns, row):
    return f"{columns}\n" + "".join(f"{row.format(n=n, half=n / 2)}\n" for n in range(100, 160) for _ in range(2))


def test_orders_and_their_lines_in_two_tables_are_joined(folder_of):
    lines = lines_of("OrderID,ProductID,UnitPrice,Quantity", "{n},P{n},{half},4")
    folder = folder_of({"orders": ORDERS, "order_details": lines, "shippers": "id,name\n1,Fast\n"})
    proposed = propose_mapping(folder)
    assert "orders" not in proposed.unused
    mapping = proposed.as_dict()["mapping"]["orders"]
    assert (mapping["table"], mapping["join"]) == ("order_details", "orders on OrderID = OrderID")
    assert (mapping["ordered_at"], mapping["amount"]) == ("OrderDate", "Quantity * UnitPrice")
    with read_history(folder, Settings(mapping=proposed.as_dict()["mapping"])) as history:
        found = history.connection.execute("SELECT count(*), sum(amount), count(DISTINCT customer_id) FROM orders")
        assert [float(each) for each in found.fetchone()] == [120, sum(2 * 4 * n / 2 for n in range(100, 160)), 7]


def test_lines_of_other_orders_are_asked_about_and_not_joined(folder_of):
    lines = lines_of("OrderID,ProductID,UnitPrice,Quantity", "x{n},P{n},{half},4")
    proposed = propose_mapping(folder_of({"orders": ORDERS, "order_details": lines}))
    assert any("order_details looks like the lines of orders" in each.en for each in proposed.doubts)
    assert "join" not in proposed.as_dict()["mapping"]["orders"]


def test_lines_with_quantities_alone_take_the_prices_of_the_products_and_ask_for_those_that_were_paid(folder_of):
    lines = lines_of("line_id,order_id,product_id,quantity", "{n},{n},P{n},3")
    products = lines_of("product_id,price", "P{n},{half}").splitlines()
    folder = folder_of({"orders": ORDERS, "order_items": lines, "products": "\n".join(dict.fromkeys(products)) + "\n"})
    proposed = propose_mapping(folder)
    assert any("those of today" in each.en for each in proposed.doubts)
    with read_history(folder, Settings(mapping=proposed.as_dict()["mapping"])) as history:
        ((total,),) = history.connection.execute("SELECT sum(amount) FROM orders").fetchall()
        assert float(total) == sum(2 * 3 * n / 2 for n in range(100, 160))


def test_a_customer_number_that_is_new_with_every_order_is_not_the_customer(folder_of):
    orders = "order_id,customer_id,purchase_timestamp,delivered_date\n" + "".join(
        f"o{n},c{n},2025-0{1 + n % 9}-11 10:00:00,2025-12-0{1 + n % 9}\n" for n in range(60)
    )
    customers = "customer_id,customer_unique_id,city\n" + "".join(f"c{n},u{n % 12},Franca\n" for n in range(60))
    items = "order_id,product_id,price,limit_date\n" + "".join(f"o{n},p1,{n}.5,2026-02-01\n" for n in range(60))
    tables = {"orders": orders, "customers": customers, "order_items": items, "sellers": "seller_id,city\n1,Rio\n"}
    folder = folder_of({f"shop_{name}_dataset": text for name, text in tables.items()})
    proposed = propose_mapping(folder)
    assert any("customer_unique_id" in each.en for each in proposed.doubts)
    assert proposed.as_dict()["mapping"]["orders"]["ordered_at"] == "purchase_timestamp"
    with read_history(folder, Settings(mapping=proposed.as_dict()["mapping"])) as history:
        ((buyers,),) = history.connection.execute("SELECT count(DISTINCT customer_id) FROM orders").fetchall()
        assert (buyers, history.rows["customers"], history.rows["orders"]) == (12, 12, 60)


def test_a_file_that_is_no_table_of_the_history_may_be_unreadable(folder_of):
    folder = folder_of({**ENGLISH, "warehouse": ""})
    proposed = propose_mapping(folder)
    assert any("warehouse.csv" in each.en for each in proposed.doubts)
    settings = Settings(mapping=proposed.as_dict()["mapping"], date_format="month_first")
    with read_history(folder, settings) as history:
        assert history.rows["orders"] == 1
    (folder / "tickets.csv").write_text("")
    with pytest.raises(TableError, match="tickets"):
        propose_mapping(folder)
    with pytest.raises(TableError, match="tickets"):
        read_history(folder, settings)
