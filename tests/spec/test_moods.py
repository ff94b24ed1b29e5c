"""The mood of an interaction is told from its text where the settings ask for it and no number was given."""

import importlib.util
import sys
from datetime import datetime

import pytest

from features import snapshot
from history import Settings, history_of
from history.errors import SettingsError
from history.moods import mood_of
from history.spans import Span

FROM_TEXT = Settings(sentiment="text")

english = pytest.mark.skipif(
    importlib.util.find_spec("textblob") is None, reason="textblob is not installed (extra: sentiment)"
)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("服务很好，非常满意。", 0.72),
        ("对这次交付不满意，太慢了", -0.6),
        ("不太满意", -0.3),
        ("没有投诉", 0.3),
        ("有点失望", -0.36),
        ("质量不错，但是售后没人理", 0.0),
        ("周一开会", None),
    ],
)
def test_chinese_is_told_by_our_own_words_and_what_stands_before_them(text: str, mood: float | None) -> None:
    assert mood_of(text) == mood


@english
@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Very happy with the service, thank you.", 1.0),
        ("Not good at all.", -0.35),
        ("The delivery was late and we are disappointed.", -0.525),
        ("The meeting took place on Monday.", None),
    ],
)
def test_english_is_told_by_textblob(text: str, mood: float | None) -> None:
    assert mood_of(text) == mood


TALKS = [
    {"customer_id": "a", "occurred_at": "2026-01-10", "text": "非常满意", "sentiment": None},
    {"customer_id": "a", "occurred_at": "2026-01-20", "text": "很差", "sentiment": 0.5},
    {"customer_id": "b", "occurred_at": "2026-01-10", "text": "周一开会", "sentiment": None},
    {"customer_id": "c", "occurred_at": "2026-01-10", "text": "失望", "sentiment": None},
    {"customer_id": "c", "occurred_at": "2026-02-01", "text": "非常满意", "sentiment": None},
]


# A list of clean records is read by plain Python, a tuple by the database.
@pytest.mark.parametrize("form", [list, tuple])
def test_what_was_given_stands_and_the_rest_is_told_at_its_own_time(form: type) -> None:
    with history_of({"interactions": form(TALKS)}, FROM_TEXT, whole=False) as history:
        rows = snapshot(history, datetime(2026, 2, 1), active=Span(12)).to_pylist()
    told = {row["customer_id"]: (row["sentiment_mean_180d"], row["negative_count_90d"]) for row in rows}
    assert told == {"a": (pytest.approx(0.67), 0), "b": (None, 0), "c": (-0.6, 1)}


@pytest.mark.parametrize("form", [list, tuple])
def test_a_history_without_numbers_gets_them(form: type) -> None:
    talks = [{name: value for name, value in row.items() if name != "sentiment"} for row in TALKS]
    with history_of({"interactions": form(talks)}, FROM_TEXT, whole=False) as history:
        assert "sentiment" in history.present["interactions"]
        told = history.connection.execute("SELECT sentiment FROM interactions ORDER BY customer_id, occurred_at")
        assert told.fetchall() == [(0.84,), (-0.6,), (None,), (-0.6,), (0.84,)]


@pytest.mark.parametrize("form", [list, tuple])
def test_unless_asked_no_text_is_judged(form: type) -> None:
    with history_of({"interactions": form(TALKS)}, whole=False) as history:
        told = history.connection.execute("SELECT count(sentiment) FROM interactions")
        assert told.fetchall() == [(1,)]


def test_english_without_the_extra_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # None there is how Python itself says that a module cannot be had.
    monkeypatch.setitem(sys.modules, "textblob", None)
    with pytest.raises(SettingsError, match=r"pip install 'rapport\[sentiment\]'"):
        mood_of("Very happy.")
