"""Figures and words of the console beside the stored run: hierarchy, worklist, win-back, baseline, periods."""

import csv
import io
import re
from collections import Counter
from datetime import timedelta
from html import unescape
from importlib import resources

import numpy as np
import pytest
from serving_world import AS_OF, MONTH_BEFORE, NOW, YEAR, copy_home, served

from rapport.features import catalog, training_rows
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.matrix import Matrix
from rapport.serving.console.formats import money, number, percent
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.snapshots.table_files import map_table

# What a strategy says that rules a contact out, unless it makes an exception for accounts of the worklist.
_NO_CALL = re.compile(
    r"\bno (?:calls?|visits?|contact)\b|(?:do not|don't|never) (?:call|visit|contact)|\bonly\b|spend no"
    r"|不再|不主动|不(?:致电|拜访|联系)|停止|仅(?!在列入待跟进名单时联系)|无需(?:致电|拜访|联系)"
)
_EXCEPTION = "call only where the worklist names the account"


@pytest.fixture(scope="module")
def snapshot(company):
    return load_live_model(company.home, "churn").snapshot


@pytest.fixture(scope="module")
def portfolio(snapshot):
    return {row["customer_id"]: row for row in snapshot.run.cached_table("portfolio").to_pylist()}


def _text(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html))


def test_the_account_hierarchy_shows_the_health_grade_of_each_account(open_client, portfolio):
    open_client.get("/language/en")
    labels = {"prime": "Prime", "ordinary": "Ordinary", "at_risk": "At risk", "lost": "Lost", None: ""}
    parents = {row["parent_id"] for row in portfolio.values() if row["parent_id"] in portfolio}
    shown = {}
    for root in parents:
        section = open_client.get(f"/customers/{root}").text.split('id="h-hierarchy"')[1].split("</section>")[0]
        for key, pill in re.findall(r'<a href="/customers/([^"?]+)[^"]*">.*?</a>(.*?)</th>', section, re.S):
            shown[key] = _text(pill).strip()
    assert shown == {key: labels[portfolio[key]["health_grade"]] for key in shown}
    # The scorecard's tier of these accounts says something else.
    assert sum(portfolio[key]["card_tier"] != portfolio[key]["health_grade"] for key in shown) > 20
    riskiest = max(shown, key=lambda key: portfolio[key]["probability"] or 0.0)
    assert shown[riskiest] == "At risk"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_account_of_the_list_to_contact_has_a_strategy_that_forbids_a_contact(ask, portfolio, language):
    listed = [key for key, row in portfolio.items() if row["list"] == "at_risk"]
    # Those of low value, too, whose strategy is low touch.
    assert any(portfolio[key]["segment"] == "general_lost" for key in listed)
    for key in listed:
        for note in ask("customer", customer_id=key, language=language)["strategies"]:
            assert not _NO_CALL.search(note["text"].replace(_EXCEPTION, "")), (key, note)


def test_the_baseline_is_defined_as_it_is_computed(company, open_client, portfolio):
    cutoffs = [MONTH_BEFORE.replace(year=2025, month=month) for month in (5, 11)]
    rows = training_rows(
        company.history, "churn", cutoffs, active=YEAR, horizon=YEAR, known_by=AS_OF, features=catalog()
    )
    logits = company.bundle.logit(Matrix.of(rows, company.bundle.columns))
    assert company.bundle.base_rate == pytest.approx(float(sigmoid(np.asarray(logits.mean()))), abs=0.002)
    # The mean probability is another number: the words must not promise it.
    assert abs(float(sigmoid(logits).mean()) - company.bundle.base_rate) > 0.01
    customer = next(key for key, row in portfolio.items() if row["probability"] is not None)
    for language, words in (("en", "probability at the mean log-odds"), ("zh", "平均对数几率对应的概率")):
        open_client.get(f"/language/{language}")
        for page in ("/help", f"/customers/{customer}"):
            assert words in _text(open_client.get(page).text.replace('data-tip="', ">")), (language, page)


def test_the_export_of_the_win_back_list_has_what_each_account_spent_and_no_savings(open_client, portfolio):
    open_client.get("/language/en")
    lines = open_client.get("/worklist.csv?list=win_back").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(lines)))
    lapsed = {key: row["win_back_value"] for key, row in portfolio.items() if row["list"] == "win_back"}
    assert {row["customer_id"]: float(row["yearly spend before"]) for row in rows} == pytest.approx(lapsed)
    assert [row["customer_id"] for row in rows] == sorted(lapsed, key=lambda key: -lapsed[key])
    assert {row["expected savings"] for row in rows} == {""}
    token = re.search(r'name="token" value="([^"]+)"', open_client.get("/?list=win_back").text).group(1)
    chosen = [row["customer_id"] for row in rows[:9]]
    sent = {"token": token, "format": "csv", **{f"pick.{key}": "yes" for key in reversed(chosen)}}
    selected = open_client.post("/work/export", data=sent).content.decode("utf-8-sig")
    assert [row["customer_id"] for row in csv.DictReader(io.StringIO(selected))] == chosen


