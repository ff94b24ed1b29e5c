"""The example pages for CRMs ask what the service takes; the relay passes on signed requests only."""

import importlib.util
import json
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rapport.serving.api.task_endpoints import WidgetRequest

CRM = Path(__file__).parents[2] / "deploy" / "crm"
EXAMPLES = ("salesforce/classes/RapportWidget.cls", "hubspot/RapportCard.jsx", "fxiaoke/rapport_widget.groovy")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_sends_the_fields_of_the_request(name):
    text = (CRM / name).read_text(encoding="utf-8")
    sent = set(re.findall(r"""['"{ ](customer_id|language)['"]?(?: =>|:)""", text))
    assert sent == set(WidgetRequest.model_fields)
    assert "/v1/widget" in text or "widget_relay.py" in text


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.headers["Authorization"] == "Bearer key" and asked["customer_id"] == "C-1"
        answer = {"path": "/widget/customers/C-1?token=t", "seconds": 900}
        content = json.dumps(answer if known else {"error": {"message": "No such customer."}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def relay(monkeypatch):
    found = importlib.util.spec_from_file_location("widget_relay", CRM / "widget_relay.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.setattr(module.Relay, "log_message", lambda *_: None)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Service, module.Relay)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    service, url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    for name, value in (("RAPPORT_URL", service), ("RAPPORT_KEY", "key"), ("SECRET", "secret"), ("URL", url)):
        monkeypatch.setenv(f"RELAY_{name}", value)

    def ask(customer_id, secret="secret", age=0):
        body, at = json.dumps({"customer_id": customer_id, "other": 1}).encode(), str(int((time.time() - age) * 1000))
        address = f"{url}/widget?portalId=7"
        signed = module.signature(secret, address, body, at)
        headers = {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": at}
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=5) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    yield ask, service
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_relay_answers_the_address_of_a_widget_to_signed_requests_only(relay):
    ask, service = relay
    assert ask("C-1") == (200, {"url": f"{service}/widget/customers/C-1?token=t"})
    assert ask("C-2") == (404, {"error": "No such customer."})
    assert ask("C-1", secret="guessed")[0] == 403
    assert ask("C-1", age=600)[0] == 403
