"""Laws of actions, over every customer of an invented company: each has its fact, and is due before the fact's date."""

import re
from datetime import date, datetime

import pytest

from rapport.history import history_of, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.scoring.actions.facts import action_facts, by_customer
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.actions.recommended import ActionContext, next_actions, recommended
from rapport.scoring.analytics.deal_outcomes import deal_card
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.cards import load_card

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


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_action_is_due_after_the_date_of_its_fact_or_without_a_step(company, language):
    seen = 0
    for _, _, actions in actions_of(company[1], language):
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
    reason = {"code": "VAL-01", "family": "value", "evidence": 0.5, "advice": "Call.", "text": "Spend fell."}
    codes = [each.code for each in recommended(facts, ActionContext(PLAYBOOK, TODAY, "Li"), [reason])]
    assert codes == ["risk_event"]


def test_a_reason_gets_an_action_unless_a_fact_of_its_family_has_one():
    reasons = [
        {"code": "RHY-01", "family": "rhythm", "evidence": 0.5, "advice": "Call.", "text": "The order is late."},
        {
            "code": "VAL-01",
            "family": "value",
            "evidence": 0.5,
            "advice": "Show what others buy.",
            "text": "Spend fell.",
        },
        {
            "code": "SER-01",
            "family": "service",
            "evidence": 0.5,
            "advice": "Solve what is open.",
            "text": "Many tickets.",
        },
    ]
    fact = {**FACT, "kind": "late_order", "deadline": None}
    found = recommended([fact], ActionContext(PLAYBOOK, TODAY, "Li"), reasons)
    assert [(each.code, each.who) for each in found] == [("late_order", "Li"), ("value", "Li")]


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


def test_no_visit_is_due_where_no_meeting_of_anybody_is_on_record(company):
    orders = company[0].connection.execute("SELECT * FROM orders").to_arrow_table().to_pylist()
    alone = history_of({"orders": orders})
    deals = open_deals(alone, AS_OF, deal_card(alone, AS_OF, load_card("c139")))
    kinds = set(action_facts(alone, AS_OF, PLAYBOOK.cadence, deals)["kind"].to_pylist())
    assert "late_order" in kinds
    assert "regular_visit" not in kinds
