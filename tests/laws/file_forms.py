"""How one table of orders is written in many forms: format, encoding, dates, amounts and ids."""

import csv
import gzip
import html
import io
import json
import random
import zipfile
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

COLUMNS = ("customer_id", "order_id", "ordered_at", "amount", "product")
PRODUCTS = {
    "ascii": ("Pump", "Valve", "Pipe, long", 'Bolt 5"'),
    "western": ("Österreich-Pumpe", "Ventil für Öl", "Größe Müller", "Rohr"),
    "french": ("Pièce détachée", "Crème brûlée", "Société Générale", "Tuyau"),
    "polish": ("Łożysko żeliwne", "Śruba Gdańsk", "Zawór Świętokrzyski", "Rura"),
    "russian": ("Насос центробежный", "Клапан запорный", "Труба стальная", "Москва"),
    "chinese": ("水泵配件", "上海机械有限公司", "电子产品", "不锈钢阀门"),
    "taiwan": ("水泵配件", "台北電子股份有限公司", "貿易產品", "不銹鋼閥門"),
}


def clean_rows(letters, seed=3, count=80):
    """Draw order lines whose days and amounts decide every form: days beyond 12, amounts of each size."""
    draw = random.Random(seed)
    start = datetime(2022, 1, 3, 15, 43)
    rows = []
    for number in range(count):
        at = start + timedelta(days=number * 9, minutes=draw.randrange(600))
        amount = draw.choice([draw.randrange(1, 900), draw.randrange(1000, 99999), draw.randrange(10**6, 10**7)])
        amount = float(amount) + draw.choice([0, 0.5, 0.25]) * draw.choice([1, 1, -1])
        amount = -amount if number % 11 == 5 else amount
        rows.append((f"{17850 + number % 13}", f"{536000 + number}", at, amount, PRODUCTS[letters][number % 4]))
    return rows


def grouped(value, mark, group, every=3):
    """Write a number with a decimal mark and a sign between groups of digits."""
    whole, fraction = f"{abs(value):.2f}".split(".")
    parts = [whole[-3:]]
    rest = whole[:-3]
    while rest:
        parts.insert(0, rest[-every:])
        rest = rest[:-every]
    return group.join(parts) + mark + fraction


def signed(value, text):
    return f"-{text}" if value < 0 else text