@pytest.mark.parametrize("name", ["at_risk", "win_back"])
def test_the_last_order_is_the_days_of_the_feature(open_client, snapshot, name):
    open_client.get("/language/en")
    features = snapshot.run.cached_table("features").select(["customer_id", "days_since_last_order"]).to_pylist()
    days = {row["customer_id"]: row["days_since_last_order"] for row in features}
    page = open_client.get(f"/?list={name}&column=last_order").text
    rows = re.findall(r'href="/customers/([^"?]+).*?data-label="Last order">(.*?)</td>', page, re.S)
    assert len(rows) > 10
    assert dict(rows) == {key: f"{days[key]:.0f} day{'' if days[key] == 1 else 's'} ago" for key, _ in rows}


def test_two_days_compared_show_what_the_runs_of_those_days_stored(company, open_client, portfolio):
    runs = {path.name[:10]: path for path in (company.home / "scores" / "churn" / "runs").iterdir()}
    stored = {day: map_table(path / "portfolio.arrow").to_pylist() for day, path in runs.items()}
    assert sorted(stored) == ["2026-10-01", "2026-11-01"]
    region = next(row["region"] for row in portfolio.values() if row["probability"] is not None)
    for of, words in (("", "Model version"), (f"region:{region}", "模型版本")):
        open_client.get(f"/language/{'zh' if of else 'en'}")
        page = open_client.get("/home", params={"from": "2026-10-01", "to": "2026-11-01", "of": of}).text
        table = page.split('id="o-periods"')[1].split("</section>")[0].split("<table")[1]
        assert words in table
        lines = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
        language = "zh" if of else "en"
        for place, day in enumerate(sorted(stored)):
            scored = [row for row in stored[day] if row["probability"] is not None]
            rows = [row for row in scored if not of or portfolio[row["customer_id"]]["region"] == region]
            shown, grades = [cells[place] for cells in lines if cells], Counter(row["health_grade"] for row in rows)
            assert shown[:4] == [
                number(len(rows)),
                number(np.mean([row["health_score"] for row in rows]), 0),
                percent(np.mean([row["probability"] for row in rows]), 1),
                money(sum(row["revenue_at_risk"] for row in rows), "CNY", language),
            ]
            assert shown[4:-3] == [number(grades[one]) for one in ("prime", "ordinary", "at_risk") if one in grades]
        assert lines[4][0] != lines[4][1]


def test_a_companys_own_health_grades_have_their_names_and_order_on_every_page(company, tmp_path):
    own = (resources.files("rapport.scoring.actions") / "shipped" / "health.yaml").read_text("utf-8")
    # Their order is not that of the alphabet, best first.
    names = {"prime": ("top", "Top", "尖端"), "ordinary": ("fair", "Fair", "尚可"), "at_risk": ("bad", "Bad", "堪忧")}
    names["lost"] = ("away", "Away", "离去")
    for known, (name, english, chinese) in names.items():
        own = re.sub(rf"(name|grade): {known}$", rf"\1: {name}", own, flags=re.M)
        own = re.sub(rf"(name: {name}\n    label: ).*", rf"\1{{en: {english}, zh: {chinese}}}", own)
    (tmp_path / "health.yaml").write_text(own, "utf-8")
    home, history = copy_home(company, tmp_path / "home"), read_history(company.folder, Settings(playbook=tmp_path))
    run_scoring(history, home, "churn", as_of=AS_OF, now=NOW + timedelta(hours=1), progress=lambda *_: None)
    settings = tmp_path / "rapport.toml"
    settings.write_text(f'playbook = "{tmp_path}"\n', "utf-8")
    with served(home, keys=False, settings=settings) as client:
        for language, place in (("en", 1), ("zh", 2)):
            client.get(f"/language/{language}")
            words = [names[one][place] for one in ("prime", "ordinary", "at_risk")]
            grades = client.get("/home").text.split('id="o-health"')[1].split("</section>")[0]
            assert re.findall("|".join(words), _text(grades)) == words
            assert words[2] in _text(client.get("/?health_grade=bad&group=health_grade").text.split("<tbody>")[1])
            listed = client.get("/worklist.csv").content.decode("utf-8-sig")
            assert {row.split(",")[6] for row in listed.splitlines()[1:]} <= set(words)
            customer = listed.splitlines()[1].split(",")[0]
            for page in (f"/customers/{customer}", f"/reports/{customer}"):
                text = _text(client.get(page).text)
                assert any(word in text for word in words), page
                assert not re.search("Prime|Ordinary|优质客户", text), page
