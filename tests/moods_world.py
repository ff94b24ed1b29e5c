"""Labelled sentences of customers in two languages, and a company whose customers have said them."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = datetime(2026, 1, 1)
SENTENCES = Path(__file__).parent / "spec" / "moods"


class Sentence(NamedTuple):
    """What was said, how it was meant (+, - or 0), and whether it was there when the words were chosen."""

    part: str
    kind: str
    mood: str
    text: str


def sentences(language: str) -> list[Sentence]:
    """Read the sentences of a language."""
    with (SENTENCES / f"{language}.tsv").open(encoding="utf-8", newline="") as file:
        return [Sentence(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def talkative_company(folder: Path) -> Path:
    """Write a company: each of forty customers has ordered once and said some of the sentences in its own language."""
    folder.mkdir()
    ids = [f"C{place:02d}" for place in range(40)]
    said = {"zh": sentences("zh"), "en": sentences("en")}
    talks = [
        {
            "customer_id": one,
            "occurred_at": AS_OF - timedelta(days=3 + 11 * turn),
            "channel": "email",
            "text": said["zh" if place % 2 else "en"][(5 * place + turn) % 150].text,
        }
        for place, one in enumerate(ids)
        for turn in range(1 + place % 20)
    ]
    orders = [{"customer_id": one, "ordered_at": datetime(2025, 6, 1), "amount": 100.0, "order_id": one} for one in ids]
    for name, rows in (("orders", orders), ("interactions", talks)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder
