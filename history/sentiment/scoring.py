"""The sentiment of a text: English by TextBlob, Chinese by a lexicon."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa

from rapport.errors import SettingsError
from rapport.history.sentiment.chinese import chinese_sentiment

_CHINESE = re.compile(r"[\u3400-\u9fff]")


def text_sentiment(text: str) -> float | None:
    """Return the sentiment of a text, from -1 (negative) to 1 (positive); None if no word expresses one."""
    return chinese_sentiment(text) if _CHINESE.search(text) else _english_sentiment(text)


def create_sentiment_table(connection: duckdb.DuckDBPyConnection, texts: str) -> None:
    """Create the table ``reading.text_sentiments`` (scored_text, text_sentiment) of the texts that a query yields."""
    rows = [row[0] for row in connection.execute(texts).fetchall()]
    connection.register("text sentiments", _table(rows))
    connection.execute('CREATE OR REPLACE TABLE reading.text_sentiments AS FROM "text sentiments"')
    connection.unregister("text sentiments")


def _table(texts: Iterable[str]) -> pa.Table:
    scored = {text: text_sentiment(text) for text in texts}
    return pa.table(
        {"scored_text": pa.array(scored, pa.string()), "text_sentiment": pa.array(scored.values(), pa.float64())}
    )


def _english_sentiment(text: str) -> float | None:
    sentiment = _textblob().TextBlob(text).sentiment_assessments
    return round(float(sentiment.polarity), 4) if sentiment.assessments else None


def _textblob() -> Any:
    try:
        return importlib.import_module("textblob")
    except ModuleNotFoundError as error:
        raise SettingsError(
            'sentiment = "text" reads English with TextBlob, which is not installed. Install it with: '
            "pip install 'rapport-crm[sentiment]', or remove the setting from rapport.toml."
        ) from error