AMOUNTS = {
    "plain": lambda v: repr(v),
    "german": lambda v: signed(v, grouped(v, ",", ".")),
    "german euro": lambda v: f"{signed(v, grouped(v, ',', '.'))} €",
    "english": lambda v: signed(v, grouped(v, ".", ",")),
    "dollar": lambda v: signed(v, "$" + grouped(v, ".", ",")),
    "brackets": lambda v: f"({grouped(v, '.', ',')})" if v < 0 else grouped(v, ".", ","),
    "minus last": lambda v: grouped(v, ".", ",") + "-" * (v < 0),
    "swiss": lambda v: "CHF " + signed(v, grouped(v, ".", "'")),
    "french": lambda v: f"{signed(v, grouped(v, ',', chr(0x202F)))} €",
    "indian": lambda v: signed(v, "₹" + grouped(v, ".", ",", every=2)),
    "unicode minus": lambda v: grouped(v, ".", ",").join(("−" if v < 0 else "", "")),
    "wide": lambda v: f"{v:.2f}".translate(str.maketrans("0123456789.-", "０１２３４５６７８９．－")),
    "yuan": lambda v: signed(v, "￥" + grouped(v, ".", ",")) + "元",
    "ten thousands": lambda v: f"{v / 10_000:.6f}万",
    "real": lambda v: signed(v, "R$ " + grouped(v, ",", ".")),
    "kronor": lambda v: signed(v, grouped(v, ",", "\u00a0")) + "\u00a0kr",
    "code": lambda v: "USD " + signed(v, grouped(v, ".", ",")),
    "no cents": lambda v: signed(v, grouped(v, ",", ".").replace(",00", ",-")),
    "thousands": lambda v: f"{v / 1000:.6f}k",
    "exponent": lambda v: f"{v:.9E}",
    "exponent comma": lambda v: f"{v:.9E}".replace(".", ","),
    "arabic": lambda v: f"{v:.2f}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")),
}
TIMES = {
    "iso": lambda t: t.isoformat(" "),
    "iso T": lambda t: t.isoformat(),
    "zone": lambda t: f"{t - timedelta(hours=5):%Y-%m-%d %H:%M:%S} -0500",
    "rfc": lambda t: f"{t:%a, %d %b %Y %H:%M:%S} +0000",
    "us": lambda t: f"{t.month}/{t.day}/{t.year} {t:%H:%M}",
    "us am": lambda t: f"{t:%m/%d/%Y %I:%M %p}",
    "us short": lambda t: f"{t:%m/%d/%y %H:%M}",
    "us words": lambda t: f"{t:%b} {t.day}, {t.year} {t:%I:%M:%S %p}",
    "european": lambda t: f"{t:%d/%m/%Y %H:%M}",
    "german": lambda t: f"{t:%d.%m.%Y %H:%M}",
    "german short": lambda t: f"{t:%d.%m.%y %H:%M}",
    "dashes": lambda t: f"{t:%d-%m-%Y %H:%M}",
    "month name": lambda t: f"{t:%d-%b-%Y %H:%M}",
    "german month": lambda t: f"{t.day}. {GERMAN_MONTHS[t.month - 1]} {t.year} {t:%H:%M}",
    "dots": lambda t: f"{t:%Y.%m.%d %H:%M}",
    "slashes": lambda t: f"{t.year}/{t.month}/{t.day} {t:%H:%M}",
    "chinese": lambda t: f"{t.year}年{t.month}月{t.day}日 {t:%H:%M}",
    "chinese clock": lambda t: f"{t.year}年{t.month}月{t.day}日{t.hour}时{t.minute}分",
    "chinese noon": lambda t: f"{t.year}年{t.month}月{t.day}日 {'上午' if t.hour < 12 else '下午'}{t:%I:%M}",
    "compact": lambda t: f"{t:%Y%m%d%H%M%S}",
    "compact T": lambda t: f"{t:%Y%m%dT%H%M%SZ}",
    "epoch": lambda t: str(seconds(t)),
    "epoch float": lambda t: f"{seconds(t)}.0",
    "epoch ms": lambda t: str(seconds(t) * 1000),
    "epoch us": lambda t: str(seconds(t) * 10**6),
    "iso ms": lambda t: f"{t.isoformat()}.000Z",
    "shanghai": lambda t: f"{(t + timedelta(hours=8)).isoformat()}+08:00",
    "french clock": lambda t: f"{t:%d/%m/%Y} à {t:%H}h{t:%M}",
    "german clock": lambda t: f"{t:%d.%m.%Y}, {t:%H:%M} Uhr",
    "italian": lambda t: f"{t.day} {ITALIAN_MONTHS[t.month - 1]} {t.year} {t:%H.%M}",
    "korean": lambda t: f"{t.year}. {t.month}. {t.day}. {'오전' if t.hour < 12 else '오후'} {t:%I:%M}",
    "chinese slashes": lambda t: f"{t.year}/{t.month}/{t.day} {'上午' if t.hour < 12 else '下午'} {t:%I:%M:%S}",
    "c": lambda t: f"{t:%a %b %d %H:%M:%S %Y}",
    "log": lambda t: f"{t:%a %b %d %H:%M:%S UTC %Y}",
    "browser": lambda t: f"{t:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)",
    "weekday": lambda t: f"{t:%Y-%m-%d} 星期{'一二三四五六日'[t.weekday()]} {t:%H:%M}",
    "russian": lambda t: f"{t.day} {RUSSIAN_MONTHS[t.month - 1]} {t.year} г. {t:%H:%M}",
    "log comma": lambda t: f"{t:%Y-%m-%d %H:%M:%S},000",
    "oracle": lambda t: f"{t:%d-%b-%y %I.%M.%S.000000 %p}".upper(),
    "script": lambda t: f"/Date({seconds(t) * 1000})/",
    "long words": lambda t: f"{t:%A, %B %d, %Y %I:%M %p}",
    "excel": lambda t: repr((t - datetime(1899, 12, 30)) / timedelta(days=1)),
}
GERMAN_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
    *("September", "Oktober", "November", "Dezember"),
)
ITALIAN_MONTHS = ("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic")
RUSSIAN_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа"),
    *("сентября", "октября", "ноября", "декабря"),
)
IDS = {
    "plain": str,
    "float": lambda text: f"{text}.0",
    "spaces": lambda text: f" {text}\u00a0",
    "formula": lambda text: f'="{text}"',
    "apostrophe": lambda text: f"'{text}",
    "wide": lambda text: text.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "marked": lambda text: f"\u200e{text}\u200f",
}
ENCODINGS = {
    "utf-8": "ascii",
    "utf-8-sig": "chinese",
    "utf-16": "chinese",
    "utf-16-le": "western",
    "gb18030": "chinese",
    "big5": "taiwan",
    "cp1252": "western",
    "mac_roman": "french",
    "cp1250": "polish",
    "cp1251": "russian",
}


def seconds(moment):
    return int((moment - datetime(1970, 1, 1)).total_seconds())


def written(rows, time, amount, key):
    return [
        (IDS[key](who), order, TIMES[time](at), AMOUNTS[amount](money), product)
        for who, order, at, money, product in rows
    ]


def as_csv(rows, *, separator=",", above=(), below=()):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([*above, COLUMNS, *rows, *below])
    return out.getvalue()


