"""Every command on one invented company, and the messages of commands that cannot be carried out."""

import json
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from rapport.cli.app import main

AS_OF = "2025-11-01"


@pytest.fixture(scope="module")
def rapport(tmp_path_factory):
    """Run commands in a folder of their own: ``rapport(words) -> exit code``."""
    folder = tmp_path_factory.mktemp("commands")

    def run(*words):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["rapport", *map(str, words)])
            patch.setenv("OMP_NUM_THREADS", "1")
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code or 0

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def company(rapport):
    assert rapport("simulate", "company", "--customers", 300, "--seed", 11) == 0
    return rapport.folder / "company"


@pytest.fixture(scope="module")
def trained(rapport, company):
    """Train a champion and publish one scoring run, exported as scores.csv; return what the training printed."""
    with redirect_stdout(StringIO()) as printed:
        assert rapport("train", company, "--as-of", AS_OF, "--horizon", "6mo", "--json") == 0
    words = ["--out", "scores.csv", "--language", "zh", "--horizons", "3mo,6mo,24mo"]
    assert rapport("score", company, "--as-of", AS_OF, *words) == 0
    return json.loads(printed.getvalue())


def test_check_counts_the_rows_of_every_table(rapport, company, capsys):
    assert rapport("check", company, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    rows = {table["name"]: table["rows"] for table in result["tables"]}
    assert rows["orders"] == pq.read_metadata(company / "orders.parquet").num_rows


def test_features_are_written_with_one_row_for_every_known_customer(rapport, company):
    assert rapport("features", company, "--as-of", AS_OF, "--out", "features.parquet") == 0
    features = pq.read_table(rapport.folder / "features.parquet")
    assert features["customer_id"].to_pylist() == sorted(set(features["customer_id"].to_pylist()))
    assert {"state", "days_since_last_order", "tickets_open"} <= set(features.column_names)


def test_a_model_is_trained_listed_and_scores_everyone(rapport, trained, capsys):
    evaluation = trained["evaluation"]
    card, served = evaluation["card"], evaluation["served"]
    leavers = sum(tier["count"] * tier["rate"] for tier in card["tiers"])
    assert leavers == pytest.approx(card["base_rate"] * sum(tier["count"] for tier in card["tiers"]))
    capsys.readouterr()
    assert rapport("models", "list") == 0
    listed = capsys.readouterr().out
    assert re.search(rf"champion +\w +{served['part']} +{served['auc']:.3f}", listed), listed
    scores = pa_csv.read_csv(rapport.folder / "scores.csv")
    known = scores.filter(pc.is_valid(scores["probability"])).to_pylist()
    assert all(abs(row["probability_6mo"] - row["probability"]) < 1e-9 for row in known)
    assert all(row["probability_3mo"] >= row["probability"] >= row["probability_24mo"] for row in known)
    assert all(row["expected_from"] <= row["expected_date"] <= row["expected_to"] for row in known)
    assert len(scores) > 200
    assert {"customer_id", "probability", "state"} <= set(scores.column_names)


@pytest.mark.usefixtures("trained")
def test_an_analysis_is_listed_and_written_with_the_date_of_its_run(rapport, capsys):
    capsys.readouterr()
    assert rapport("analysis", "--json") == 0
    assert "key_figures" in {each["name"] for each in json.loads(capsys.readouterr().out)["names"]}
    assert rapport("analysis", "key_figures", "--out", "kpis.csv", "--json") == 0
    written = pa_csv.read_csv(rapport.folder / "kpis.csv")
    assert written.column_names[:2] == ["as_of", "owner"]
    assert {str(day) for day in written["as_of"].to_pylist()} == {AS_OF}
    assert len(written) == json.loads(capsys.readouterr().out)["rows"] > 0
    assert rapport("analysis", "cost_to_serve", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    for name in ("revenue", "contacts", "tickets", "cost"):
        assert sum(row[name] for row in found["rows"]) == pytest.approx(found["facts"][name])
    assert rapport("analysis", "no_such") != 0
    assert "No such analysis" in capsys.readouterr().err


def without_rows(company, name, folder):
    folder.mkdir()
    for path in company.glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.slice(0, 0) if path.stem == name else table, folder / path.name)
    return folder


@pytest.mark.usefixtures("trained")
def test_a_run_on_broken_tables_is_refused_unless_forced_and_can_be_rolled_back(rapport, company, capsys):
    def runs():
        capsys.readouterr()
        assert rapport("runs", "list", "--json") == 0
        return json.loads(capsys.readouterr().out)["runs"]

    capsys.readouterr()
    before = runs()
    broken = without_rows(company, "interactions", rapport.folder / "broken")
    assert rapport("score", broken, "--as-of", AS_OF, "--out", "refused.csv") == 19
    assert "interactions: has no row before the cutoff" in capsys.readouterr().err
    assert not (rapport.folder / "refused.csv").exists()
    assert rapport("score", company, "--as-of", "2199-01-01") == 19
    assert "lies in the future" in capsys.readouterr().err
    assert runs() == before
    assert rapport("monitor", broken, "--as-of", AS_OF) == 1
    assert "ALERT: interactions" in capsys.readouterr().out
    nobody = without_rows(company, "orders", rapport.folder / "nobody")
    assert rapport("monitor", nobody, "--as-of", AS_OF) == 1
    assert "ALERT: orders: has no row" in capsys.readouterr().out
    assert rapport("score", broken, "--as-of", AS_OF, "--force", "--json") == 0
    forced = json.loads(capsys.readouterr().out)
    assert {each["code"] for each in forced["gates"] if each["refuses"]} == {"empty_table"}
    assert [(run["run"], run["forced"]) for run in runs() if run["answers"]] == [(forced["run"], True)]
    assert rapport("runs", "rollback") == 0
    assert [run["run"] for run in runs() if run["answers"]] == [before[-1]["run"]]
    capsys.readouterr()
    assert rapport("runs", "show", forced["run"]) == 0
    assert "FLAG: interactions: has no row" in capsys.readouterr().out


@pytest.mark.usefixtures("trained")
def test_a_run_that_does_not_answer_says_so(rapport, company, capsys):
    capsys.readouterr()
    assert rapport("score", company, "--as-of", "2025-09-01", "--json") == 0
    assert json.loads(capsys.readouterr().out)["answers"] is False


@pytest.mark.slow
def test_alert_rules_are_tried_on_the_past(rapport, company, capsys):
    words = ["--from", "2025-01-01", "--to", "2025-04-01", "--every", 30, "--horizon", "6mo", "--json"]
    assert rapport("alerts", "replay", company, *words) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["moments"] == 3
    assert 0 <= result["flips_back"] <= 1
    assert result["overall"]["alerts"] == sum(worth["alerts"] for worth in result["by_rule"].values())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["check", "nowhere"], 10, "nowhere: there is no such folder"),
        (["check", "empty"], 10, "empty"),
        (["features", "company", "--as-of", "soon", "--out", "f.parquet"], 2, "soon"),
        (["features", "company", "--as-of", AS_OF, "--out", "f.xls"], 11, "unknown ending .xls"),
        (["features", "company", "--as-of", AS_OF, "--active", "a year", "--out", "f.csv"], 11, "'a year' is not"),
        (["score", "company", "--as-of", AS_OF, "--data-dir", "elsewhere"], 13, "elsewhere"),
        (["models", "promote", "99", "--data-dir", "elsewhere"], 13, "elsewhere"),
        (["check", "company", "--settings", "no.toml"], 11, "no.toml"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("company")
def test_a_mistake_ends_with_one_sentence_and_its_exit_code(rapport, capsys, words, code, sentence):
    (rapport.folder / "empty").mkdir(exist_ok=True)
    assert rapport(*words) == code
    message = capsys.readouterr().err
    assert sentence in message
    assert "Traceback" not in message


def test_an_engine_with_too_little_memory_names_the_setting(rapport, company, capsys):
    (rapport.folder / "little.toml").write_text('memory_limit = "6MB"\n')
    assert rapport("check", company, "--settings", "little.toml") == 11
    assert "memory_limit = '6MB' is too little for the engine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        ({"customer_id": ["A"], "order_id": ["1"], "ordered_at": ["2024-01-01"]}, "amount"),
        ({"customer_id": ["A"], "order_id": ["1"], "ordered_at": ["2024-01-01"], "amount": ["ten"]}, "amount"),
    ],
)
def test_a_history_that_cannot_be_read_is_refused_with_the_column(rapport, capsys, tmp_path, orders, sentence):
    pa_csv.write_csv(pa.table(orders), tmp_path / "orders.csv")
    assert rapport("features", tmp_path, "--as-of", AS_OF, "--out", "f.parquet") == 10
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("customers", "sentence"), [(1, "only one customer to learn churn from"), (30, "no customer left within 3mo")]
)
def test_a_history_with_nothing_to_learn_is_refused_with_what_it_needs(rapport, capsys, tmp_path, customers, sentence):
    names = [f"C{number}" for number in range(customers) for _ in range(12)]
    days = [f"2024-{month:02d}-01" for _ in range(customers) for month in range(1, 13)]
    columns = {"customer_id": names, "order_id": [str(place) for place in range(len(names))], "ordered_at": days}
    pa_csv.write_csv(pa.table({**columns, "amount": [10.0] * len(names)}), Path(tmp_path) / "orders.csv")
    assert rapport("train", tmp_path, "--as-of", "2025-01-01", "--horizon", "3mo") == 14
    assert sentence in capsys.readouterr().err
