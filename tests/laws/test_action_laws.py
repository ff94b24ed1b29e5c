"""Laws of actions, over every customer of an invented company: each has its fact, and is due before the fact's date."""

import re
from datetime import date, datetime

import pyarrow as pa
import pytest

from rapport.features import catalog
from rapport.history import history_of, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.scoring.actions.facts import action_facts, by_customer
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.actions.recommended import ActionContext, next_actions, recommended, with_advice
from rapport.scoring.analytics.deal_outcomes import deal_card
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.cards import load_card
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.reasons.feature_sentences import feature_templates
from rapport.scoring.reasons.sentences import sentence_catalog

AS_OF = datetime(2026, 11, 1)
TODAY = AS_OF.date()
PLAYBOOK = read_playbook()
# What must be true in the company's own tables for an action with the code to be allowed; $id is the customer, $subject
# what the fact names. Written without the code under test.
EVIDENCE = {
    "open_deal": "FROM opportunities WHERE opportunity_id = $subject AND (closed_at IS NULL OR closed_at >= $at)",
    "contract_end": "FROM contracts WHERE contract_id = $subject AND ends_at >= $at AND renewed_at IS NULL",
    "overdue_invoice": "FROM invoices WHERE invoice_id = $subject AND due_at < $at AND coalesce(paid_at, $at) >= $at",
    "open_complaint": "FROM tickets WHERE ticket_id = $subject AND kind = 'complaint' "
    "AND coalesce(resolved_at, $at) >= $at",
    "silent_decision_maker": "FROM contacts WHERE coalesce(name, contact_id) = $subject AND role = 'decision_maker'",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    simulate(folder, customers=400, years=3, seed=11)
    history = read_history(folder, Settings())
    deals = open_deals(history, AS_OF, deal_card(history, AS_OF, load_card("c139")))
    return history, action_facts(history, AS_OF, PLAYBOOK.cadence, deals)


def actions_of(facts, language):
    context = ActionContext(PLAYBOOK, TODAY, "Li Na", language)
    for customer, rows in by_customer(facts).items():
        yield customer, rows, recommended(rows, context, limit=99)


@pytest.fixture(scope="module")
def thin(company):
    """The facts of the same company with orders alone."""
    orders = company[0].connection.execute("SELECT * FROM orders").to_arrow_table().to_pylist()
    alone = history_of({"orders": orders})
    return action_facts(
        alone, AS_OF, PLAYBOOK.cadence, open_deals(alone, AS_OF, deal_card(alone, AS_OF, load_card("c139")))
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_action_is_due_after_the_date_of_its_fact_or_without_a_step(company, thin, language):
    seen = 0
    for _, _, actions in (*actions_of(company[1], language), *actions_of(thin, language)):
        for action in actions:
            seen += 1
            assert action.due >= TODAY
            if action.deadline is not None:
                assert action.due <= max(action.deadline, TODAY), action
            assert action.text
            assert action.because
            assert all(action.steps)
            assert action.who
            assert "{" not in action.text + action.because + "".join(action.steps)
            assert not re.search("[a-z]_[a-z]", action.text + action.because + "".join(action.steps)), action
            assert "None" not in action.text + action.because
    assert seen > 500


def test_every_action_has_its_fact_in_the_companys_own_tables(company):
    history, facts = company
    checked = dict.fromkeys(EVIDENCE, 0)
    for row in facts.to_pylist():
        if row["kind"] in EVIDENCE:
            checked[row["kind"]] += 1
            sql = f"SELECT count(*) {EVIDENCE[row['kind']]} AND customer_id = $id AND $at IS NOT NULL"
            found = history.connection.execute(sql, {"id": row["customer_id"], "subject": row["subject"], "at": AS_OF})
            assert found.fetchone()[0] >= 1, row
    assert all(checked.values()), checked


def test_only_customers_with_an_open_deal_are_asked_about_one(company):
    history, facts = company
    sql = (
        "SELECT DISTINCT customer_id FROM opportunities WHERE (closed_at IS NULL OR closed_at >= $at) "
        "AND opened_at < $at AND coalesce(recorded_at, opened_at) < $at"
    )
    having = {row[0] for row in history.connection.execute(sql, {"at": AS_OF}).fetchall()}
    advised = {
        customer
        for customer, _, actions in actions_of(facts, "en")
        if any(action.family == "opportunity" or "quote" in action.text for action in actions)
    }
    assert advised == having


def test_the_list_names_the_first_action_of_the_page(company):
    listed = next_actions(company[1], PLAYBOOK, TODAY)
    for customer, _, actions in actions_of(company[1], "en"):
        assert listed.get(customer) == (actions[0].code, actions[0].due)


FACT = {"customer_id": "a", "subject": "K1", "amount": 1000.0, "since": None, "days": 3, "detail": None, "step": None}


@pytest.mark.parametrize(
    ("deadline", "due"),
    [
        (date(2027, 3, 1), date(2026, 11, 15)),
        (date(2026, 12, 5), date(2026, 11, 5)),
        (date(2026, 11, 10), TODAY),
        (date(2026, 10, 1), TODAY),
    ],
)
def test_a_renewal_starts_a_month_before_the_contracts_end_and_today_when_that_has_passed(deadline, due):
    fact = {**FACT, "kind": "contract_end", "deadline": deadline}
    assert recommended([fact], ActionContext(PLAYBOOK, TODAY, None))[0].due == due


def test_a_customer_that_must_not_be_contacted_gets_no_action_that_contacts_it():
    facts = [{**FACT, "kind": kind, "deadline": None} for kind in ("late_order", "risk_event", "do_not_contact")]
    answer = answer_of(reason_of("value", "VAL-01", "Show what others buy."))
    codes = [each.code for each in recommended(facts, ActionContext(PLAYBOOK, TODAY, "Li"), answer)]
    assert codes == ["risk_event"]


def reason_of(family, code, advice, topic="", points=0.1):
    text = f"A fact of {family}."
    return {
        "code": code, "family": family, "topic": topic, "evidence": points * 5, "points": points, "advice": advice,
        "text": text,
    }  # fmt: skip


def answer_of(*reasons):
    return {"target": "churn", "reasons": list(reasons)}


def test_a_reason_gets_an_action_unless_a_fact_that_it_is_about_has_one():
    answer = answer_of(
        reason_of("rhythm", "RHY-01", "Call.", "last_order"),
        reason_of("value", "VAL-01", "Show what others buy."),
        reason_of("service", "SER-01", "Solve what is open."),
        reason_of("engagement", "ENG-05", "Arrange a visit.", "meetings", points=-0.1),
    )
    fact = {**FACT, "kind": "late_order", "deadline": None}
    found = recommended([fact], ActionContext(PLAYBOOK, TODAY, "Li"), answer)
    assert [(each.code, each.who) for each in found] == [("late_order", "Li"), ("value", "Li")]


def test_the_advice_of_a_reason_is_about_the_same_fact():
    facts = [
        {**FACT, "kind": "silent_decision_maker", "subject": "Li Wei", "since": date(2026, 3, 1), "deadline": None}
    ]
    facts += [{**FACT, "kind": "regular_visit", "since": date(2026, 3, 1), "deadline": TODAY}]
    reasons = [
        reason_of("relationship", "REL-01", "Renew contact with a decision maker.", "decider"),
        reason_of("relationship", "REL-05", "Establish a second contact.", "single_contact"),
        reason_of("engagement", "ENG-05", "Arrange a visit.", "meetings"),
        reason_of("engagement", "ENG-10", "Answer within a working day.", "response"),
        reason_of("fit", "FIT-1", None),
    ]
    context = ActionContext(PLAYBOOK, TODAY, "Li")
    advice = [reason["advice"] for reason in with_advice(reasons, facts, context)]
    assert advice == [
        "Call Li Wei, who decides; the last contact was on 2026-03-01.",
        "Establish a second contact.",
        "Make the half-yearly call.",
        "Answer within a working day.",
        None,
    ]
    # Whoever reads the reason finds its step among the actions.
    texts = [action.text for action in recommended(facts, context, answer_of(*reasons))]
    assert texts == [advice[0], advice[2], advice[1], advice[3]]


@pytest.mark.parametrize(("survey", "other"), [("nps", "csat"), ("csat", "nps")])
def test_a_reason_about_one_survey_gets_no_advice_about_the_other(survey, other):
    stated = {"nps": ("SAT-03", "nps"), "csat": ("SAT-01", "satisfaction")}
    facts = [{**FACT, "kind": "low_rating", "subject": survey.upper(), "detail": "2", "since": TODAY, "deadline": None}]
    context = ActionContext(PLAYBOOK, TODAY, "Li")
    reasons = [reason_of("satisfaction", stated[each][0], "Ask.", stated[each][1]) for each in (survey, other)]
    own, others = (reason["advice"] for reason in with_advice(reasons, facts, context))
    assert own.startswith(f"Ask what was behind the {survey.upper()} of 2")
    assert others == with_advice(reasons, [], context)[1]["advice"]


def test_a_low_rating_is_the_latest_answer_of_its_own_kind_of_survey():
    answers = [
        ("a", "nps", "2026-09-01", 3), ("a", "csat", "2026-10-01", 5), ("b", "nps", "2026-09-01", 3),
        ("b", "nps", "2026-10-01", 9), ("c", "csat", "2026-10-01", 2), ("c", "nps", "2026-10-02", 6),
        ("d", "csat", "2026-10-01", 3), ("d", "referral", "2026-10-01", 1),
    ]  # fmt: skip
    columns = ("customer_id", "kind", "answered_at", "score")
    surveys = pa.Table.from_pylist([dict(zip(columns, each, strict=True)) for each in answers])
    orders = pa.table({"customer_id": ["a"], "order_id": ["1"], "ordered_at": ["2026-01-01"], "amount": [9.0]})
    history = history_of({"orders": orders, "surveys": surveys}, Settings())
    card = deal_card(history, AS_OF, load_card("c139"))
    facts = action_facts(history, AS_OF, PLAYBOOK.cadence, open_deals(history, AS_OF, card)).to_pylist()
    found = sorted(
        (each["customer_id"], each["subject"], each["detail"]) for each in facts if each["kind"] == "low_rating"
    )
    assert found == [("a", "NPS", "3"), ("c", "CSAT", "2"), ("c", "NPS", "6")]


def test_no_two_actions_for_facts_are_about_the_same_topic(company):
    for _, facts, _ in actions_of(company[1], "en"):
        found = [PLAYBOOK.facts.of(fact["kind"], fact["detail"], fact["subject"]) for fact in facts]
        texts = [action.text for action in recommended(facts, ActionContext(PLAYBOOK, TODAY, "Li"), limit=99)]
        topics = [each[1].topics for each in found if each is not None and each[1].topics]
        assert len(texts) == len([each for each in found if each]) - len(topics) + len(set(topics))
    assert any(fact["kind"] == "silent_decision_maker" for fact in company[1].to_pylist())


def test_every_topic_that_an_action_answers_is_one_that_a_sentence_states():
    topics = {sentence.topic for sentence in sentence_catalog().sentences}
    for target in ("churn", "conversion"):
        topics |= {each.topic for each in feature_templates(feature_columns(catalog().features, target), target)}
    named = {topic for action in PLAYBOOK.facts.by_kind.values() for topic in action.topics or ()}
    # No feature counts the contacts with users.
    assert named - topics == {"user_contact"}


def test_a_regular_visit_names_a_meeting_only_if_there_was_one(company):
    history, facts = company
    met = dict(
        history.connection.execute(
            "SELECT customer_id, max(occurred_at)::DATE FROM interactions "
            "WHERE channel IN ('meeting', 'visit', 'call') AND occurred_at < ? GROUP BY ALL",
            [AS_OF],
        ).fetchall()
    )
    visits = [row for row in facts.to_pylist() if row["kind"] == "regular_visit"]
    for row in visits:
        unmet = str(row["detail"]).endswith(".unmet")
        assert unmet == (row["customer_id"] not in met)
        assert unmet or row["since"] == met[row["customer_id"]]
    said = {action.because for _, _, actions in actions_of(facts, "en") for action in actions}
    assert any("the last meeting or call was on" in text for text in said)
    unmet = PLAYBOOK.facts.of("regular_visit", "core.unmet")[1]
    assert "no meeting or call is on record since the first order" in unmet.because.en
    assert PLAYBOOK.facts.of("regular_visit", "other.unmet")[1] is PLAYBOOK.facts.by_kind["regular_visit"]


def test_no_visit_is_due_where_no_meeting_of_anybody_is_on_record(thin):
    kinds = set(thin["kind"].to_pylist())
    assert "late_order" in kinds
    assert "regular_visit" not in kinds
