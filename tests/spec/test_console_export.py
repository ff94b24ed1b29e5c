"""Exports carry texts as texts, whatever they look like."""

import csv
import io

import pytest
from openpyxl import load_workbook

from rapport.serving.console.export import to_csv, to_excel

FORMULAS = ('=cmd|"/c calc"!A1', "+1", "-2", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "|x", "%0A=1")


@pytest.mark.parametrize("name", FORMULAS)
def test_a_text_that_looks_like_a_formula_gets_a_quote_in_csv(name):
    rows = list(csv.reader(io.StringIO(to_csv(["name"], [[name]]).decode("utf-8-sig"), newline="")))
    assert rows == [["name"], [f"'{name}"]]


def test_other_texts_and_numbers_stay_as_they_are_in_csv():
    text = to_csv(["名称", "p"], [["上海 “A”, Ltd", -0.25], ["a\nb", None]]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["名称", "p"], ["上海 “A”, Ltd", "-0.25"], ["a\nb", ""]]


def test_excel_holds_formulas_and_links_as_plain_text():
    rows = [[name, 0.5] for name in (*FORMULAS, "http://example.com", "🚀")]
    sheet = load_workbook(io.BytesIO(to_excel(["name", "p"], rows, sheet="churn")))["churn"]
    assert {cell.data_type for cell in sheet["A"]} == {"s"}
    assert [cell.value for cell in sheet["A"]][1] == '=cmd|"/c calc"!A1'
    assert [cell.value for cell in sheet["B"]][1:] == [0.5] * len(rows)
    assert all(cell.hyperlink is None for cell in sheet["A"])
