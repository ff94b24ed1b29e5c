"""Feedback over the API: stored once, with the score that the person saw."""


def test_feedback_sent_twice_with_one_key_is_stored_once(ask, active):
    key = {"idempotency-key": "call-7"}
    first = ask("feedback", headers=key, customer_id=active[1], verdict="done", comment="called")
    again = ask("feedback", headers=key, customer_id=active[1], verdict="done", comment="called")
    assert again == first | {"repeated": True}
    assert len(ask("customer", customer_id=active[1])["feedback"]) == 1
    other = ask("feedback", status=409, headers=key, customer_id=active[1], verdict="right")
    assert other["error"]["code"] == "conflict"


def test_a_key_that_would_have_to_be_cut_short_is_refused(ask, active):
    refused = ask("feedback", status=400, headers={"idempotency-key": "k" * 201}, customer_id=active[1], verdict="done")
    assert refused["error"]["where"] == "Idempotency-Key"
    assert "200 characters" in refused["error"]["message"]


def test_feedback_stores_the_score_that_the_person_saw(ask, active):
    [answer] = ask("score", customer_ids=[active[2]])["answers"]
    ask("feedback", customer_id=active[2], verdict="not_right")
    [kept] = ask("customer", customer_id=active[2])["feedback"]
    assert (kept["probability"], kept["model_version"]) == (answer["probability"], answer["model"]["version"])


def test_a_finished_task_marks_the_customer_as_contacted(ask, open_client, active):
    assert ask("customer", customer_id=active[3])["contacted"] is None
    opened = ask("tasks/open", customer_id=active[3], title="Start the renewal talk")
    ask("tasks/finish", task_id=opened["id"], outcome="reached")
    found = ask("customer", customer_id=active[3])["contacted"]
    assert (found["action"], found["outcome"]) == ("Start the renewal talk", "reached")
    assert "Start the renewal talk, Reached" in open_client.get(f"/customers/{active[3]}?language=en").text
