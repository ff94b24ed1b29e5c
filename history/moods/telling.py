"""Which language a text is in, and what its words say: English by TextBlob, Chinese by the short list beside this."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa
from rapport.history.moods.chinese import chinese_mood

from rapport.errors import SettingsError

_CHINESE = re.compile(r"[\u3400-\u9fff]")


def mood_of(text: str) -> float | None:
    """Return the mood of a text, -1 bad to 1 good; None where none of its words tells of one."""
    return chinese_mood(text) if _CHINESE.search(text) else _english_mood(text)


def tell_moods(connection: duckdb.DuckDBPyConnection, texts: str) -> None:
    """Make the table ``reading.moods`` (said, mood) of the texts that a query yields."""
    said = [row[0] for row in connection.execute(texts).fetchall()]
    connection.register("told moods", _table(said))
    connection.execute('CREATE OR REPLACE TABLE reading.moods AS FROM "told moods"')
    connection.unregister("told moods")


def _table(said: Iterable[str]) -> pa.Table:
    moods = {text: mood_of(text) for text in said}
    return pa.table({"said": pa.array(moods, pa.string()), "mood": pa.array(moods.values(), pa.float64())})


def _english_mood(text: str) -> float | None:
    told = _textblob().TextBlob(text).sentiment_assessments
    return round(float(told.polarity), 4) if told.assessments else None


def _textblob() -> Any:
    try:
        return importlib.import_module("textblob")
    except ModuleNotFoundError as error:
        raise SettingsError(
            'sentiment = "text" reads English with TextBlob, which is not there. Install it with: '
            "pip install 'rapport[sentiment]', or take the setting out of rapport.toml."
        ) from error
