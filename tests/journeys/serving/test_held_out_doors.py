"""A customer that an experiment leaves alone leaves the product through no door; others leave through each."""

import io
import json
import re
from datetime import UTC, datetime

import openpyxl
import pytest
from alert_rules import alerts_yaml, rule
from http_receiver import receiver
from serving_world import AS_OF, bearer, served
from test_agents import content
from test_bulk_jobs import finished
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.serving.security.keys import KeyRing
from rapport.serving.snapshots.holdout import HoldoutStore
from rapport.serving.snapshots.store import published_run

RULES = alerts_yaml(rule("any_risk", "kind: score_above, probability: 0.01") + "    task: true\n", capacity=1_000)


@pytest.fixture(scope="module")
def experiment(company, tmp_path_factory):
    """A scoring run with alerts and an export, in which a quarter of the work lists is held out."""
    root = tmp_path_factory.mktemp("experiment")
    home, settings = root / "home", root / "rapport.toml"
    home.mkdir()
    (home / "models").symlink_to(company.home / "models")
    (root / "alerts.yaml").write_text(RULES)
    # Whoever is told of customers: the webhook and the robot of a chat.
    sent = {"/hook": [], "/robot": []}

    def take(path, _, body):
        sent[path].append(body.decode())
        return 200

    with receiver(take) as url:
        settings.write_text(
            f'holdout_share = 0.25\nplaybook = "{root}"\n'
            f'[webhooks.crm]\nurl = "{url}/hook"\nsecret = "CRM_SECRET"\n'
            '[digests.team]\nkind = "slack"\nurl = "TEAM_ROBOT"\nevery = "daily"\nhour = "0"\n'
        )
        held = _published(company, root, {"CRM_SECRET": "a-secret-of-enough-bytes", "TEAM_ROBOT": f"{url}/robot"})
    return root, held, sent


def _published(company, root, environ):
    home = root / "home"
    said = _run(root, "score", company.folder, "--as-of", f"{AS_OF:%Y-%m-%d}", "--alerts", "--out", root / "scores.csv")
    held = HoldoutStore(home).held_out(1)
    assert f"{len(held):,} held-out customers are not in it." in said
    _run(root, "worker", "--once", environ=environ)
    return held


def _run(root, *words, environ=None):
    options = ["--data-dir", root / "home", "--settings", root / "rapport.toml"]
    done = CliRunner().invoke(app, [str(word) for word in (*words, *options)], env=environ)
    assert done.exit_code == 0, done.output
    return done.output


def _check(door, text, held, others):
    found = set(re.findall(r"[\w-]+", text))
    assert not found & held, door
    assert found & others, f"{door} shows nobody at all"


def test_no_command_lets_a_held_out_customer_out(company, experiment):
    root, held, _ = experiment
    others = {row["customer_id"] for row in published_run(root / "home", "churn").table("portfolio").to_pylist()} - held
    _check("export", (root / "scores.csv").read_text(), held, others)
    _check("due", _run(root, "due", company.folder, "--as-of", "2027-11-01", "--json"), held, others)
    for crm in ("salesforce", "hubspot", "fxiaoke"):
        _check(f"write-back to {crm}", _run(root, "writeback", crm, "--dry-run", "--json"), held, others)


def test_no_message_tells_of_a_held_out_customer(experiment):
    root, held, sent = experiment
    portfolio = published_run(root / "home", "churn").table("portfolio").to_pylist()
    others = {row["customer_id"] for row in portfolio} - held
    _check("webhook", "\n".join(sent["/hook"]), held, others)
    (digest,) = sent["/robot"]
    names = {row["customer_id"]: row["name"] or row["customer_id"] for row in portfolio}
    of_others = {names[one] for one in others}
    assert not [names[one] for one in held if names[one] not in of_others and names[one] in digest]
    assert [name for name in of_others if name in digest], "the digest names nobody at all"


def test_no_page_answer_or_agent_lets_a_held_out_customer_out(experiment):
    root, held, _ = experiment
    home, one = root / "home", min(held)
    portfolio = published_run(home, "churn").table("portfolio").to_pylist()
    others = {row["customer_id"] for row in portfolio} - held
    secret = KeyRing(home).add("seller", ["read", "score", "feedback"], datetime.now(UTC))
    key = bearer(secret)
    with served(home, settings=root / "rapport.toml") as client:

        def ask(path, status=200, **body):
            response = client.post(f"/v1/{path}", json=body, headers=key)
            assert response.status_code == status, response.text
            return response.json()

        doors = {
            "customers": ask("customers", limit=500),
            "the list at_risk": ask("customers", limit=500, list="at_risk"),
            "changes": ask("changes", limit=1000),
            "tasks": ask("tasks", limit=500),
            "agents": content(client, "worklist", key, limit=200),
        }
        assert "left alone" in json.dumps(ask("tasks/open", 409, customer_id=one, title="Call"))
        answer = ask("score", customer_ids=[one])["answers"][0]
        assert ask("customer", customer_id=one)["actions"] == []
        widget = client.get(ask("widget", customer_id=one)["path"]).text
        job = finished(client, client.post("/v1/bulk", json={"filter": {}, "reasons": 0}, headers=key), key)
        doors["bulk"] = client.get(job["result"], headers=key).text
        _sign_in(client, secret)
        doors |= {
            path: client.get(path).text for path in ("/", "/?list=all", "/?list=win_back", "/tasks", "/alerts?show=all")
        }
        sheets = openpyxl.load_workbook(io.BytesIO(client.get("/worklist.xlsx?list=all&state=all").content))
        doors["worklist as a workbook"] = json.dumps([row for one in sheets for row in one.values], default=str)
        doors |= {"worklist as a file": client.get("/worklist.csv?list=all&state=all").text}
    for door, said in doors.items():
        _check(door, said if isinstance(said, str) else json.dumps(said), held, others)
    assert answer["held_out"]
    assert not any(reason["advice"] for reason in answer["reasons"])
    assert 'class="next"' not in widget
    rows = [row for row in portfolio if row["customer_id"] in held]
    assert rows
    assert {(row["list"], row["owner_rank"], row["this_week"], row["next_action_code"]) for row in rows} == {
        ("none", None, False, None)
    }
    assert sum(row["this_week"] for row in portfolio) == min(50, sum(row["list"] == "at_risk" for row in portfolio))


def _sign_in(client, secret):
    token = re.search(r'name="token" value="([^"]+)"', client.get("/sign-in").text).group(1)
    assert client.post("/sign-in", data={"token": token, "key": secret}, follow_redirects=False).status_code == 303