def put_csv(folder, rows, encoding):
    folder.joinpath("orders.csv").write_bytes(as_csv(rows).encode(encoding))


def put_semicolons(folder, rows, encoding):
    folder.joinpath("orders.csv").write_bytes(as_csv(rows, separator=";").encode(encoding))


def put_tabs(folder, rows, encoding):
    folder.joinpath("orders.tsv").write_bytes(as_csv(rows, separator="\t").encode(encoding))


def put_gzip(folder, rows, encoding):
    folder.joinpath("orders.csv.gz").write_bytes(gzip.compress(as_csv(rows).encode(encoding)))


def put_zip(folder, rows, encoding):
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("orders.csv", as_csv(rows).encode(encoding))


def put_titled(folder, rows, encoding):
    above = [["sep=,"]] if encoding == "utf-8" else [["Orders of 2022", "", "", "", ""], [], ["Exported at", "now"]]
    below = [["Total", "", "", "123.00", ""], ["80 rows"]]
    folder.joinpath("orders.csv").write_bytes(as_csv(rows, above=above, below=below).encode(encoding))


def put_months(folder, rows, encoding):
    for part in range(4):
        folder.joinpath(f"orders_2022-0{part + 1}.csv").write_bytes(as_csv(rows[part::4]).encode(encoding))
    folder.joinpath("orders_2022-04 (1).csv").write_bytes(as_csv(rows[3::4]).encode(encoding))


def put_lines(folder, rows, _):
    text = "\n".join(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows)
    folder.joinpath("orders.jsonl").write_text(text + "\n", encoding="utf-8")


def put_array(folder, rows, _):
    folder.joinpath("orders.json").write_text(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]))


def put_answer(folder, rows, _):
    answer = {"count": len(rows), "value": [dict(zip(COLUMNS, row, strict=True)) for row in rows]}
    folder.joinpath("orders.json").write_text(json.dumps(answer))


def put_nested(folder, rows, _):
    records = [
        {"customer": {"id": who}, "order_id": order, "ordered_at": at, "amount": money, "product": product}
        for who, order, at, money, product in rows
    ]
    folder.joinpath("orders.json").write_text(json.dumps({"data": {"items": records}, "paging": {"next": None}}))


def put_nested_lines(folder, rows, _):
    lines = [
        json.dumps(
            {"customer": {"id": who}, "order": {"id": order}, "ordered_at": at, "amount": money, "product": product}
        )
        for who, order, at, money, product in rows
    ]
    folder.joinpath("orders.jsonl").write_text("\n".join(lines), encoding="utf-8")


def put_web_page(folder, rows, _):
    """Many systems export a page with a table, or lines of text, and name it a workbook."""
    lines = [[f"<td>{html.escape(cell)}" for cell in row] for row in rows]
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in lines)
    page = f"<html><meta charset='utf-8'><table><tr>{head}</tr>{body}</table></html>"
    folder.joinpath("orders.xls").write_text(page, encoding="utf-8")


def put_xml_sheet(folder, rows, _):
    def line(cells):
        cells = "".join(f'<Cell><Data ss:Type="String">{html.escape(cell)}</Data></Cell>' for cell in cells)
        return f"<Row>{cells}</Row>"

    sheet = "".join(map(line, (COLUMNS, *rows)))
    space = 'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"'
    book = (
        f'<?xml version="1.0"?><Workbook {space}><Worksheet ss:Name="1"><Table>{sheet}</Table></Worksheet></Workbook>'
    )
    folder.joinpath("orders.xls").write_text(book, encoding="utf-8")


def put_text_named_xls(folder, rows, encoding):
    folder.joinpath("orders.xls").write_bytes(as_csv(rows, separator="\t").encode(encoding))


def put_text_parquet(folder, rows, _):
    cells = {name: list(map(str, column)) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)}
    pq.write_table(pa.table(cells), folder / "orders.parquet")


def put_quoted(folder, rows, encoding):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows[:40], COLUMNS, *rows[40:]])
    folder.joinpath("orders.csv").write_bytes(out.getvalue().encode(encoding))


def put_excel(folder, rows, _):
    book = xlsxwriter.Workbook(folder / "orders.xlsx")
    sheet = book.add_worksheet("Orders")
    for line, row in enumerate([["Orders", "", "", "", ""], COLUMNS, *rows]):
        for place, cell in enumerate(row):
            sheet.write_string(line, place, cell)
    book.add_worksheet("Notes")
    book.close()


FORMATS = {
    put.__name__.removeprefix("put_"): put
    for put in (
        *(put_csv, put_semicolons, put_tabs, put_gzip, put_zip, put_titled, put_months),
        *(put_lines, put_array, put_answer, put_excel, put_text_parquet, put_quoted),
        *(put_nested, put_nested_lines, put_web_page, put_xml_sheet, put_text_named_xls),
    )
}
