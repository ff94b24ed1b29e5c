"""Labelled sentences of customers in two languages, and a company with these sentences as interactions."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = datetime(2026, 1, 1)
SENTENCES = Path(__file__).parents[1] / "spec" / "sentiment"


class Sentence(NamedTuple):
    """A text, its labelled polarity (+, - or 0), and whether it was seen when the lexicon was written."""

    part: str
    kind: str
    polarity: str
    text: str


def sentences(language: str) -> list[Sentence]:
    """Read the sentences of a language."""
    with (SENTENCES / f"{language}.tsv").open(encoding="utf-8", newline="") as file:
        return [Sentence(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def talkative_company(folder: Path) -> Path:
    """Write a company of forty customers, each with one order and some interactions in one language."""
    folder.mkdir()
    ids = [f"C{number:02d}" for number in range(40)]
    texts = {"zh": sentences("zh"), "en": sentences("en")}
    talks = [
        {
            "customer_id": one,
            "occurred_at": AS_OF - timedelta(days=3 + 11 * turn),
            "channel": "email",
            "text": texts["zh" if number % 2 else "en"][(5 * number + turn) % 150].text,
        }
        for number, one in enumerate(ids)
        for turn in range(1 + number % 20)
    ]
    orders = [{"customer_id": one, "ordered_at": datetime(2025, 6, 1), "amount": 100.0, "order_id": one} for one in ids]
    for name, rows in (("orders", orders), ("interactions", talks)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder
