"""The training report and the monitoring page: complete in either language, plots included."""

import re
import warnings
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import font_manager
from training_world import ACTIVE, HORIZON, company, orders, trained

from rapport.durations import parse_duration
from rapport.history.checks.finding import MESSAGES as CHECKS
from rapport.history.mapping.messages import MESSAGES as MAPPING
from rapport.serving.errors import MESSAGES as SERVING
from rapport.training import reports, train
from rapport.training.data.task_spec import TaskSpec
from rapport.training.evaluation.profit_curve import profit_curve
from rapport.training.evaluation.summary import text_summary
from rapport.training.evaluation.unknown_season import unknown_season
from rapport.training.messages import MESSAGES
from rapport.training.reports.pages import render_page
from rapport.training.reports.plots import ReportPlots
from rapport.training.reports.training_report import render_report

ROOT = Path(__file__).parents[2]
TEMPLATES = [Path(reports.__file__).with_name(name) for name in ("training_report.html", "monitor.html")]
MONITORED = {
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
    "matured_sentence": "Some outcomes.",
    "matured_sentence_zh": "已有结果。",
    "features": [
        {"feature": "orders", "meaning": "Orders.", "meaning_zh": "订单数。", "psi": 0.4}
        | {"missing_then": 0.1, "missing_now": 0.2}
    ],
    "reasons": [{"family": "rhythm", "then": 0.4, "now": 0.5}],
    "feedback": {"right": 4, "not_right": 1},
}


def placeholders(text):
    return sorted(re.findall(r"{(\w+)", text))


@pytest.mark.parametrize("catalogue", [MESSAGES, CHECKS, MAPPING, SERVING])
def test_a_sentence_has_the_same_placeholders_in_both_languages(catalogue):
    assert {key: placeholders(text.en) for key, text in catalogue.texts.items()} == {
        key: placeholders(text.zh) for key, text in catalogue.texts.items()
    }


def test_every_message_that_a_check_names_is_written():
    folders = (ROOT / "history/checks", ROOT / "serving/snapshots")
    code = "".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    named = set(re.findall(r'message\("([a-z_.]+)"', code)) | set(re.findall(r'Finding\.of\(.{3,20}"([a-z_]+)",', code))
    assert len(named) > 40
    assert named <= set(CHECKS.texts) | set(SERVING.texts)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_of_its_own(template):
    text = re.sub(r"<style>.*?</style>|{[{%].*?[%}]}", "", template.read_text("utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>", " ", text))) <= {"PSI"}
    keys = re.findall(r'translate\("([a-z_]+\.[a-z_0-9]+)"', template.read_text("utf-8"))
    assert keys
    assert set(keys) <= set(MESSAGES.texts)


def test_the_chinese_report_has_no_english_sentence():
    english, chinese = (render_report(trained(), ReportPlots(language)) for language in ("en", "zh"))
    sentences = {text.en for text in MESSAGES.texts.values() if text.en.count(" ") > 2 and "{" not in text.en}
    assert {each for each in sentences if each in english}
    assert not {each for each in sentences if each in chinese}
    assert "未来 90 天流失预测" in chinese
    assert english.count("data:image/png") == chinese.count("data:image/png") >= 8
    assert 'src=""' not in english + chinese
    assert "(level " in english
    assert "趋势延续 " in chinese


def test_a_model_that_saw_no_earlier_season_says_so_with_the_range_of_its_rate():
    end = datetime(2025, 1, 1)
    rows = [row for row in orders() if row["ordered_at"] < end]
    young = train(company(rows), "churn", as_of=end, horizon=HORIZON, active=ACTIVE)
    pages = [text_summary(young.bundle), *(render_report(young, ReportPlots(language)) for language in ("en", "zh"))]
    known = [text_summary(trained().bundle), render_report(trained(), ReportPlots("en"))]
    said = re.compile(
        r"does not know the season; it may lie anywhere from (\d+)% to (\d+)%|无法反映季节；它可能在 (\d+)% 至 (\d+)%"
    )
    ranges = [[int(each) for each in said.search(page).groups() if each] for page in pages]
    assert ranges[0] == ranges[1] == ranges[2]
    assert ranges[0][0] < 100 * young.bundle.evaluation["level"]["rate"] < ranges[0][1]
    assert not any(said.search(page) for page in known)


@pytest.mark.parametrize(("horizon", "first", "said"), [
    ("90d", 350, False), ("90d", 349, True), ("180d", 336, False), ("180d", 335, True), ("365d", 30, False),
])  # fmt: skip
def test_the_season_is_known_from_an_outcome_of_the_same_season(horizon, first, said):
    now = datetime(2026, 1, 1)
    base_rate = SimpleNamespace(rate=0.4, error=0.2, by_cutoff={now - timedelta(days=first): 0.1, now: 0.2})
    task = TaskSpec("churn", now, parse_duration(horizon), ACTIVE)
    assert bool(unknown_season(base_rate, task)) == said


def test_the_monitoring_page_is_in_the_requested_language():
    english, chinese = (
        render_page("monitor.html", language, report=MONITORED, alerts=[], large=0.25) for language in ("en", "zh")
    )
    for word in ("Is Churn 3 still good?", "Not as now.", "Some outcomes.", "Orders.", "prediction incorrect"):
        assert (word in english, word in chinese) == (True, False)
    for word in ("流失模型第 3 版是否依然可靠？", "与现在不同。", "已有结果。", "订单数。", "预测不准确", "采购周期"):
        assert (word in english, word in chinese) == (False, True)


def test_plots_are_in_english_on_a_machine_without_a_chinese_font(monkeypatch):
    western = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", western)
    assert ReportPlots("zh").translate("axis.precision") == "precision"
    assert "精确率与召回率" in ReportPlots("zh").curves(trained().run.evaluation)


@pytest.mark.skipif(ReportPlots("zh").font is None, reason="this machine has no Chinese font")
def test_every_chinese_character_of_a_plot_is_in_its_font():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ReportPlots("zh").curves(trained().run.evaluation)
        ReportPlots("zh").swarm(trained().bundle, trained().run.current)
    assert [str(each.message) for each in said if "Glyph" in str(each.message)] == []


def test_the_profit_curve_reads_the_money_settings_as_the_worklist_does():
    result = trained()
    run, spend = result.run, result.bundle.spend_model

    def curve(**chosen):
        settings = replace(run.history.settings, **chosen)
        return profit_curve(replace(run, history=SimpleNamespace(settings=settings)), spend)

    free, richer = curve(margin=0.3, contact_cost=0.0), curve(margin=0.6, contact_cost=0.0)
    assert richer["team_profit"] == pytest.approx(2 * free["team_profit"])
    assert curve(contact_effect=0.0)["best_calls"] == 0
    # Whoever is called at a cost pays it: the whole list costs its length.
    costly = curve(margin=0.3, contact_cost=2.0)
    assert costly["curve"][-1]["profit"] == pytest.approx(free["curve"][-1]["profit"] - 2.0 * costly["team_calls"])
    spent = run.validation.folds[0].dataset.matrix.column("spend_sum_365d")
    unset = curve(contact_cost=-1.0)["assumed"]
    assert unset["contact_cost"] == pytest.approx(0.002 * np.nan_to_num(spent).mean() * 90 / 365, rel=0.01)
    assert unset == result.bundle.evaluation["profit"]["assumed"]
