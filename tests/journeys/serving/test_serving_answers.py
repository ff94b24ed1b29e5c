"""Every endpoint of the API on a small company: same numbers as the batch, parts that add up, clear errors."""

import json
import math
from datetime import datetime

import mlflow
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter
from serving_world import AS_OF, history_body

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.scoring import build_answers
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.actions.recommended import with_advice
from rapport.scoring.models.scorer import Scorer
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.application.advice import action_context
from rapport.serving.snapshots.live_model import catalog_of, load_live_model
from rapport.serving.snapshots.next_actions import TABLE
from rapport.training.registry.mlflow_run import MODEL_CODE

SCORES = (
    "customer_id", "as_of", "target", "state", "probability", "percentile", "interval", "model_probability",
    "rule_probability", "rule_score", "tier", "value_at_risk", "base_rate", "reasons", "other_evidence",
    "other_points", "model", "out_of_range",
)  # fmt: skip


@pytest.fixture(scope="module")
def batch(company):
    """The scores as a notebook computes them, without serving."""
    table = snapshot(company.history, AS_OF, catalog_of(company.bundle), active=parse_duration("12mo"))
    answers = build_answers(Scorer(company.bundle).score(table, AS_OF), 5, "en")
    model, playbook = load_live_model(company.home, "churn"), playbook_of(company.history.settings)
    return {answer.customer_id: scores_of(_advised(answer.as_dict(), model, playbook)) for answer in answers}


def _advised(answer, model, playbook):
    """Return an answer of the notebook with the company's advice for facts of the customer."""
    row = model.snapshot.ids.row_of(answer["customer_id"])
    context = action_context(model.snapshot, row, playbook, "en")
    facts = model.snapshot.run.customer_rows(TABLE, row)
    return answer | {"reasons": with_advice(answer["reasons"], facts, context)}


def scores_of(answer):
    """Return the part of an answer that comes from the bundle, and the advice of its reasons."""
    return {name: answer[name] for name in SCORES}


def without_advice(answer):
    """Return the scores without advice: a history in the body has no facts of a run to advise about."""
    reasons = [{name: value for name, value in reason.items() if name != "advice"} for reason in answer["reasons"]]
    return scores_of(answer) | {"reasons": reasons}


def test_http_equals_the_batch_to_the_last_digit(ask, batch):
    ids = sorted(batch)
    answers = ask("score", customer_ids=ids[:1000], reasons=5, language="en")["answers"]
    assert len(answers) == 1000
    assert [scores_of(answer) for answer in answers] == [batch[one] for one in ids[:1000]]
    assert sum(bool(reason["advice"]) for answer in answers for reason in answer["reasons"]) > 100


def test_mlflow_equals_http_to_the_last_digit(ask, company, batch, tmp_path):
    place = tmp_path / "model"
    served = str(MODEL_CODE)
    champion = {"bundle": str(company.home / "models/churn/1")}
    mlflow.pyfunc.save_model(place, python_model=served, artifacts=champion, pip_requirements=["lightgbm"])
    features = snapshot(company.history, AS_OF, catalog_of(company.bundle), active=parse_duration("12mo")).to_pandas()
    told = mlflow.pyfunc.load_model(str(place)).predict(features).set_index("customer_id")
    ids = sorted(batch)
    answers = ask("score", customer_ids=ids[:1000], reasons=0)["answers"]
    assert len(answers) == 1000
    for answer in answers:
        said = told.loc[answer["customer_id"]]
        if answer["probability"] is None:
            assert math.isnan(said["probability"])
        else:
            assert (said["probability"], said["percentile"]) == (answer["probability"], answer["percentile"])
            evidence = sum(said[f"evidence_{family}"] for family in company.bundle.families)
            assert math.isclose(evidence, answer["other_evidence"], abs_tol=1e-9)


def test_the_archived_parquet_has_the_same_numbers(company, batch):
    kept = pq.read_table(company.home / "scores/churn/history/2026-11-01.parquet").to_pylist()
    same = {row["customer_id"]: None if math.isnan(row["probability"]) else row["probability"] for row in kept}
    assert same == {one: answer["probability"] for one, answer in batch.items()}


