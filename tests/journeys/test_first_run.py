"""The first run in the browser: files are uploaded, understood, and trained on, without a command."""

import time
from datetime import datetime

import pytest
from console_client import SECRET, ConsoleClient
from example_application import ExampleApplication

from rapport.history import Settings
from rapport.scoring.models import model_store
from rapport.serving.console.app import create_console
from rapport.serving.errors import NotReadyError
from rapport.serving.first_run import FirstRun

# No day is above 12, so nothing decides which part is the month.
ORDERS = "order_id,customer_id,ordered_at,amount\n" + "\n".join(
    f"R{number},K{number % 30},{1 + number % 12:02}/{1 + number // 20:02}/2024,{10 + number % 9}.5"
    for number in range(200)
)


@pytest.fixture
def commands():
    return []


@pytest.fixture
def first_run(tmp_path, commands):
    def run(words, _result, log):
        commands.append(words)
        log.write_text("too few customers")
        return 1

    return FirstRun(tmp_path, tmp_path / "rapport.toml", run)


def browser_of(first_run, *, keys_disabled=True):
    application = ExampleApplication(keys_disabled=keys_disabled)

    def nothing():
        raise NotReadyError("Nothing is scored yet.")

    application.about = nothing
    browser = ConsoleClient(application)
    browser.app = create_console(application, secret=SECRET, first_run=first_run)
    return browser


def upload(browser, name, text):
    token = browser.see("/").split('name="token" value="')[1].split('"')[0]
    files = {"files": (name, text.encode(), "text/csv")}
    return browser.ask("POST", "/setup", data={"token": token, "act": "upload"}, files=files)


def test_files_lead_through_their_open_question_to_a_run(first_run, commands, tmp_path):
    browser = browser_of(first_run)
    assert 'type="file"' in browser.see("/")
    page = upload(browser, "../orders.csv", ORDERS)
    assert page.status_code == 200
    assert first_run.names() == ["orders.csv"]
    assert "How is 03/04/2026 meant?" in page.text
    assert '<th scope="row">orders</th>' in page.text
    assert ">200</td>" in page.text
    asked = browser.send("/setup", page="/setup", act="start", currency="EUR")
    assert (asked.status_code, "How is 03/04/2026 meant? Choose one of day_first, month_first." in asked.text) == (
        422,
        True,
    )
    browser.send("/setup", page="/setup", act="start", currency="EUR", date_format="month_first")
    for _ in range(100):
        if not first_run.state()["running"]:
            break
        time.sleep(0.02)
    settings = Settings.read(tmp_path / "rapport.toml")
    assert (settings.currency, settings.date_format) == ("EUR", "month_first")
    assert [words[:1] + words[2:4] for words in commands] == [
        ["train", "--target", "churn"],
        ["train", "--target", "conversion"],
    ]
    after = browser.see("/setup")
    assert "No model could be trained from these files" in after
    assert "too few customers" in after


def test_what_cannot_be_read_gets_a_sentence(first_run):
    browser = browser_of(first_run)
    refused = upload(browser, "orders.exe", ORDERS)
    assert (refused.status_code, "orders.exe: files of this kind are not read" in refused.text) == (422, True)
    assert first_run.names() == []
    empty = upload(browser, "notes.csv", "a,b\n1,2\n")
    assert 'role="alert"' in empty.text
    browser.see("/language/zh?back=/setup")
    assert "缺少订单表 orders" in browser.see("/setup")
    many = upload(browser, "orders.csv", "customer_id,order_id,ordered_at,amount\n" + "K1,1,soon,5\n" * 5)
    assert "5 行中有 5 行无法使用" in many.text


def test_a_text_of_the_form_adds_no_setting(first_run):
    upload(browser_of(first_run), "orders.csv", ORDERS)
    first_run.start({"currency": 'E"\ncalls_per_week = 9', "date_format": "day_first"})
    assert Settings.read(first_run.settings_file).calls_per_week == Settings().calls_per_week


def test_only_an_admin_uploads(first_run):
    browser = browser_of(first_run, keys_disabled=False)
    browser.sign_in("key-of-all")
    page = browser.see("/")
    assert 'type="file"' not in page
    assert "As soon as an administrator has run the commands below" in page
    assert upload(browser_of(first_run), "orders.csv", ORDERS).status_code == 200
    assert browser.send("/setup", page="/sign-in", act="start").status_code == 403


def test_what_is_in_doubt_is_asked_on_the_page_in_both_languages(first_run):
    browser = browser_of(first_run)
    lines = [
        f"{line},{'cancelled' if number % 9 == 0 else 'paid'}" for number, line in enumerate(ORDERS.split("\n")[1:])
    ]
    page = upload(browser, "orders.csv", "\n".join(["order_id,customer_id,ordered_at,amount,status", *lines]))
    assert "rows with status cancelled do not count" in page.text
    browser.see("/language/zh?back=/setup")
    assert "status 为 cancelled 的" in browser.see("/setup")


def test_a_model_without_a_run_asks_for_the_last_command_alone(first_run, tmp_path):
    version = tmp_path / "models" / "churn" / "1"
    version.mkdir(parents=True)
    (version / model_store.MAIN).write_text("{}")
    browser = browser_of(first_run)
    assert 'id="s-files"' in browser.see("/")
    model_store.set_champion(tmp_path, "churn", "1", datetime(2026, 11, 2))
    page = browser.see("/")
    assert "A model is trained, but nothing is scored yet." in page
    assert 'id="s-files"' not in page
