"""Write-back against fakes of the published APIs of Salesforce, HubSpot and 纷享销客."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rapport.errors import CardError, ServingError
from rapport.serving.jobs.writeback import SHIPPED, Crm, Writeback, read_mapping

ROWS = [
    {"customer_id": f"C{number:03}", "probability": 0.4567, "risk_band": "high", "health_score": 41.0,
     "health_grade": "at_risk", "revenue_at_risk": 900.0, "first_reason_code": "overdue_ratio", "as_of": "2026-11-01"}
    for number in range(230)
]  # fmt: skip


class FakeCrm:
    """The three APIs, as far as their documentation goes; it is busy once, and refuses customer C007."""

    def __init__(self):
        self.records, self.sizes, self.busy, self.tokens, self.traces = {}, [], 1, 0, []

    def answer(self, method, address, body, headers):
        path, _, query = address.partition("?")
        self.traces += [query] if query else []
        if self.busy:
            self.busy -= 1
            return 429, {}
        if path == "/services/data/v61.0/composite/sobjects/Account/Rapport_Id__c":
            return self._salesforce(method, body, headers)
        if path == "/crm/v3/objects/companies/batch/update":
            return self._hubspot(method, body, headers)
        if path == "/oauth2.0/token":
            good = {"appId": "app", "appSecret": "secret", "permanentCode": "token", "grantType": "app_secret"}
            self.tokens += 1
            return 200, {"errorCode": 0 if body == good else 10, "accessToken": f"t{self.tokens}", "ea": "fs1"}
        if path == "/cgi/crm/v2/data/update":
            return self._fxiaoke(body, headers)
        return 404, {}

    def _salesforce(self, method, body, headers):
        if method != "PATCH" or headers["Authorization"] != "Bearer token" or len(body["records"]) > 200:
            return 400, {}
        self.sizes.append(len(body["records"]))
        return 200, [self._kept(one["Rapport_Id__c"], one) for one in body["records"]]

    def _kept(self, key, record):
        if key == "C007":
            return {"success": False, "errors": [{"message": "no such account"}]}
        self.records[key] = record
        return {"success": True, "errors": []}

    def _hubspot(self, method, body, headers):
        if method != "POST" or headers["Authorization"] != "Bearer token" or len(body["inputs"]) > 100:
            return 400, {}
        self.sizes.append(len(body["inputs"]))
        assert {one["idProperty"] for one in body["inputs"]} == {"rapport_id"}
        assert {type(value) for one in body["inputs"] for value in one["properties"].values()} == {str}
        unknown = [one["id"] for one in body["inputs"] if not self._kept(one["id"], one["properties"])["success"]]
        errors = [{"message": "no such account", "context": {"ids": unknown}}] if unknown else []
        return 207 if errors else 200, {"results": [], "errors": errors}

    def _fxiaoke(self, body, headers):
        if (headers["x-fs-ea"], headers["x-fs-userid"]) != ("fs1", "user"):
            return 200, {"errorCode": 20, "errorMessage": "no user"}
        # The first token expires after a hundred customers.
        if headers["Authorization"] != ("Bearer t2" if len(self.sizes) >= 100 else "Bearer t1"):
            return 200, {"errorCode": 20016, "errorMessage": "token expired"}
        assert (body["triggerWorkFlow"], body["triggerApprovalFlow"]) == (False, False)
        self.sizes.append(1)
        record = body["data"]["object_data"]
        kept = self._kept(record["_id"], record)
        return 200, {"errorCode": 0 if kept["success"] else 30, "errorMessage": "no such account"}


@contextmanager
def serving(fake):
    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = fake.answer(self.command, self.path, body, self.headers)
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Crm(f"http://127.0.0.1:{server.server_port}", "token", "app", "secret", "user")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("name", "sizes", "fields"),
    [
        ("salesforce", [200, 29], {"Rapport_Churn_Risk__c": 45.7}),
        ("hubspot", [100, 100, 29], {"rapport_churn_risk": "45.7"}),
        ("fxiaoke", [1] * 229, {"field_rapport_churn_risk__c": 45.7}),
    ],
)
def test_every_customer_but_the_held_out_is_written_in_the_crms_batches(name, sizes, fields):
    fake, waits = FakeCrm(), []
    with serving(fake) as crm:
        result = Writeback(crm, read_mapping(name), waits.append).write(ROWS, held_out={"C003"})
    assert (result.written, result.refused) == (228, {"C007": "no such account"})
    assert fake.sizes == sizes
    assert fake.records.keys() == {row["customer_id"] for row in ROWS} - {"C003", "C007"}
    assert fake.records["C001"] == fake.records["C001"] | fields
    assert len(set(fake.traces)) == len(fake.traces), "each request to 纷享销客 has a trace id of its own"
    assert 7.0 in waits, "a busy CRM is waited for as it asks"


def test_a_crm_that_stays_busy_ends_with_a_sentence():
    fake = FakeCrm()
    fake.busy = 99
    with serving(fake) as crm, pytest.raises(ServingError, match="answered 429"):
        Writeback(crm, read_mapping("hubspot"), lambda _: None).write(ROWS[:1])


def test_every_shipped_mapping_names_known_figures_and_a_wrong_one_is_refused(tmp_path):
    assert {read_mapping(name).protocol for name in SHIPPED} == set(SHIPPED)
    own = tmp_path / "own.yaml"
    own.write_text(
        "protocol: hubspot\nobject: companies\nid_field: id\nbatch_size: 1\nrequests_per_minute: 1\n"
        "fields: {x: riskband}\n"
    )
    with pytest.raises(CardError, match="did you mean “risk_band”"):
        read_mapping(str(own))


def test_an_error_of_hubspot_that_names_no_company_counts_nobody_as_written():
    class Unclear(FakeCrm):
        def _hubspot(self, method, body, headers):  # noqa: ARG002 - the fake's shape
            return 207, {"results": [], "errors": [{"message": "property does not exist", "context": {}}]}

    with serving(Unclear()) as crm:
        result = Writeback(crm, read_mapping("hubspot"), lambda _: None).write(ROWS[:3])
    assert (result.written, set(result.refused.values())) == (0, {"property does not exist"})
