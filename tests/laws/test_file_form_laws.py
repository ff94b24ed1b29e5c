"""The law of files: whatever form an export has, it is read to the same cells, or stopped with a question."""

import csv
import io
import random
import re

import pytest
from file_forms import AMOUNTS, ENCODINGS, FORMATS, IDS, TIMES, clean_rows, written

from rapport.errors import TableError
from rapport.history import Settings, read_history
from rapport.history.mapping import propose_mapping
from rapport.history.mapping.settings_file import open_questions, settings_of

# Rows that are no orders: totals and a footer, a header that is repeated.
SET_ASIDE = {"titled": 2, "quoted": 1}
ASKED = re.compile(r"set (date_format|decimal|encoding)", re.IGNORECASE)


def forms():
    """Every form of each kind once with plain others, then drawn mixtures of all kinds."""
    for name in FORMATS:
        yield name, "utf-8", "iso", "plain", "plain"
    for name in ENCODINGS:
        yield "csv", name, "iso", "plain", "plain"
    for name in TIMES:
        yield "csv", "utf-8", name, "plain", "plain"
    for name in AMOUNTS:
        yield "csv", "utf-8", "iso", name, "plain"
    for name in IDS:
        yield "csv", "utf-8", "iso", "plain", name
    draw = random.Random(11)
    for _ in range(60):
        yield tuple(draw.choice(list(each)) for each in (FORMATS, ENCODINGS, TIMES, AMOUNTS, IDS))


@pytest.mark.parametrize("form", list(dict.fromkeys(forms())), ids=" · ".join)
def test_a_form_is_read_to_the_same_cells_or_asked_about(form, tmp_path):
    put, encoding, time, amount, key = form
    rows = clean_rows(ENCODINGS[encoding])
    try:
        FORMATS[put](tmp_path, written(rows, time, amount, key), encoding)
    except UnicodeEncodeError:
        pytest.skip("the encoding lacks a sign of this form")
    try:
        history = read_history(tmp_path, Settings())
    except TableError as error:
        if not ASKED.search(str(error)):
            raise
        return
    with history:
        found = history.connection.execute(
            "SELECT customer_id, order_id, ordered_at, amount, product FROM orders"
        ).fetchall()
        extra = history.rejected.total
    assert sorted(found) == sorted(rows)
    assert extra == SET_ASIDE.get(put, 0)


# The columns as companies call them; a file in Chinese is not named after its table either.
HEADS = {
    "orders": ("Customer ID", "Order No.", "Order Date", "Total", "Item"),
    "sales_export": ("Cust No", "Invoice No", "Invoice Date", "Net Amount", "Product Name"),
    "auftraege": ("Kundennr", "Auftragsnr", "Auftragsdatum", "Betrag", "Artikel"),
    "销售订单": ("客户编号", "订单编号", "下单日期", "金额", "产品名称"),
}


def mapped_forms():
    """Every name of a file once, with drawn mixtures of all forms."""
    draw = random.Random(23)
    for number in range(28):
        yield (
            list(HEADS)[number % len(HEADS)],
            draw.choice(list(TIMES)),
            draw.choice(list(AMOUNTS)),
            draw.choice(list(IDS)),
        )


@pytest.mark.parametrize("form", list(mapped_forms()), ids=" · ".join)
def test_a_form_is_mapped_to_the_same_cells_or_asked_about(form, tmp_path):
    name, time, amount, key = form
    rows = clean_rows("chinese")
    out = io.StringIO(newline="")
    csv.writer(out).writerows([HEADS[name], *written(rows, time, amount, key)])
    tmp_path.joinpath(f"{name}.csv").write_text(out.getvalue(), encoding="utf-8")
    proposal = propose_mapping(tmp_path)
    if any(question.ambiguous for question in open_questions(proposal)):
        return
    with read_history(tmp_path, settings_of(proposal, {})) as history:
        found = history.connection.execute("SELECT customer_id, order_id, ordered_at, amount FROM orders").fetchall()
    assert sorted(found) == sorted(row[:4] for row in rows)
