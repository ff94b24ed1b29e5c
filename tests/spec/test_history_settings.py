"""What a company may decide, and the sentence it gets for what it may not; spans of time."""

from datetime import datetime

import pytest
from rapport.history import Settings, parse_span
from rapport.history.settings import settings_page

from rapport.errors import SettingsError

at = datetime.fromisoformat

WRITTEN = """
zone = "Asia/Shanghai"
horizon = "6mo"
fixed_attributes = ["region"]

[cards]
churn = "cards/ours.yaml"

[mapping.orders]
table = "sales"
ordered_at = "下单时间"

[words.channel]
"家访" = "visit"

[vocabulary]
channel = ["visit", "fax"]
"""


def test_what_is_written_is_taken_and_the_rest_keeps_its_default(tmp_path):
    path = tmp_path / "rapport.toml"
    path.write_text(WRITTEN, encoding="utf-8")
    settings = Settings.read(path)
    assert (settings.zone, settings.horizon, settings.active) == ("Asia/Shanghai", "6mo", "12mo")
    assert settings.fixed_attributes == ("region",)
    assert settings.cards == {"churn": "cards/ours.yaml"}
    assert settings.mapping == {"orders": {"table": "sales", "ordered_at": "下单时间"}}
    assert settings.words == {"channel": {"家访": "visit"}}
    assert settings.vocabulary == {"channel": ("visit", "fax")}


def test_without_a_file_there_are_the_defaults():
    assert Settings.read(None) == Settings()


def test_every_setting_says_what_it_is_for():
    assert [name for name, _, says in settings_page() if not says.endswith(".")] == []


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('horizont = "6mo"', r"rapport\.toml: no such setting: horizont\. Did you mean horizon\?"),
        ('zone = "Asia/Shanghia"', r"zone = 'Asia/Shanghia' is no time zone\. Did you mean Asia/Shanghai\?"),
        ('active = "a year"', r"active: 'a year' is not a span of time\. Write months, days, weeks or years: 12mo"),
        ('horizon = "0mo"', r"horizon: '0mo' is not a span of time"),
        ('language = "de"', r"language = 'de' should be one of en, zh"),
        ('dates = "european"', r"dates = 'european' should be one of iso, day_first, month_first"),
        ("reject_share = 20", r"reject_share = 20\.0 should lie between 0 and 1"),
        ('reject_share = "a fifth"', r"reject_share = 'a fifth' should be a number"),
        ("calls_per_week = -1", r"calls_per_week = -1 should not be negative"),
        ("zone = 8", r"zone = 8 should be text in quotes"),
        ('fixed_attributes = "region"', r"fixed_attributes = 'region' should be a list of texts"),
        ('cards = "relationship"', r"cards = 'relationship' should be a table: write \[cards\]"),
        ('[mapping.order]\ntable = "x"', r"\[mapping\.order\]: the contract has no such table\. Did you mean orders\?"),
        ('[mapping.orders]\norderd_at = "x"', r"orders has no column orderd_at\. Did you mean ordered_at\?"),
        ("zone = Asia", r"rapport\.toml: is not TOML.*line 1.*Mend that line"),
    ],
)
def test_a_setting_that_is_not_understood_gets_a_sentence(tmp_path, written, sentence):
    path = tmp_path / "rapport.toml"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        Settings.read(path)


def test_settings_that_are_not_there_get_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot be read.*Name a file that exists"):
        Settings.read(tmp_path / "rapport.toml")


@pytest.mark.parametrize(
    ("span", "before", "after"),
    [
        ("1mo", "2026-02-28", "2026-04-30"),
        ("12mo", "2025-03-31", "2027-03-31"),
        ("180d", "2025-10-02", "2026-09-27"),
        ("2w", "2026-03-17", "2026-04-14"),
        ("1y", "2025-03-31", "2027-03-31"),
    ],
)
def test_a_span_counts_calendar_months_and_clips_the_day(span, before, after):
    moment = at("2026-03-31")
    assert parse_span(span).before(moment) == at(before)
    assert parse_span(span).after(moment) == at(after)


def test_a_span_is_written_as_it_is_read():
    assert [str(parse_span(span)) for span in ("12mo", "1y", "180d", "2w")] == ["12mo", "12mo", "180d", "14d"]
