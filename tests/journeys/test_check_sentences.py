"""What `rapport check` prints: its sentences fit the company's rule of churn, and it does not point at itself."""

import pytest
from csv_folder import write_csv
from typer.testing import CliRunner

from rapport.cli.app import app

HEAD = "contract_id,customer_id,started_at,ends_at,cancelled_at\n"
# The second line repeats the number of the first and is rejected.
CONTRACTS = HEAD + "1,K1,2024-01-01,2024-12-31,\n1,K2,2024-01-01,2025-12-31,\n"


@pytest.mark.parametrize(
    ("rule", "language", "sentence"),
    [
        ("contracts", "en", "300 customers with a contract that ended within the horizon"),
        ("contracts", "zh", "300 位合同在预测期内到期的客户"),
        ("subscriptions", "en", "300 customers with a running subscription"),
        ("subscriptions", "zh", "300 位订阅仍有效的客户"),
    ],
)
def test_who_is_counted_is_named_after_the_rule_of_churn(tmp_path, rule, language, sentence):
    folder = write_csv(tmp_path, {"contracts": CONTRACTS})
    settings = tmp_path / "rapport.toml"
    settings.write_text(f'churn = "{rule}"\nreject_share = 0.9\n')
    command = ["check", str(folder), "--settings", str(settings), "--language", language]
    result = CliRunner().invoke(app, [*command, "--data-dir", str(tmp_path / "data")])
    assert result.exit_code == 0
    printed = " ".join(result.output.split())
    assert sentence in printed
    assert "with an order in the active window" not in printed
    assert "lists them with reasons" not in printed
