"""Bodies that nobody meant to send, at the API and at the agent interface: an answer or a sentence, never a crash."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_world import served
from test_agents import HEADERS, call

from rapport.serving.api.agents.server import TOOLS
from rapport.serving.api.endpoints import ENDPOINTS

MANY = settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
ARGUMENTS = {
    "score": {"customer_ids": ["C000001"], "target": "churn"},
    "why": {"customer_id": "C000001"},
    "change": {"customer_id": "C000001", "start": "2026-10-01", "end": "2026-11-01"},
    "customer": {"customer_id": "C000001"},
    "worklist": {"limit": 3, "after": ""},
    "deals": {"language": "zh"},
    "what_if": {"customer_id": "C000001", "changes": {"tickets_open": 0}},
    "log_outcome": {"customer_id": "C000001", "verdict": "snoozed", "until": "2026-12-01"},
    "check_draft": {"customer_id": "C000001", "text": "The risk is 12 %."},
}


@pytest.fixture(scope="module")
def patient(company):
    """A client of a service that stops no request for its time: another program may have the processor."""
    with served(company.home, keys=False, timeout_seconds=600.0, requests_per_minute=10**9) as client:
        yield client


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def nearly_valid(draw):
    """A valid body with some of its parts replaced, dropped or doubled; or anything at all."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    body = json.loads(json.dumps(endpoint.example))
    # Some endpoints have no field in their example.
    for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=2)) if body else []:
        body[name] = draw(plain)
    body |= draw(st.dictionaries(st.text(max_size=8), plain, max_size=1))
    return endpoint.path, draw(st.sampled_from([body, body, body, draw(plain)]))


def _fault(client, path, body):
    """Return what is wrong with the response: a server error, a traceback, an error of another shape; else nothing."""
    response = client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    is_shaped = response.status_code == 200 or set(response.json()["error"]) == {"code", "message", "where"}
    is_right = response.status_code < 500 and is_shaped and "Traceback" not in response.text
    return "" if is_right else f"{path} {response.status_code}: {response.text}"


@SOME
@given(asked=nearly_valid())
def test_no_body_causes_a_server_error(patient, asked):
    assert _fault(patient, *asked) == ""


@pytest.mark.slow
@pytest.mark.evidence
@MANY
@given(asked=nearly_valid())
def test_ten_thousand_bodies_cause_no_server_error(patient, asked):
    assert _fault(patient, *asked) == ""


@pytest.mark.parametrize("path", ["/v1/score", "/mcp"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=200))
def test_bytes_that_are_not_json_are_refused(patient, path, content):
    response = patient.post(path, content=content, headers=HEADERS)
    assert response.status_code in (400, 200)


HOSTILE = {
    "deep": "[" * 5_000 + "]" * 5_000, "deep object": '{"a":' * 20_000, "lone surrogate": '"\\ud800"',
    "huge number": "1e999", "not a number": "NaN",
    "huge integer": "9" * 10_000, "null byte": '"\\u0000"', "right to left": '"\u202e"', "path": '"../../etc/passwd"',
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_refused_or_answered(patient, name):
    value = HOSTILE[name]
    arguments = f'{{"customer_id": {value}, "text": {value}}}'
    message = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"check_draft","arguments":{arguments}}}}}'
    )
    bodies = {"/v1/score": f'{{"customer_ids": [{value}]}}', "/v1/customer": f'{{"customer_id": {value}}}'}
    for path, body in [*bodies.items(), ("/mcp", message), ("/mcp", value), ("/mcp", f"[{message}]")]:
        response = patient.post(path, content=body.encode(), headers=HEADERS)
        assert response.status_code < 500, (path, response.text)
        assert "Traceback" not in response.text


@st.composite
def nearly_valid_message(draw):
    """A call of a tool with some arguments replaced, dropped or added; or a message that is no call."""
    name = draw(st.sampled_from(TOOLS))
    arguments = dict(ARGUMENTS[name])
    for field in draw(st.lists(st.sampled_from(sorted(arguments)), max_size=2)):
        arguments[field] = draw(plain)
    for field in draw(st.lists(st.sampled_from(sorted(arguments)), max_size=1)):
        del arguments[field]
    arguments |= draw(st.dictionaries(st.text(max_size=8), plain, max_size=1))
    params = {"name": draw(st.sampled_from([name, name, name, draw(st.text(max_size=9))])), "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    for field in draw(st.lists(st.sampled_from(sorted(message)), max_size=1)):
        message[field] = draw(plain)
    return message


def _crash(client, message):
    """Return the response to a message of an agent if it tells of a crash; else nothing."""
    response = client.post("/mcp", content=json.dumps(message), headers=HEADERS)
    body = response.json() if response.content and response.status_code < 500 else {}
    result = body.get("result") or {}
    # -32603 is the protocol's internal error; the library answers a crash of a tool without a sentence after its name.
    is_internal = (body.get("error") or {}).get("code") == -32603
    is_bare = result.get("isError") and ": " not in result["content"][0]["text"]
    is_crash = response.status_code >= 500 or "Traceback" in response.text or is_internal or is_bare
    return f"{response.status_code}: {response.text}" if is_crash else ""


@SOME
@given(message=nearly_valid_message())
def test_no_message_of_an_agent_causes_a_crash(patient, message):
    assert _crash(patient, message) == ""


@pytest.mark.slow
@pytest.mark.evidence
@MANY
@given(message=nearly_valid_message())
def test_ten_thousand_messages_of_agents_cause_no_crash(patient, message):
    assert _crash(patient, message) == ""


@pytest.mark.parametrize("name", TOOLS)
def test_the_arguments_that_are_changed_are_valid_ones(patient, name):
    result = call(patient, "tools/call", name=name, arguments=ARGUMENTS[name]).json()["result"]
    assert "validation error" not in result["content"][0]["text"]
