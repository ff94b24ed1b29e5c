"""`rapport dossier`: what it states, in both languages, from records only."""

import json
import shutil
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from serving_world import copy_home, publish
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.integrity import seal
from rapport.scoring.models import model_store
from rapport.serving.privacy.forget import forget
from rapport.serving.snapshots.store import published_run
from rapport.serving.snapshots.table_files import replace_table

FORMER = Path(__file__).parents[2] / "fixtures" / "data_dir_v1" / "company.tar.xz"
GROUPS = [
    {"by": "attribute_source", "value": "web|<b>", "count": 400, "rate": 0.5, "predicted": 0.3, "auc": 0.8},
    {"by": "attribute_source", "value": "fair", "count": 400, "rate": 0.2, "predicted": 0.21, "auc": 0.7},
]
MEASURES = {
    name: {"auc": auc, "average_precision": 0.6, "lift_10": 2.0, "log_loss": 0.5, "calibration_error": 0.02}
    for name, auc in (("blend", 0.812), ("recency", 0.701))
}


@pytest.fixture(scope="module")
def home(company, tmp_path_factory):
    """A data folder with a second, fully evaluated champion, refusals, a forgotten customer and an audit trail."""
    root = tmp_path_factory.mktemp("dossier")
    folder = copy_home(company, root / "home")
    evaluation = {**company.bundle.evaluation, "segments": GROUPS, "measures": MEASURES, "rows": 800, "rate": 0.35}
    evaluation |= {"out_of_time": True, "calibration": [{"predicted": 0.25, "actual": 0.2, "count": 800}]}
    evaluation["slices"] = [{"cutoff": "2025-08-01", "rows": 800, "rate": 0.35, "expected": 0.255, "auc": 0.78}]
    evaluation["size"] = {"rows": 5000, "customers": 900, "cutoffs": 12}
    provenance = {**company.bundle.provenance, "data_fingerprint": "f1" * 32, "tables": {"orders": 4321}}
    bundle = replace(company.bundle, version="2", evaluation=evaluation, provenance=provenance)
    publish(folder, bundle, root)
    model_store.set_champion(folder, "churn", "2", datetime(2026, 11, 3, tzinfo=UTC))
    forgotten = published_run(folder, "churn").table("features").column("customer_id")[9].as_py()
    forget(folder, [forgotten], datetime(2026, 11, 4, tzinfo=UTC))
    # Forgetting writes the run again, into another folder.
    run = published_run(folder, "churn")
    table = run.table("features")
    at = table.column_names.index("state")
    states = ["excluded"] * 3 + table.column("state").to_pylist()[3:]
    replace_table(run.folder / "features.parquet", table.set_column(at, "state", pa.array(states)))
    seal(run.folder, folder)
    # Other tests of the session ask the same company.
    shutil.rmtree(folder / "audit", ignore_errors=True)
    (folder / "audit").mkdir()
    entry = {"by": "crm", "route": "/v1/customer", "customer_ids": ["C1"]}
    (folder / "audit" / "2026-11-05.jsonl").write_text(f"{json.dumps(entry)}\n{json.dumps(entry)}\n")
    return folder


def written(home, path, *options):
    result = CliRunner().invoke(app, ["dossier", "--out", str(path), "--data-dir", str(home), *options])
    assert result.exit_code == 0, result.output + str(result.exception)
    return path.read_text(encoding="utf-8")


def test_it_states_model_data_errors_oversight_and_rights(home, tmp_path):
    text = written(home, tmp_path / "dossier.md")
    row_counts = published_run(home, "churn").manifest.facts["rows"]
    for expected in (
        "- **Version**: 2",
        "- **Champion since**: 2026-11-03",
        "- **Champions before**: 1 (2026-11-02)",
        "5,000 rows of 900 customers at 12 cutoffs",
        "f1f1f1",
        "| Rapport (ensemble) | 0.812 |",
        "| Recency only | 0.701 |",
        "| 800 | 25.0% | 20.0% | +5.0 |",
        f"| orders | 4,321 | – | {row_counts['orders']:,} |",
        "No row was set aside as unusable.",
        "| web\\|&lt;b> | 400 | 50.0% | 30.0% | -20.0 * | 0.800 |",
        "| Cutoff | 2025-08-01 | 800 | 35.0% | 25.5% | -9.5 * | 0.780 |",
        "| fair | 400 | 20.0% | 21.0% | +1.0 | 0.700 |",
        "outcome rates differ by up to 30.0 points, mean probabilities by up to 9.0 points, AUC by up to 0.100",
        "Churn risk: 3 of ",
        "have automated_decisions = false and were not scored",
        "Forgotten customers on the suppression list: 1; receipts: 1",
        "Audit trail: 2 entries of 1 keys or users, 2026-11-05 to 2026-11-05.",
        "| /v1/customer | 2 |",
        "PIPL 24", "PIPL 55", "GDPR 15", "GDPR 17", "GDPR 22", "AI Act 50",
        "rapport export-person", "rapport forget", "rapport retention",
    ):  # fmt: skip
        assert expected in text


