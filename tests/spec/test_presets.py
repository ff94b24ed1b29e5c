"""Presets: each system is recognised by its tables, and its files are read as the contract's without a question."""

import tomllib

import pytest
from csv_folder import write_csv
from vendor_files import CONNECTORS, SYSTEMS

from rapport.errors import SettingsError
from rapport.history import Settings, read_history
from rapport.history.mapping import propose_mapping
from rapport.history.mapping.presets import load_preset, preset_names


def recognised(folder, name, preset=None):
    """Read a folder as the proposal says, which names the system, asks nothing and loses no row."""
    proposal = propose_mapping(folder, preset=preset)
    assert (proposal.preset, proposal.questions) == (name, ())
    history = read_history(folder, Settings.of(tomllib.loads(proposal.as_toml())))
    assert history.rejected.total == 0
    return history


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_the_orders_of_a_connector_meet_its_customers(name, tmp_path):
    files, expected = CONNECTORS[name]
    with recognised(write_csv(tmp_path, files), name) as history:
        sql = "SELECT customer_id, amount FROM orders JOIN customers USING (customer_id)"
        assert history.connection.execute(sql).fetchall() == expected


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_system_is_recognised_and_its_orders_are_read(name, tmp_path):
    files, expected = SYSTEMS[name]
    with recognised(write_csv(tmp_path, files), name) as history:
        found = history.connection.execute("SELECT customer_id, amount FROM orders ORDER BY ordered_at").fetchall()
    assert found == expected


def test_every_preset_has_a_case_and_names_the_contracts_columns():
    assert preset_names() == sorted(SYSTEMS)


def test_joined_tables_give_customers_states_and_times(tmp_path):
    with recognised(write_csv(tmp_path, SYSTEMS["hubspot"][0]), "hubspot", preset="hubspot") as history:
        run = history.connection.execute
        deals = run("SELECT opportunity_id, customer_id, closed_at IS NULL, won, stage FROM opportunities ORDER BY 1")
        assert deals.fetchall() == [("1", "7", False, True, "Won"), ("2", "7", True, False, "Talk")]
        assert run("SELECT customer_id, channel FROM interactions").fetchall() == [("7", "meeting")]
        assert run("SELECT customer_id FROM customers").fetchall() == [("7",)]


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(SettingsError, match=r"There are: amazon_seller, dynamics365, fxiaoke"):
        load_preset("siebel")


def test_a_table_of_the_contract_is_itself_beside_a_preset(tmp_path):
    files = SYSTEMS["salesforce"][0] | {"orders.csv": "customer_id,order_id,ordered_at,amount\nA,9,2024-03-01,33"}
    with recognised(write_csv(tmp_path, files), "salesforce") as history:
        assert history.connection.execute("SELECT customer_id, amount FROM orders").fetchall() == [("A", 33.0)]
        assert history.rows["opportunities"] == 2


def test_contacts_and_deals_of_nobody_are_left_out(tmp_path):
    files = SYSTEMS["salesforce"][0] | {
        "contact.csv": "id,account_id,name,created_date\n1,A,Ann,2024-01-01\n2,,Bob,2024-01-01\n3,,Cy,2024-01-01"
    }
    with recognised(write_csv(tmp_path, files), "salesforce") as history:
        assert history.connection.execute("SELECT contact_id FROM contacts").fetchall() == [("1",)]
        assert history.loaded["contacts"].left_out == 2
