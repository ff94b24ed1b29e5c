"""`rapport backtest`: several cutoffs in one call, judged by what came, beside rules of thumb and a file of others."""

import csv
import json
import sys
from datetime import datetime, timedelta

import pytest
from sklearn.metrics import log_loss, roc_auc_score
from training_world import orders

from rapport.cli.app import main

JUDGED, OPEN = datetime(2025, 8, 1), datetime(2025, 12, 1)


@pytest.fixture(scope="module")
def rapport(tmp_path_factory):
    """Run a backtest in a folder with a history of 120 customers."""
    folder = tmp_path_factory.mktemp("backtest")
    (folder / "company").mkdir()
    write(folder / "company" / "orders.csv", orders(120))

    def run(*words):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            task = ["--horizon", "90d", "--active", "180d", "--out", "ours.csv"]
            patch.setattr(sys, "argv", ["rapport", "backtest", "company", *task, *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code or 0

    run.folder = folder
    return run


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def left_by_hand(cutoff):
    """Return 1 for each customer with an order in the 180 days before the cutoff and none in the 90 days after."""
    placed = {}
    for row in orders(120):
        placed.setdefault(row["customer_id"], []).append(row["ordered_at"])
    active = {name for name, times in placed.items() if any(cutoff - timedelta(180) <= at < cutoff for at in times)}
    return {name: int(not any(cutoff <= at < cutoff + timedelta(90) for at in placed[name])) for name in active}


@pytest.mark.slow
def test_cutoffs_are_judged_by_what_came_beside_rules_and_a_file_of_others(rapport, capsys):
    outcome = left_by_hand(JUDGED)
    known = sorted(outcome)[:-3]
    theirs = [{"cutoff": "2025-08-01", "customer_id": name, "probability": 0.2 + 0.6 * outcome[name]} for name in known]
    write(rapport.folder / "theirs.csv", theirs)
    days = ["--cutoff", "2025-08-01", "--cutoff", "2025-12-01"]
    extra = ["--compare", "theirs.csv", "--html", "page.html", "--language", "zh", "--json"]
    assert rapport(*days, *extra) == 0
    judged, later = json.loads(capsys.readouterr().out)["cutoffs"]
    ours = {row["customer_id"]: row for row in read(rapport.folder / "ours.csv") if row["cutoff"] == "2025-08-01"}
    assert ours.keys() == outcome.keys()
    label = [outcome[name] for name in ours]
    probability = [float(row["probability"]) for row in ours.values()]
    assert judged["metrics"]["served"]["auc"] == pytest.approx(roc_auc_score(label, probability))
    assert judged["metrics"]["served"]["log_loss"] == pytest.approx(log_loss(label, probability))
    assert {"rhythm", "linear", "base_rate", "recency", "rfm_cells"} <= judged["metrics"].keys()
    assert sum(row["count"] for row in judged["calibration"]) == judged["rows"] == len(outcome)
    assert judged["compared"]["rows"] == len(known)
    assert judged["compared"]["without_theirs"] == 3
    assert judged["compared"]["theirs"]["auc"] == 1.0
    assert judged["compared"]["gains"]["auc"][1] <= 0
    assert later["rows"] == 0
    assert later["scored"] > 30
    page = (rapport.folder / "page.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "结果尚未可知" in page
    assert "theirs.csv：双方共有" in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file"),
        ("id,probability\nC1,0.5\n", "lacks customer_id"),
        ("customer_id,probability\nC1,high\n", "row 2: probability is 'high'. Write a number from 0 to 1"),
        ("customer_id,probability\nC1,50\n", "row 2: probability is '50'"),
        ("customer_id,probability\nC1,0.5\nC1,0.6\n", "row 3: C1 is there twice"),
        ("customer_id,probability,cutoff\nC1,0.5,soon\n", "row 2: cutoff is 'soon'"),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_bad_file_of_predictions_is_refused_with_a_sentence_before_training(rapport, capsys, content, sentence):
    path = rapport.folder / "bad.csv"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content, "utf-8")
    assert rapport("--cutoff", "2025-08-01", "--compare", "bad.csv") == 11
    refused = " ".join(capsys.readouterr().err.split())
    assert sentence in refused
    assert "bad.csv" in refused


def test_several_cutoffs_need_a_cutoff_on_every_compared_row(rapport, capsys):
    write(rapport.folder / "short.csv", [{"customer_id": "C1", "probability": 0.5}])
    assert rapport("--cutoff", "2025-08-01", "--cutoff", "2025-12-01", "--compare", "short.csv") == 11
    assert "lacks cutoff" in capsys.readouterr().err


def test_an_unknown_ending_is_refused_before_training(rapport, capsys):
    assert rapport("--cutoff", "2025-08-01", "--out", "ours.docx") == 11
    assert "ours.docx: unknown ending .docx" in capsys.readouterr().err