def test_the_same_records_give_the_same_bytes_in_each_language_and_form(home, tmp_path):
    texts = {}
    for form in ("html", "md"):
        for language in ("en", "zh"):
            first = written(home, tmp_path / f"1.{form}", "--language", language)
            assert first == written(home, tmp_path / f"2.{form}", "--language", language)
            texts[form, language] = first
    assert '<html lang="zh">' in texts["html", "zh"]
    assert "人工监督" in texts["html", "zh"]
    assert "拒绝自动化决策" in texts["md", "zh"]
    assert "Human oversight" not in texts["md", "zh"]
    assert "<b>" not in texts["html", "en"]
    # The same sections, tables and rows in both languages.
    assert texts["md", "en"].count("\n") == texts["md", "zh"].count("\n")


def test_an_earlier_day_has_the_champion_and_the_trail_of_that_day(home, tmp_path):
    text = written(home, tmp_path / "then.md", "--as-of", "2026-11-02")
    assert "- **Version**: 1" in text
    assert "The audit trail has no entry yet." in text
    assert "No error by segment is recorded for this version." in text


def test_json_holds_the_records(home, tmp_path):
    options = ["dossier", "--out", str(tmp_path / "d.html"), "--data-dir", str(home), "--json"]
    records = json.loads(CliRunner().invoke(app, options).stdout)["records"]
    assert records["as_of"] == "2026-11-05"
    churn = next(model for model in records["models"] if model["target"] == "churn")
    assert churn["fairness"][0]["largest_gap"] == pytest.approx(0.2)
    assert next(run for run in records["runs"] if run["target"] == "churn")["excluded"] == 3


def test_an_attribute_that_the_settings_name_but_nothing_measured_is_stated(home, tmp_path):
    (tmp_path / "rapport.toml").write_text('fixed_attributes = ["region"]\nlanguage = "zh"\n')
    text = written(home, tmp_path / "d.md", "--settings", str(tmp_path / "rapport.toml"))
    assert "region：没有达到 30 行评估样本的群体" in text


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("d.md", [], "there is no champion, so there is nothing to document. Train a model"),
        ("d.docx", [], "write a name that ends in .html or .md"),
    ],
)
def test_what_cannot_be_written_ends_with_a_sentence(tmp_path, name, options, sentence):
    arguments = ["dossier", "--out", str(tmp_path / name), "--data-dir", str(tmp_path / "empty"), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert sentence in str(result.exception) + result.output
    assert not (tmp_path / name).exists()


def test_a_changed_model_is_refused(home, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(home, folder)
    path = folder / "models" / "churn" / "2" / "bundle.json"
    path.write_text(path.read_text("utf-8").replace('"12mo"', '"24mo"', 1))
    result = CliRunner().invoke(app, ["dossier", "--out", str(tmp_path / "d.md"), "--data-dir", str(folder)])
    assert "bundle.json changed since it was written" in str(result.exception)


def test_a_folder_of_format_1_has_its_dossier(tmp_path):
    with tarfile.open(FORMER) as archive:
        archive.extractall(tmp_path, filter="data")
    text = written(tmp_path / "data", tmp_path / "d.md")
    assert "- **Champions before**: 1 (2026-11-29)" in text
    assert "region (feature of the model: yes): between groups, outcome rates differ by up to 27.9 points" in text
    assert "industry (feature of the model: yes): only one group has 30 evaluated rows" in text
    assert "This run does not record how many rows were set aside" in text
    assert "Audit trail: 29 entries of 2 keys or users" in text
