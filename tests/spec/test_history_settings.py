"""Settings: values read from rapport.toml, the message for an invalid one, former names; durations."""

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import pytest

from rapport.errors import SettingsError
from rapport.history import Settings, parse_duration
from rapport.history.settings import CURRENT_NAMES

at = datetime.fromisoformat

WRITTEN = """
timezone = "Asia/Shanghai"
horizon = "6mo"
fixed_attributes = ["region"]

[cards]
churn = "cards/own.yaml"

[mapping.orders]
table = "sales"
ordered_at = "下单时间"

[value_mapping.channel]
"家访" = "visit"

[vocabulary]
channel = ["visit", "fax"]
"""

FORMER = {
    "zone": "Asia/Shanghai",
    "active": "6mo",
    "dates": "day_first",
    "home": "models-and-scores",
    "training_rows": 5000,
    "scratch": "spill",
    "words": {"channel": {"家访": "visit"}},
}


def test_written_settings_are_read_and_the_others_keep_their_defaults(tmp_path):
    path = tmp_path / "rapport.toml"
    path.write_text(WRITTEN, encoding="utf-8")
    settings = Settings.read(path)
    assert (settings.timezone, settings.horizon, settings.active_window) == ("Asia/Shanghai", "6mo", "12mo")
    assert settings.fixed_attributes == ("region",)
    assert settings.cards == {"churn": "cards/own.yaml"}
    assert settings.mapping == {"orders": {"table": "sales", "ordered_at": "下单时间"}}
    assert settings.value_mapping == {"channel": {"家访": "visit"}}
    assert settings.vocabulary == {"channel": ("visit", "fax")}


def test_without_a_file_all_settings_have_their_defaults():
    assert Settings.read(None) == Settings()


def test_every_setting_has_a_description():
    assert [each.name for each in fields(Settings) if not each.metadata["description"].endswith(".")] == []


def test_every_setting_is_read_outside_the_file_that_declares_it():
    root = Path(__file__).parents[2]
    folders = (root / name for name in ("rapport", "history", "features", "scoring", "training", "serving"))
    paths = {path for folder in folders for path in folder.rglob("*.py")} - {root / "history" / "settings.py"}
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    names = {each.name for each in fields(Settings)}
    assert {name for name in names if not re.search(rf"\.{name}\b|['\"]{name}['\"]", source)} == set()


@pytest.mark.parametrize("former", CURRENT_NAMES)
def test_a_former_name_of_a_setting_is_still_read(former):
    current = CURRENT_NAMES[former]
    value = FORMER[former]
    assert getattr(Settings.of({former: value}), current) == value != getattr(Settings(), current)
    assert former not in {setting.name for setting in fields(Settings)}


def test_a_setting_under_both_its_names_is_refused():
    with pytest.raises(SettingsError, match=r"zone is the former name of timezone\. Keep timezone and delete zone"):
        Settings.of({"zone": "UTC", "timezone": "Asia/Shanghai"})


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('horizont = "6mo"', r"rapport\.toml: no such setting: horizont\. Did you mean horizon\?"),
        (
            'timezone = "Asia/Shanghia"',
            r"timezone = 'Asia/Shanghia' is not a time zone\. Did you mean Asia/Shanghai\?",
        ),
        ('active_window = "a year"', r"active_window: 'a year' is not a duration\. Write months, days, weeks or years"),
        ('horizon = "0mo"', r"horizon: '0mo' is not a duration"),
        ('language = "de"', r"language = 'de' should be one of en, zh"),
        ('date_format = "european"', r"date_format = 'european' should be one of iso, day_first, month_first"),
        ("reject_share = 20", r"reject_share = 20\.0 should be between 0 and 1"),
        ('reject_share = "a fifth"', r"reject_share = 'a fifth' should be a number"),
        ("calls_per_week = -1", r"calls_per_week = -1 should not be negative"),
        ("max_training_rows = 999", r"max_training_rows = 999 should be at least 1000"),
        ("timezone = 8", r"timezone = 8 should be text in quotes"),
        ('fixed_attributes = "region"', r"fixed_attributes = 'region' should be a list of texts"),
        ('fixed_attributes = ["region", 5]', r"fixed_attributes, text 2, = 5 should be text in quotes"),
        ("[cards]\nchurn = 3", r"cards\.churn = 3 should be text in quotes"),
        ('decimal = ";"', r"decimal = ';' should be one of '', '\.', ','"),
        ("at_risk_threshold = 1.0", r"at_risk_threshold = 1\.? would never apply"),
        ("contact_cost = -2", r"contact_cost = -2\.0 should not be negative; -1 is the default"),
        ('cards = "relationship"', r"cards = 'relationship' should be a table: write \[cards\]"),
        ('[mapping.order]\ntable = "x"', r"\[mapping\.order\]: the contract has no such table\. Did you mean orders\?"),
        ('[mapping.orders]\norderd_at = "x"', r"orders has no column orderd_at\. Did you mean ordered_at\?"),
        ("timezone = Asia", r"rapport\.toml: is not TOML.*line 1.*Correct that line"),
    ],
)
def test_an_invalid_setting_gets_a_message(tmp_path, written, message):
    path = tmp_path / "rapport.toml"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        Settings.read(path)


def test_a_missing_settings_file_gets_a_message(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot be read.*Name a file that exists"):
        Settings.read(tmp_path / "rapport.toml")


@pytest.mark.parametrize(
    ("duration", "before", "after"),
    [
        ("1mo", "2026-02-28", "2026-04-30"),
        ("12mo", "2025-03-31", "2027-03-31"),
        ("180d", "2025-10-02", "2026-09-27"),
        ("2w", "2026-03-17", "2026-04-14"),
        ("1y", "2025-03-31", "2027-03-31"),
    ],
)
def test_a_duration_counts_calendar_months_and_clips_the_day(duration, before, after):
    moment = at("2026-03-31")
    assert parse_duration(duration).before(moment) == at(before)
    assert parse_duration(duration).after(moment) == at(after)


def test_a_duration_is_written_as_it_is_read():
    assert [str(parse_duration(each)) for each in ("12mo", "1y", "180d", "2w")] == ["12mo", "12mo", "180d", "14d"]
