"""The digest: one truth with the worklist, delivered by e-mail and to the robots of chats, once a period."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import socketserver
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import pytest
from serving_world import copy_home
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.errors import SettingsError
from rapport.history.settings import Settings
from rapport.serving.jobs.digest_job import DigestJob
from rapport.serving.jobs.digest_receivers import KINDS, digest_receivers
from rapport.serving.snapshots.portfolio_table import TABLE
from rapport.serving.snapshots.store import published_run

MONDAY = datetime(2026, 11, 2, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
ZONE = {"timezone": "Asia/Shanghai", "calls_per_week": 4}


class MailHandler(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over one message."""

    def handle(self):
        self.wfile.write(b"220 mail\r\n")
        while line := self.rfile.readline().strip():
            if line.upper() == b"DATA":
                self.wfile.write(b"354 go\r\n")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.taken.append(email.message_from_bytes(content, policy=email.policy.default))
            self.wfile.write(b"221 bye\r\n" if line.upper() == b"QUIT" else b"250 ok\r\n")


class RobotHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.taken.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
        answer = json.dumps({"errcode": self.server.code}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@contextmanager
def serving(kind, handler):
    server = kind(("127.0.0.1", 0), handler)
    server.taken, server.code = [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def home(company, tmp_path):
    return copy_home(company, tmp_path / "home")


def rows_of(home):
    return published_run(home, "churn").table(TABLE).to_pylist()


def test_an_owner_gets_the_first_accounts_of_the_worklist_by_e_mail_once_a_week(home):
    owner = next(row["owner"] for row in rows_of(home) if row["this_week"])
    settings = Settings.of({**ZONE, "digests": {"own": {"to": "own@company.example", "owner": owner}}})
    with serving(socketserver.ThreadingTCPServer, MailHandler) as mail:
        environ = {"RAPPORT_SMTP_URL": f"smtp://127.0.0.1:{mail.server_address[1]}", "RAPPORT_SMTP_FROM": "r@x.example"}
        job = DigestJob(home, settings, environ)
        assert job.round(MONDAY.replace(hour=7)) == [], "not before its hour"
        for hours in (0, 1, 30):
            job.round(MONDAY + timedelta(hours=hours))
        assert len(mail.taken) == 1, "once a week"
        job.round(MONDAY + timedelta(days=7))
        assert len(mail.taken) == 2
    message = mail.taken[0]
    text = message.get_content()
    assert (message["to"], owner in message["subject"]) == ("own@company.example", True)
    own = [row for row in rows_of(home) if row["owner"] == owner and row["list"] == "at_risk"]
    first = max(own, key=lambda row: row["savable"])
    assert f"- {first['name'] or first['customer_id']}: {first['probability']:.0%} churn risk" in text
    others = {row["name"] for row in rows_of(home) if row["owner"] != owner and row["name"]}
    assert not [name for name in others - {row["name"] for row in own} if f"- {name}:" in text]


@pytest.mark.parametrize("kind", KINDS)
def test_every_chat_gets_the_digest_in_its_language_and_a_refused_one_is_sent_again(home, kind):
    with serving(ThreadingHTTPServer, RobotHandler) as robot:
        environ = {"ROBOT": f"http://127.0.0.1:{robot.server_port}/robot?key=1", "SIGN": "a-signing-secret"}
        one = {"kind": kind, "url": "ROBOT", "secret": "SIGN", "every": "daily", "language": "zh"}
        job = DigestJob(home, Settings.of({**ZONE, "digests": {"group": one}}), environ)
        robot.code = 310000
        assert [sent.problem for sent in job.round(MONDAY)] == ["the robot refused it (310000)"]
        assert job.round(MONDAY + timedelta(seconds=5)) == [], "left alone for a minute"
        robot.code = 0
        assert [sent.problem for sent in job.round(MONDAY + timedelta(minutes=2))] == [""]
        assert job.round(MONDAY + timedelta(hours=2)) == []
    path, body = robot.taken[-1]
    assert "本周待跟进客户" in json.dumps(body, ensure_ascii=False)
    if kind == "dingtalk":
        at = str(int((MONDAY + timedelta(minutes=2)).timestamp() * 1000))
        sign = hmac.new(b"a-signing-secret", f"{at}\na-signing-secret".encode(), hashlib.sha256).digest()
        assert f"timestamp={at}&sign={quote_plus(base64.b64encode(sign))}" in path
    if kind == "wecom":
        assert len(body["markdown"]["content"].encode()) <= 4096


def test_the_command_shows_the_digest_and_a_wrong_section_gets_a_sentence(home, tmp_path):
    written = tmp_path / "rapport.toml"
    written.write_text('[digests.maria]\nto = "maria@company.example"\n')
    environ = {"RAPPORT_SMTP_URL": "smtp://127.0.0.1:1", "RAPPORT_SMTP_FROM": "r@x.example"}
    options = ["--data-dir", str(home), "--settings", str(written)]
    shown = CliRunner().invoke(app, ["digest", "--dry-run", *options], env=environ)
    assert shown.exit_code == 0, shown.output
    assert "Accounts to contact this week" in shown.output
    failed = CliRunner().invoke(app, ["digest", "maria", *options], env=environ)
    assert failed.exit_code != 0
    assert "mail server" in failed.output
    for wrong, needed in (
        ({"to": "a@x", "kind": "slack"}, "needs to"),
        ({"kind": "pager", "url": "U"}, "wecom"),
        ({"kind": "slack", "url": "UNSET"}, "UNSET is not set"),
        ({"to": "a@x", "hour": "25"}, "hour"),
        ({"to": "a@x"}, "RAPPORT_SMTP_URL"),
    ):
        with pytest.raises(SettingsError, match=needed):
            digest_receivers(Settings.of({"digests": {"wrong": wrong}}), {})
