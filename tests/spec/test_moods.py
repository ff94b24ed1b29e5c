"""The mood of an interaction is told from its text where the settings ask for it and no number was given."""

import importlib.util
import sys
from datetime import datetime

import pytest
from moods_world import sentences
from rapport.features import snapshot
from rapport.history import Settings, history_of
from rapport.history.moods import mood_of

from rapport.durations import Span
from rapport.errors import SettingsError

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
        ("没有感受到任何诚意", -0.3),
        ("没有什么不满意的", 0.3),
        ("故障少了很多", 0.3),
        ("质量不错，但是售后没人理", -0.3),
        ("请问投诉电话是多少？", None),
        ("请及时回复，谢谢。", None),
        ("张经理出差了", None),
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


def judged(language: str, part: str) -> dict[str, float]:
    """Say which share of the sentences is told rightly, and of those with an opinion which share is told inversely.

    Sarcasm is left out: words alone do not tell of it.
    """
    chosen = [each for each in sentences(language) if each.part == part and each.kind != "sarcasm"]
    pairs = [(each.mood, sign_of(mood_of(each.text))) for each in chosen]
    opinions = [pair for pair in pairs if pair[0] != "0"]
    return {
        "right": sum(meant == told for meant, told in pairs) / len(pairs),
        "inverse": sum({meant, told} == {"+", "-"} for meant, told in opinions) / len(opinions),
    }


def sign_of(mood: float | None) -> str:
    return "0" if mood is None or abs(mood) < 0.05 else "+" if mood > 0 else "-"


# Floors and ceilings of what docs/decisions/moods-from-text.md says; "unseen" was written after the words were chosen.
@pytest.mark.parametrize(
    ("language", "part", "right", "inverse"),
    [
        ("zh", "seen", 0.93, 0.02),
        ("zh", "unseen", 0.40, 0.10),
        pytest.param("en", "seen", 0.57, 0.15, marks=english),
        pytest.param("en", "unseen", 0.45, 0.15, marks=english),
    ],
)
def test_moods_of_labelled_sentences_are_as_right_as_is_said(
    language: str, part: str, right: float, inverse: float
) -> None:
    found = judged(language, part)
    assert found["right"] >= right
    assert found["inverse"] <= inverse


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
