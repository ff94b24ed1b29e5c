"""Sentiment is scored from the text of an interaction if the settings ask for it and the number is missing."""

import importlib.util
import sys
from datetime import datetime

import pytest
from sentiment_examples import sentences

from rapport.durations import Duration
from rapport.errors import SettingsError
from rapport.features import snapshot
from rapport.history import Settings, history_of
from rapport.history.sentiment import text_sentiment

FROM_TEXT = Settings(sentiment="text")

english = pytest.mark.skipif(
    importlib.util.find_spec("textblob") is None, reason="textblob is not installed (extra: sentiment)"
)


@pytest.mark.parametrize(
    ("text", "sentiment"),
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
def test_chinese_is_scored_by_the_lexicon_in_context(text: str, sentiment: float | None) -> None:
    assert text_sentiment(text) == sentiment


@english
@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("Very happy with the service, thank you.", 1.0),
        ("Not good at all.", -0.35),
        ("The delivery was late and we are disappointed.", -0.525),
        ("The meeting took place on Monday.", None),
    ],
)
def test_english_is_scored_by_textblob(text: str, sentiment: float | None) -> None:
    assert text_sentiment(text) == sentiment


def accuracy(language: str, part: str) -> dict[str, float]:
    """Return the share of sentences with the right sign, and of those with an opinion the share with the opposite sign.

    Sarcasm is left out: a lexicon cannot detect it.
    """
    selected = [each for each in sentences(language) if each.part == part and each.kind != "sarcasm"]
    pairs = [(each.polarity, sign_of(text_sentiment(each.text))) for each in selected]
    opinions = [pair for pair in pairs if pair[0] != "0"]
    return {
        "right": sum(label == sign for label, sign in pairs) / len(pairs),
        "inverse": sum({label, sign} == {"+", "-"} for label, sign in opinions) / len(opinions),
    }


def sign_of(sentiment: float | None) -> str:
    return "0" if sentiment is None or abs(sentiment) < 0.05 else "+" if sentiment > 0 else "-"


# Bounds for the figures in docs/decisions/sentiment-from-text.md; "unseen" was written after the lexicon.
@pytest.mark.parametrize(
    ("language", "part", "right", "inverse"),
    [
        ("zh", "seen", 0.93, 0.02),
        ("zh", "unseen", 0.40, 0.10),
        pytest.param("en", "seen", 0.57, 0.15, marks=english),
        pytest.param("en", "unseen", 0.45, 0.15, marks=english),
    ],
)
def test_accuracy_on_labelled_sentences_is_as_documented(
    language: str, part: str, right: float, inverse: float
) -> None:
    found = accuracy(language, part)
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
def test_a_present_number_is_kept_and_the_others_are_scored_at_their_own_time(form: type) -> None:
    with history_of({"interactions": form(TALKS)}, FROM_TEXT, complete=False) as history:
        rows = snapshot(history, datetime(2026, 2, 1), active=Duration(12)).to_pylist()
    found = {row["customer_id"]: (row["sentiment_mean_180d"], row["negative_count_90d"]) for row in rows}
    assert found == {"a": (pytest.approx(0.67), 0), "b": (None, 0), "c": (-0.6, 1)}


@pytest.mark.parametrize("form", [list, tuple])
def test_a_history_without_the_column_gets_it(form: type) -> None:
    talks = [{name: value for name, value in row.items() if name != "sentiment"} for row in TALKS]
    with history_of({"interactions": form(talks)}, FROM_TEXT, complete=False) as history:
        assert "sentiment" in history.present["interactions"]
        found = history.connection.execute("SELECT sentiment FROM interactions ORDER BY customer_id, occurred_at")
        assert found.fetchall() == [(0.84,), (-0.6,), (None,), (-0.6,), (0.84,)]


@pytest.mark.parametrize("form", [list, tuple])
def test_by_default_no_text_is_scored(form: type) -> None:
    with history_of({"interactions": form(TALKS)}, complete=False) as history:
        found = history.connection.execute("SELECT count(sentiment) FROM interactions")
        assert found.fetchall() == [(1,)]


def test_english_without_the_extra_gets_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules makes the import fail.
    monkeypatch.setitem(sys.modules, "textblob", None)
    with pytest.raises(SettingsError, match=r"pip install 'rapport-crm\[sentiment\]'"):
        text_sentiment("Very happy.")
