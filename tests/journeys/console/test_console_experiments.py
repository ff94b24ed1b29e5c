"""The page of experiments: the numbers of the report, in both languages, for those who may read them."""

import pytest
from console_client import ConsoleClient
from example_application import ExampleApplication

from rapport.history.settings import Settings
from rapport.scoring.actions.fact_actions import KINDS
from rapport.serving.security.keys import Viewer
from rapport.serving.snapshots.effect_file import nothing_measured
from rapport.serving.translations import Translations


def test_the_page_shows_the_numbers_of_the_report(open_app):
    page = ConsoleClient(open_app).see("/experiments")
    assert "47.1% of 1,269 customers drawn for contact ordered within 90 days" in page
    assert "+0.4 to +15.6 at every look" in page
    assert "Contact seems to harm here: Segment: Low value – low touch" in page
    assert "about 620 more customers needed" in page
    assert "The next scoring runs take 27.0%" in page
    assert "it ranks better than the score (Qini 0.0410, score 0.0020)" in page
    assert "Fifth 5 by predicted effect" in page
    assert "−8.1" in page or "-8.1" in page
    chinese = ConsoleClient(open_app, "zh").see("/experiments")
    assert "联系对谁有效" in chinese
    assert "后续评分批次将采用" in chinese
    assert "动作：下单延迟" in chinese
    assert "联系可能有害：客群：" in chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_before_the_first_measurement_the_page_says_how_to_begin(monkeypatch, open_app, language):
    monkeypatch.setattr(open_app, "effect", lambda: nothing_measured(Settings()))
    page = ConsoleClient(open_app, language).see("/experiments")
    assert "holdout_share" in page
    assert ("Start an experiment" if language == "en" else "开始实验") in page


def test_only_those_who_may_analyze_see_it():
    application = ExampleApplication(keys_disabled=False)
    application._valid["key-of-analyst"] = Viewer("analyst", frozenset({"read", "analyze"}), role="analyst")
    analyst, reader = ConsoleClient(application), ConsoleClient(application)
    analyst.sign_in("key-of-analyst")
    reader.sign_in("key-of-reader")
    assert analyst.ask("GET", "/experiments").status_code == 200
    assert 'href="/experiments"' in analyst.see("/model")
    assert reader.ask("GET", "/experiments").status_code == 403
    assert 'href="/experiments"' not in reader.see("/model")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_of_action_has_a_name(language):
    texts = Translations(language)
    assert [kind for kind in KINDS if not texts.has(f"next_action.{kind}")] == []
