"""The report of a training and the page of the watch: whole in either language, pictures included."""

import re
import warnings
from functools import cache
from pathlib import Path

import pytest
import rapport.training
from matplotlib import font_manager
from rapport.training import train
from rapport.training.pages import page, texts
from rapport.training.plots import Drawing
from rapport.training.report import report_page
from training_world import ASKED, company

TEMPLATES = [Path(rapport.training.__file__).parent / name for name in ("report.html", "monitor.html")]
WATCHED = {
    "target": "churn",
    "version": "3",
    "as_of": "2026-01-01",
    "trained_as_of": "2025-01-01",
    "customers": 1200,
    "mean_now": 0.21,
    "mean_then": 0.2,
    "score_psi": 0.3,
    "note": "Not as now.",
    "note_zh": "与现在不同。",
    "matured": [{"band": 1, "count": 120, "predicted": 0.1, "actual": 0.2}],
    "matured_sentence": "Some came.",
    "matured_sentence_zh": "已有结果。",
    "features": [
        {"feature": "orders", "meaning": "Orders.", "meaning_zh": "订单数。", "psi": 0.4}
        | {"missing_then": 0.1, "missing_now": 0.2}
    ],
    "reasons": [{"family": "rhythm", "then": 0.4, "now": 0.5}],
    "feedback": {"right": 4, "not_right": 1},
}


@cache
def trained():
    return train(company(), "churn", **ASKED)


def blanks(text):
    return sorted(re.findall(r"{(\w+)", text))


@pytest.mark.parametrize("key", sorted(texts()))
def test_a_sentence_asks_for_the_same_in_both_languages(key):
    assert blanks(texts()[key].en) == blanks(texts()[key].zh)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_by_itself(template):
    told = re.sub(r"<style>.*?</style>|{[{%].*?[%}]}", "", template.read_text("utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>", " ", told))) <= {"PSI"}
    said = re.findall(r'say\("([a-z_]+\.[a-z_0-9]+)"', template.read_text("utf-8"))
    assert set(said) <= set(texts())


def test_the_chinese_report_has_no_english_sentence():
    english, chinese = (report_page(trained(), language) for language in ("en", "zh"))
    sentences = {words.en for words in texts().values() if words.en.count(" ") > 2 and "{" not in words.en}
    assert {each for each in sentences if each in english}
    assert not {each for each in sentences if each in chinese}
    assert "流失预测（90 天内）" in chinese
    assert english.count("data:image/png") == chinese.count("data:image/png") >= 8


def test_the_watch_speaks_the_language_that_is_asked_for():
    english, chinese = (
        page("monitor.html", language, told=WATCHED, alerts=[], large=0.25) for language in ("en", "zh")
    )
    for word in ("Is Churn 3 still good?", "Not as now.", "Some came.", "Orders.", "not right"):
        assert (word in english, word in chinese) == (True, False)
    for word in ("流失模型第 3 版是否依然可靠？", "与现在不同。", "已有结果。", "订单数。", "不正确", "下单节奏"):
        assert (word in english, word in chinese) == (False, True)


def test_pictures_speak_english_where_the_machine_has_no_chinese_letters(monkeypatch):
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    assert Drawing("zh").say("axis.precision") == "precision"
    assert "精确率与召回率" in Drawing("zh").curves(trained().made.assessment)


@pytest.mark.skipif(Drawing("zh").font is None, reason="this machine has no Chinese font")
def test_every_chinese_letter_of_a_picture_is_in_its_font():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Drawing("zh").curves(trained().made.assessment)
        Drawing("zh").swarm(trained().bundle, trained().made.now)
    assert [str(each.message) for each in said if "Glyph" in str(each.message)] == []
