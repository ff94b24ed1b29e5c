"""Histories of change as CRMs and pipelines keep them, and what a row was on a past day."""

from datetime import datetime
from functools import partial

import pytest
from csv_folder import write_csv

from rapport.errors import TableError
from rapport.history import Settings, history_of, read_history
from rapport.history.checks import check_history
from rapport.history.mapping import propose_mapping
from rapport.scoring.analytics.deal_outcomes import closed_opportunities, deal_card
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.cards.card_file import load_card

ORDERS = "customer_id,order_id,ordered_at,amount\nA1,1,2025-01-05,100\n"
SALESFORCE = {
    "Account": "Id,Name,Industry,OwnerId,NumberOfEmployees,MasterRecordId,CreatedDate\n"
    "A1,Acme,Energy,bob,50,,2025-01-01\nA2,Beta,Retail,ann,9,,2025-01-01\n",
    "AccountHistory": "AccountId,CreatedDate,Field,OldValue,NewValue\nA1,2025-05-01,Industry,Retail,Energy\n"
    "A1,2025-06-01,OwnerId,ann,bob\n",
    "Opportunity": "Id,AccountId,StageName,Amount,CloseDate,CreatedDate,IsClosed,IsWon,Type\n"
    "O1,A1,Negotiation,300,2025-12-31,2025-02-01,false,false,New\n"
    "O2,A2,Closed Won,80,2025-03-20,2025-02-01,true,true,New\n",
    "OpportunityFieldHistory": "OpportunityId,CreatedDate,Field,OldValue,NewValue\n"
    "O1,2025-04-01,StageName,Qualify,Negotiation\nO1,2025-03-01,Amount,,200\nO1,2025-05-01,Amount,200,300\n"
    "O1,2025-03-01,Probability,10,20\nO2,2025-03-20,StageName,Proposal,Closed Won\n",
    "orders": ORDERS,
}


@pytest.fixture
def folder_of(tmp_path):
    return partial(write_csv, tmp_path)


def deals(history, day):
    sql = f"SELECT opportunity_id, stage, amount FROM {rows_known_at('opportunities')} ORDER BY 1"
    return [tuple(row.values()) for row in query_as_of(history, sql, datetime.fromisoformat(day)).to_pylist()]


def customer(history, day):
    sql = f"SELECT industry, owner FROM {rows_known_at('customers')} WHERE customer_id = 'A1'"
    return tuple(query_as_of(history, sql, datetime.fromisoformat(day)).to_pylist()[0].values())


def test_the_field_histories_of_salesforce_are_found_and_read_as_of_a_day(folder_of):
    folder = folder_of(SALESFORCE)
    mapping = propose_mapping(folder).as_dict()["mapping"]
    assert mapping["opportunities"]["changes"].startswith("OpportunityFieldHistory(")
    with read_history(folder, Settings(mapping=mapping)) as history:
        assert deals(history, "2025-02-15") == [("O1", "qualify", None), ("O2", "Proposal", 80.0)]
        assert deals(history, "2025-03-25") == [("O1", "qualify", 200.0), ("O2", "Closed Won", 80.0)]
        assert deals(history, "2025-06-01")[0] == ("O1", "Negotiation", 300.0)
        assert customer(history, "2025-04-01") == ("Retail", "ann")
        assert customer(history, "2025-06-02") == ("Energy", "bob")
        assert history.connection.execute("SELECT stage, amount FROM opportunities ORDER BY 1").fetchall() == [
            ("Closed Won", 80.0), ("Negotiation", 300.0)
        ]  # fmt: skip


def test_the_time_in_a_stage_and_what_a_deal_was_before_its_end_come_from_the_history(folder_of):
    folder = folder_of(SALESFORCE)
    as_of = datetime(2025, 4, 11)
    with read_history(folder, Settings(mapping=propose_mapping(folder).as_dict()["mapping"])) as history:
        found = open_deals(history, as_of, deal_card(history, as_of, load_card("c139"))).to_pylist()
        assert [(deal["stage"], deal["days_in_stage"]) for deal in found] == [("Negotiation", 10)]
        assert closed_opportunities(history, as_of).select(["stage", "label"]).to_pylist() == [
            {"stage": "Proposal", "label": 1}
        ]


def test_rows_with_all_values_at_each_change_are_a_history_too(folder_of):
    wide = "OpportunityId,CreatedDate,StageName,Amount\nO1,2025-02-01,Qualify,\nO1,2025-03-01,Qualify,200\n"
    files = {name: text for name, text in SALESFORCE.items() if "Field" not in name}
    folder = folder_of(files | {"OpportunityHistory": wide + "O1,2025-04-01,Negotiation,300\n"})
    with read_history(folder, Settings(mapping=propose_mapping(folder).as_dict()["mapping"])) as history:
        assert deals(history, "2025-02-02")[0] == ("O1", "qualify", None)
        assert deals(history, "2025-03-02")[0] == ("O1", "qualify", 200.0)
        assert deals(history, "2025-04-02")[0] == ("O1", "Negotiation", 300.0)