def test_a_history_in_the_body_gets_the_score_of_the_batch(ask, company, batch, active):
    some = active[::25]
    bodies = [history_body(company, one) for one in some]
    answers = ask("score_history", as_of="2026-11-01", histories=bodies, reasons=5, language="en")["answers"]
    assert [without_advice(answer) for answer in answers] == [without_advice(batch[one]) for one in some]
    # The figures of the portfolio are those of the run, too.
    stored = ask("score", customer_ids=some, reasons=5, language="en")["answers"]
    untold = {"before_30d": None, "grade_30d": None}
    for answer, other in zip(answers, stored, strict=True):
        assert answer["probability"] == other["probability"]
        same = [one | {"health": one["health"] | untold} | without_advice(one) for one in (answer, other)]
        assert same[0] == same[1]


def test_reasons_and_the_rest_add_up_to_the_probability(ask, active):
    for answer in ask("score", customer_ids=active, reasons=3)["answers"]:
        points = sum(reason["points"] for reason in answer["reasons"]) + answer["other_points"]
        assert math.isclose(answer["base_rate"] + points, answer["probability"], abs_tol=1e-9)


def test_an_unknown_id_gets_its_own_error(ask, active):
    known, unknown = ask("score", customer_ids=[active[0], "nobody"])["answers"]
    assert known["probability"] is not None
    assert unknown["error"]["code"] == "not_found"
    assert unknown["error"]["where"] == "customer_ids.1"


def test_an_answer_in_chinese_has_the_same_numbers(ask, active):
    english, chinese = (ask("score", customer_ids=active[:1], language=one)["answers"][0] for one in ("en", "zh"))
    assert english["probability"] == chinese["probability"]
    assert any("一" <= letter <= "鿿" for letter in chinese["reasons"][0]["text"])


@pytest.mark.parametrize(
    ("address", "status", "body"),
    [
        ("what_if", 404, {"customer_id": "nobody", "changes": {"tickets_open": 0}}),
        ("customer", 404, {"customer_id": "nobody"}),
        ("change", 404, {"customer_id": "nobody", "from": "2026-09-01", "to": "2026-11-01"}),
        ("change", 422, {"customer_id": "nobody", "from": "2026-11-02", "to": "2026-11-01"}),
    ],
)
def test_an_error_is_in_the_language_of_the_request(ask, address, status, body):
    told = {one: ask(address, status=status, **body, language=one)["error"] for one in ("en", "zh")}
    assert told["en"]["message"].isascii()
    assert any("一" <= letter <= "鿿" for letter in told["zh"]["message"])
    assert {key: told["en"][key] for key in ("code", "where")} == {key: told["zh"][key] for key in ("code", "where")}


def test_an_unknown_id_among_known_ones_gets_an_error_in_the_language_of_the_request(ask, active):
    answers = ask("score", customer_ids=[active[0], "nobody"], language="zh")["answers"]
    assert answers[1]["error"]["message"] == "最新一次评分中没有此客户。"


def test_a_change_adds_up(ask, company, active):
    told = 0
    for one in active[:20]:
        body = {"customer_id": one, "from": "2026-10-15", "to": "2026-11-01"}
        response = ask("change", **body) if _scored_then(company, one) else None
        if response is None:
            continue
        moved = sum(part["points"] for part in response["parts"])
        assert math.isclose(moved, response["after"] - response["before"], abs_tol=1e-9)
        told += 1
    assert told > 10


def _scored_then(company, customer_id):
    kept = pq.read_table(
        company.home / "scores/churn/history/2026-10-01.parquet", filters=[("customer_id", "=", customer_id)]
    ).to_pylist()
    return bool(kept) and not math.isnan(kept[0]["probability"])


def test_a_day_before_all_scores_is_refused_with_the_first_day(ask, active):
    said = ask("change", status=422, customer_id=active[0], **{"from": "2020-01-01", "to": "2026-11-01"})
    assert "2026-10-01" in said["error"]["message"]


def test_what_if_changes_derived_facts_and_only_actionable_ones(ask, active):
    told = ask("what_if", customer_id=active[0], changes={"meetings_count_90d": 9})
    assert told["changed"]["meetings_count_365d"] >= 9
    refused = ask("what_if", status=422, customer_id=active[0], changes={"spend_sum_365d": 1e9})
    assert "tickets_open" in refused["error"]["message"]


