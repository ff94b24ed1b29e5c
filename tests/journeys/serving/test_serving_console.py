"""The console over the real application: every page renders, with the numbers of the HTTP API."""

import json
import re
from datetime import timedelta

import pytest
from markupsafe import escape
from serving_world import AS_OF, NOW, copy_home, served
from small_card import SMALL

from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.serving.console.formats import percent, points
from rapport.serving.snapshots.scoring_run import run_scoring

PAGES = ("/", "/?target=conversion", "/portfolio", "/portfolio?target=conversion", "/model", "/model?target=conversion")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_renders_over_the_real_application(open_client, language):
    open_client.get(f"/language/{language}")
    shown = {path: open_client.get(path) for path in PAGES}
    assert {path: answer.status_code for path, answer in shown.items()} == dict.fromkeys(PAGES, 200)
    cards = set(re.findall(r"/cards/\w+", open_client.get("/cards").text))
    customers = re.findall(r'href="(/customers/[^"?]+)', shown["/"].text)[:8]
    leads = re.findall(r'href="(/customers/[^"]+target=conversion)', shown["/?target=conversion"].text)[:4]
    assert all((cards, customers, leads))
    tried = [f"{card}?customer={customers[0].rpartition('/')[2]}" for card in cards]
    more = [
        *cards,
        *tried,
        *customers,
        *(path.replace("&amp;", "&") for path in leads),
        "/worklist.csv",
        "/worklist.xlsx",
    ]
    assert {path: open_client.get(path).status_code for path in more} == dict.fromkeys(more, 200)


def test_the_numbers_of_a_page_are_those_of_the_api(open_client):
    open_client.get("/language/en")
    customer = re.search(r'href="/customers/([^"?]+)', open_client.get("/").text).group(1)
    asked = {"customer_ids": [customer], "target": "churn", "reasons": 12, "language": "en"}
    (answer,) = open_client.post("/v1/score", json=asked).json()["answers"]
    page = open_client.get(f"/customers/{customer}").text
    assert f'<p class="big">{percent(answer["probability"])}</p>' in page
    shown = re.findall(r'<tr class="(?:toward|away)">.*?data-points="[^"]+">([^<]+)<', page, re.S)
    assert shown[: len(answer["reasons"])] == [points(reason["points"]) for reason in answer["reasons"]]


@pytest.mark.parametrize(("language", "title"), [("en", "When the next order comes"), ("zh", "下一笔订单的时间")])
def test_a_customers_page_draws_when_the_next_order_comes_from_the_numbers_of_the_api(open_client, language, title):
    open_client.get(f"/language/{language}")
    customer = re.search(r'href="/customers/([^"?]+)', open_client.get("/").text).group(1)
    profile = open_client.post("/v1/customer", json={"customer_id": customer, "language": language}).json()
    page = open_client.get(f"/customers/{customer}").text
    timing = profile["answers"][0]["timing"]
    section = page.split('id="h-timing"')[1].split("</section>")[0]
    assert title in section
    assert timing["meaning"] in section
    shown = re.findall(r'<td class="n">([^<]+?)(?: <small>|</td>)', section)
    known = [p["probability"] for p in timing["curve"] if p["horizon"] in ("1mo", "3mo", "6mo", "12mo", "18mo", "24mo")]
    assert shown == [str(escape(percent(each))) for each in known]
    # Constant hazards were seen for 400 days: the rest of the curve is dashed.
    assert section.count("<polyline") == 2
    assert profile["answers"][0]["certainty_note"] is None


def test_a_slider_of_the_page_gets_a_what_if_answer(open_client):
    listed = re.findall(r'href="/customers/([^"?]+)', open_client.get("/").text)
    pages = ((customer, open_client.get(f"/customers/{customer}").text) for customer in dict.fromkeys(listed))
    # Not everyone has a lever that moves the score.
    customer, lever, low = next(
        (key, *found.groups()) for key, page in pages if (found := re.search(r'name="if\.(\w+)" min="([^"]+)"', page))
    )
    part = open_client.get(f"/customers/{customer}", params={"part": "what-if", f"if.{lever}": low}).text
    assert "→" in part


def test_an_outcome_logged_on_a_page_is_stored_as_feedback(open_client):
    page = open_client.get("/").text
    customer = re.search(r'href="/customers/([^"?]+)', page).group(1)
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    sent = {
        "token": token,
        "customer_id": customer,
        "target": "churn",
        "verdict": "not_right",
        "comment": "they merged",
    }
    assert open_client.post("/marks", data=sent, follow_redirects=False).status_code == 303
    assert "they merged" in open_client.get(f"/customers/{customer}").text


def test_who_reads_a_page_is_in_the_audit_trail(open_client, company):
    customer = re.search(r'href="/customers/([^"?]+)', open_client.get("/").text).group(1)
    open_client.get(f"/customers/{customer}")
    (trail,) = (company.home / "audit").glob("*.jsonl")
    last = json.loads(trail.read_text(encoding="utf-8").splitlines()[-1])
    assert (last["by"], last["route"], last["customer_ids"]) == ("local", f"/customers/{customer}", [customer])
    assert last["request_id"]


def test_a_card_of_the_company_s_own_has_a_page_and_stands_on_its_customers(company, tmp_path):
    own = tmp_path / "ours.yaml"
    own.write_text(SMALL.replace("card: small", "card: ours").replace("{en: Small, zh: 小}", "{en: Ours, zh: 自有卡}"))
    home = copy_home(company, tmp_path / "home")
    history = read_history(company.folder, Settings(scorecards=("relationship", str(own))))
    run_scoring(history, home, "churn", as_of=AS_OF, now=NOW + timedelta(hours=1), progress=lambda *_: None)
    with served(home, keys=False) as client:
        client.get("/language/zh")
        assert "/cards/ours" in client.get("/cards").text
        page = client.get("/cards/ours").text
        # Without an RFM card nobody has a segment, and no page says "None".
        home_page = client.get("/").text
        customer = re.search(r'href="/customers/([^"?]+)', home_page).group(1)
        (answer,) = client.post("/v1/score", json={"customer_ids": [customer], "target": "churn"}).json()["answers"]
    assert "None" not in home_page
    assert all(word in page for word in ("自有卡", "消费", "来源"))
    (card,) = [card for card in answer["cards"] if card["name"] == "ours"]
    assert 1 <= card["score"] <= 5
    assert card["tier"] in ("good", "bad")
