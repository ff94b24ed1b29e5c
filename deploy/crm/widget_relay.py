# ruff: noqa: INP001  (a script to copy, not a package)
"""Stand between a CRM's page and Rapport: check the CRM's signature, and answer the address of a customer's widget.

A page in the browser must not hold an API key. This relay holds it: RELAY_RAPPORT_URL, RELAY_RAPPORT_KEY (scope read),
RELAY_SECRET (HubSpot: the app's client secret) and RELAY_URL, the address under which the CRM calls it.
Run: python widget_relay.py 8088
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_OLDEST_SECONDS = 300
_LARGEST_BODY = 10_000


def signature(secret: str, url: str, body: bytes, timestamp: str) -> str:
    """Return the signature of a POST as HubSpot computes it (version 3)."""
    signed = b"POST" + url.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


class Relay(BaseHTTPRequestHandler):
    """Answers ``POST {"customer_id", "language"}`` with ``{"url"}``."""

    def do_POST(self) -> None:
        """Check the signature, ask Rapport, and answer the address."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length <= _LARGEST_BODY else b""
        if not self._is_signed(body):
            self._answer(403, {"error": "The signature is missing, wrong, or older than five minutes."})
            return
        service = os.environ["RELAY_RAPPORT_URL"].rstrip("/")
        headers = {"Authorization": f"Bearer {os.environ['RELAY_RAPPORT_KEY']}", "Content-Type": "application/json"}
        asked = {name: value for name, value in json.loads(body).items() if name in ("customer_id", "language")}
        request = urllib.request.Request(f"{service}/v1/widget", json.dumps(asked).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                self._answer(200, {"url": service + json.load(reply)["path"]})
        except urllib.error.HTTPError as error:
            self._answer(error.code, {"error": json.load(error)["error"]["message"]})
        except OSError:
            self._answer(502, {"error": "Rapport does not answer. Try again later."})

    def _is_signed(self, body: bytes) -> bool:
        timestamp = self.headers.get("X-HubSpot-Request-Timestamp") or ""
        if not timestamp.isdigit() or abs(time.time() - int(timestamp) / 1000) > _OLDEST_SECONDS:
            return False
        # HubSpot adds who asks to the query, and signs it.
        url = os.environ["RELAY_URL"].rstrip("/") + self.path
        expected = signature(os.environ["RELAY_SECRET"], url, body, timestamp)
        return hmac.compare_digest(expected, self.headers.get("X-HubSpot-Signature-v3") or "")

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Relay).serve_forever()