def test_a_customer_profile_has_scores_events_and_levers(ask, active):
    card = ask("customer", customer_id=active[0], language="en")
    assert [line["as_of"] for line in card["scores"]][-1] == "2026-11-01"
    assert card["events"]
    assert all(event["at"] < AS_OF.isoformat() for event in card["events"])
    assert card["levers"]


def test_rows_that_a_scoring_run_would_reject_are_refused_with_their_location(ask):
    order = {"order_id": "1", "ordered_at": "2026-01-01", "amount": 5.0}
    history = {"customer": {"customer_id": "n1"}, "orders": [order]}
    ask("score_history", as_of="2026-11-01", histories=[history])
    history["interactions"] = [{"occurred_at": "2026-01-02", "sentiment": 7.0}]
    refused = ask("score_history", status=422, as_of="2026-11-01", histories=[history])
    assert refused["error"]["where"] == "interactions.sentiment"


def test_a_row_of_another_customer_and_a_customer_twice_are_refused(ask):
    row = {"customer_id": "n2", "order_id": "1", "ordered_at": "2026-01-01", "amount": 5.0}
    alien = {"customer": {"customer_id": "n1"}, "orders": [row]}
    assert (
        "another customer"
        in ask("score_history", status=422, as_of="2026-11-01", histories=[alien])["error"]["message"]
    )
    twice = {"customer": {"customer_id": "n1", "created_at": "2025-01-01"}}
    said = ask("score_history", status=422, as_of="2026-11-01", histories=[twice, twice])
    assert said["error"]["where"] == "histories.1.customer.customer_id"


def test_every_answer_matches_its_published_schema_exactly(ask, active):
    bodies = {
        "/v1/score": {"customer_ids": active[:3]},
        "/v1/score_history": {
            "as_of": "2026-11-01",
            "histories": [{"customer": {"customer_id": "a", "created_at": "2026-05-01"}}],
        },
        "/v1/what_if": {"customer_id": active[0], "changes": {"tickets_open": 0}},
        "/v1/change": {"customer_id": active[0], "from": "2026-11-01", "to": "2026-11-01"},
        "/v1/customer": {"customer_id": active[0]},
        "/v1/customers": {"limit": 2},
        "/v1/feedback": {"customer_id": active[0], "verdict": "right"},
        "/v1/changes": {"limit": 5},
        "/v1/effect": {},
        "/v1/events": {"customer_id": "of-no-other-test", "table": "touches", "rows": [{"occurred_at": "2026-10-01"}]},
        "/v1/deals": {"limit": 3},
        "/v1/analytics": {"name": "deal_rates"},
        "/v1/report": {"customer_id": active[0]},
        "/v1/tasks": {},
        "/v1/tasks/open": {"customer_id": active[1], "title": "Call", "steps": ["Offer"]},
        "/v1/tasks/assign": {"task_id": 1, "owner": "Tom"},
        "/v1/tasks/note": {"task_id": 1, "text": "voicemail", "kind": "call"},
        "/v1/tasks/snooze": {"task_id": 1, "until": "2026-12-01"},
        "/v1/tasks/step": {"task_id": 1, "step": 0},
        "/v1/tasks/finish": {"task_id": 1, "outcome": "retained"},
        "/v1/tasks/reopen": {"task_id": 1},
        "/v1/widget": {"customer_id": active[1]},
        "/v1/bulk": {"customer_ids": active[:2]},
    }
    for endpoint in ENDPOINTS:
        answer = ask(endpoint.path.removeprefix("/v1/"), **bodies[endpoint.path])
        shape = TypeAdapter(endpoint.response)
        # Whatever a shape does not name is left out when it is read.
        assert shape.validate_json(json.dumps(answer)) == answer
        assert shape.validate_python(endpoint.answer) == endpoint.answer
        endpoint.request.model_validate_json(json.dumps(endpoint.example))


def test_reading_is_written_to_the_audit_trail(ask, company, active):
    ask("score", customer_ids=active[:2])
    lines = [
        json.loads(line) for path in (company.home / "audit").glob("*.jsonl") for line in path.read_text().splitlines()
    ]
    assert lines[-1]["customer_ids"] == active[:2]
    assert lines[-1]["by"] == "local"
    assert datetime.fromisoformat(lines[-1]["at"]).tzinfo is not None