def test_the_property_history_of_hubspot_is_read(folder_of):
    folder = folder_of(
        {
            "company": "id,property_name,property_createdate,property_industry\n7,Acme,2025-01-01,Energy\n",
            "deal": "deal_id,deal_pipeline_stage_id,property_amount,property_createdate,property_closedate,"
            "property_hs_is_closed,property_hs_is_closed_won\n1,s2,500,2025-01-02,2025-03-01,true,true\n",
            "deal_company": "deal_id,company_id\n1,7\n",
            "deal_property_history": "deal_id,name,timestamp,value\n1,amount,2025-01-02T00:00:00Z,100\n"
            "1,amount,2025-02-01T00:00:00Z,500\n1,dealname,2025-02-01T00:00:00Z,x\n",
        }
    )
    with read_history(folder, Settings(mapping=propose_mapping(folder).as_dict()["mapping"])) as history:
        assert deals(history, "2025-01-10") == [("1", "s2", 100.0)]
        assert deals(history, "2025-02-10") == [("1", "s2", 500.0)]


@pytest.mark.parametrize(
    ("start", "end", "running"),
    [("dbt_valid_from", "dbt_valid_to", ""), ("_fivetran_start", "_fivetran_end", "9999-12-31 23:59:59.999")],
)
def test_a_table_that_keeps_every_version_has_no_duplicates(folder_of, start, end, running):
    customers = (
        f"customer_id,created_at,industry,owner,segment,{start},{end}\n"
        "A1,2025-01-01,Retail,ann,small,2025-01-01,2025-03-01\n"
        f"A1,2025-01-01,Energy,bob,large,2025-03-01,{running}\n"
        "A2,2025-01-01,Retail,ann,small,2025-01-01,2025-02-01\n"
    )
    with read_history(folder_of({"customers": customers, "orders": ORDERS})) as history:
        assert (history.rejected.total, history.rows["customers"]) == (0, 2)
        assert customer(history, "2025-02-01") == ("Retail", "ann")
        assert customer(history, "2025-03-02") == ("Energy", "bob")
        segments = f"SELECT customer_id, segment FROM {rows_known_at('customers', extra=('segment',))} ORDER BY 1"
        # A2 was deleted on 1 February.
        for day, known in (("2025-01-20", [("A1", "small"), ("A2", "small")]), ("2025-03-02", [("A1", "large")])):
            rows = query_as_of(history, segments, datetime.fromisoformat(day)).to_pylist()
            assert [tuple(row.values()) for row in rows] == known


def test_a_value_that_its_column_cannot_have_is_rejected_with_its_line():
    change = {"table": "opportunities", "record_id": "O1", "column": "amount"}
    tables = {
        "orders": [{"customer_id": "A1", "order_id": "1", "ordered_at": "2025-01-05", "amount": 1}],
        "opportunities": [{"opportunity_id": "O1", "customer_id": "A1", "opened_at": "2025-01-01", "amount": 5}],
        "changes": [
            {**change, "changed_at": f"2025-0{day}-01", "value": value} for day, value in enumerate("1234x", 1)
        ],
    }
    with history_of(tables) as history:
        ((table, reason, count, line, value),) = history.rejected.summary()
        assert (table, count, line, value) == ("changes", 1, 5, "x")
        assert reason.startswith("value of opportunities.amount is not a number")
        assert deals(history, "2025-06-01") == [("O1", None, 4.0)]


def test_the_check_names_changes_that_nothing_reads_and_asks_no_recorded_at_of_states_with_a_history():
    names = ("amount", "stage", "colour", "stage")
    tables = {
        "orders": [{"customer_id": "A1", "order_id": "1", "ordered_at": "2025-01-05", "amount": 1}],
        "opportunities": [{"opportunity_id": "O1", "customer_id": "A1", "opened_at": "2025-01-01", "stage": "propose"}],
        "changes": [
            {"table": "opportunities", "record_id": "O1", "changed_at": "2025-02-01", "column": name, "value": "1"}
            for name in names
        ],
    }
    with history_of(tables) as history:
        report = check_history(history)
    found = {finding.code: finding for finding in report.findings}
    assert "past values of: amount, stage" in report.as_text("en")
    assert "可追溯的列: amount, stage" in report.as_html("zh")
    assert found["unused_changes"].facts == {"columns": ["opportunities.colour"], "rows": 1}
    assert "unrecorded_states" not in found


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            "Nowhere(a, b)",
            r'changes = "Nowhere\(a, b\)": write "other_table\(record, time, column, value, former value\)',
        ),
        ("AccountHistory(AccountId, When)", "has no column When. It has: AccountId, CreatedDate, Field"),
        ("AccountHistory(Field, CreatedDate)", "has none of the columns of customers"),
    ],
)
def test_a_history_that_is_not_there_gets_a_sentence(folder_of, written, sentence):
    folder = folder_of(SALESFORCE)
    mapping = propose_mapping(folder).as_dict()["mapping"]
    mapping["customers"]["changes"] = written
    with pytest.raises(TableError, match=sentence):
        read_history(folder, Settings(mapping=mapping))
