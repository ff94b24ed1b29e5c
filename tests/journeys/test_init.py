"""``rapport init``: from a system's files to settings that the other commands read."""

import json
import sys
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from rapport.cli.app import app, main
from rapport.history import Settings, read_history


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    lines = ["Auftragsnr;Kundennr;Bestelldatum;Betrag"]
    for number in range(200):
        # No day is above 12, so nothing decides which part is the month.
        day = date(2024, 1 + number % 12, 1 + number // 20)
        lines.append(f"R{number};K{number % 30};{day:%d/%m/%Y};{10 + number % 9}.50")
    (tmp_path / "files" / "auftraege.csv").write_text("\n".join(lines))
    return tmp_path


def test_open_questions_are_asked_and_the_answers_written(shop):
    answered = CliRunner().invoke(app, ["init", "files"], input="month_first\nEUR\n")
    assert answered.exit_code == 0, answered.output
    assert "orders: 200 rows" in answered.output
    settings = Settings.read(shop / "rapport.toml")
    assert (settings.date_format, settings.currency) == ("month_first", "EUR")
    with read_history(shop / "files", settings) as history:
        assert history.rows == {"orders": 200}
        first = history.connection.execute("SELECT ordered_at FROM orders WHERE order_id = 'R1'").fetchall()[0][0]
    assert first.date() == date(2024, 1, 2)


def test_questions_and_the_file_are_in_the_language_that_was_asked_for(shop):
    proposed = CliRunner().invoke(app, ["map", "files", "--language", "zh"]).output
    assert "# 问题：auftraege: Bestelldatum 中有 03/04/2026 这样的日期" in proposed
    answered = CliRunner().invoke(app, ["init", "files", "--language", "zh"], input="month_first\nEUR\n")
    assert answered.exit_code == 0, answered.output
    assert all(
        words in answered.output
        for words in ("03/04/2026 是哪一天", "金额的币种", "orders：200 行", "已写入 rapport.toml")
    )
    written = (shop / "rapport.toml").read_text()
    assert "请核对" in written
    assert "问题" not in written
    assert Settings.read(shop / "rapport.toml").language == "zh"
    checked = CliRunner().invoke(app, ["check", "files", "--settings", "rapport.toml", "--language", "en"]).output
    assert "Trainable targets" in checked


def test_an_open_question_is_never_answered_silently_and_a_file_is_not_replaced(shop, monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["rapport", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0

    assert run("init", "files", "--yes") == 11
    assert "run rapport init without --yes" in capsys.readouterr().err
    plain = shop / "plain"
    plain.mkdir()
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(60)]
    rows = [f"{place},c{place % 5},{day},{place + 1}" for place, day in enumerate(days)]
    (plain / "orders.csv").write_text("\n".join(["order_id,customer_id,ordered_at,amount", *rows]))
    assert run("init", "plain", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert {each["target"] for each in result["check"]["trainable"]} == {"churn", "conversion"}
    assert run("init", "plain", "--yes") == 11
    assert "is there already" in capsys.readouterr().err
