"""Lists of customers: filters, columns, saved views, search, exports."""

import io
import re

from console_client import ConsoleClient
from example_portfolio import HOSTILE
from openpyxl import load_workbook


def test_the_line_of_the_capacity_is_drawn_also_at_the_end_of_a_page(open_app, monkeypatch):
    monkeypatch.setattr(open_app, "about", lambda kept=open_app.about: {**kept(), "calls_per_week": 50})
    assert "capacity of 50 contacts ends here" in ConsoleClient(open_app).see("/")


def test_filters_survive_the_breadcrumb_and_the_switch_of_target(open_app):
    browser = ConsoleClient(open_app)
    page = browser.see("/?owner=Tom+Becker&sort=probability")
    assert 'href="?target=conversion&amp;owner=Tom+Becker&amp;sort=probability"' in page
    link = re.search(r'href="(/customers/C-\d+[^"]*)"', page).group(1).replace("&amp;", "&")
    assert 'class="crumb"><a href="/?owner=Tom+Becker&amp;sort=probability"' in browser.see(link)


def test_the_portfolio_of_a_filter_adds_up_its_own_customers(open_app):
    page = ConsoleClient(open_app).see("/portfolio?owner=Tom+Becker&region=East")
    rows = [
        row
        for row in open_app.portfolio_table("churn").to_pylist()
        if (row["owner"], row["region"]) == ("Tom Becker", "East")
    ]
    assert f'title="¥{sum(row["revenue_at_risk"] for row in rows):,.0f}"' in page
    assert f"<dd>{len(rows)}</dd>" in page
    assert "Retention by first-order quarter" not in page
    # The links to the list keep the filter, and the switch of target keeps it, too.
    assert "owner=Tom+Becker&amp;region=East" in page


def test_columns_are_chosen_and_a_view_is_saved_and_shared(locked):
    browser = locked("key-of-all")
    assert "Contract end" not in re.search(r"<thead>.*?</thead>", browser.see("/"), re.S).group()
    assert "Contract end" in re.search(r"<thead>.*?</thead>", browser.see("/?column=renewal&column=why"), re.S).group()
    browser.send("/views", name="Renewals", query="renewal=30&sort=renewal", shared="yes", back="/")
    assert 'href="/?renewal=30&amp;sort=renewal"' in browser.see("/")


def test_selected_rows_are_exported_and_nothing_else(open_app, locked):
    browser = ConsoleClient(open_app)
    chosen = {f"pick.{key}": "yes" for key in ("C-1003", "C-1007")}
    answer = browser.send("/work/export", format="csv", **chosen)
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == {"C-1003", "C-1007"}
    sheet = load_workbook(io.BytesIO(browser.send("/work/export", format="xlsx", **chosen).content))["churn"]
    assert sheet.max_row == 3
    assert browser.send("/work/export", format="csv").status_code == 422
    # A reader exports, too, and an owner gets no row of somebody else.
    assert locked("key-of-reader").send("/work/export", **chosen).status_code == 200
    every = {f"pick.C-{1000 + place}": "yes" for place in range(60)}
    own = locked("key-of-maria").send("/work/export", **every).content.decode("utf-8-sig").splitlines()[1:]
    assert own
    assert {line.split(",")[2] for line in own} == {"Maria Lopez"}


def test_exports_hold_the_filtered_rows_with_the_numbers_of_the_application(open_app):
    browser = ConsoleClient(open_app)
    lines = (
        browser.ask("GET", "/worklist.csv?owner=Tom+Becker&sort=probability").content.decode("utf-8-sig").splitlines()
    )
    header = lines[0].split(",")
    assert header[:2] == ["customer_id", "name"]
    assert {line.split(",")[2] for line in lines[1:]} == {"Tom Becker"}
    first = dict(zip(header, lines[1].split(","), strict=False))
    assert float(first["12-month churn risk"]) == open_app.facts(first["customer_id"], "churn")["probability"]
    sheet = load_workbook(io.BytesIO(browser.ask("GET", "/worklist.xlsx?mark=all").content))["churn"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert set(HOSTILE) <= {cell.value for cell in sheet["B"]}


def test_the_search_goes_straight_to_a_customer_whose_id_is_given(open_app):
    browser = ConsoleClient(open_app)
    assert browser.ask("GET", "/find?q=C-1120").headers["location"] == "/customers/C-1120"
    assert browser.ask("GET", "/find?q=l-1003").headers["location"] == "/customers/L-1003"
    found = browser.see("/find?q=Harbour")
    assert "Harbour &amp; Finch" in found
    assert "/customers/L-10" in found
