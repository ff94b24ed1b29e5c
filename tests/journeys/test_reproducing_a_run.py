"""Every run can be reproduced from its record: the same bundle to the last byte, or the reason why not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from former_bundle import rewrite_with_former_names
from training_world import ACTIVE, NOW, orders
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.features import snapshot
from rapport.history import Settings, read_history
from rapport.scoring import Bundle, Scorer
from rapport.scoring.models import model_store
from rapport.training import reproduce
from rapport.training.registry.reproduce import retrain

ASKED = ["--horizon", "90d", "--active", "180d", "--as-of", "2026-01-01", "--search", "2"]


def written(folder: Path, rows) -> Path:
    """Write orders under a company's own names, which only its settings explain."""
    folder.mkdir()
    lines = [f"{row['customer_id']};{row['order_id']};{row['ordered_at']};{row['amount']}" for row in rows]
    (folder / "sales.csv").write_text("\n".join(["buyer;order_id;ordered_at;amount", *lines]))
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A home with two versions, trained by command from a history with names of its own."""
    place = tmp_path_factory.mktemp("world")
    history = written(place / "history", orders())
    (place / "rapport.toml").write_text(
        'zone = "Asia/Shanghai"\n[mapping.orders]\ntable = "sales"\ncustomer_id = "buyer"\n'
    )
    given = ["--settings", str(place / "rapport.toml"), "--data-dir", str(place / "home")]
    for _ in range(2):
        ran = CliRunner().invoke(app, ["train", str(history), *ASKED, *given])
        assert ran.exit_code == 0, ran.output
    return place


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_version_comes_out_of_its_record_byte_by_byte(world, version):
    words = ["models", "reproduce", str(world / "history"), version, "--data-dir", str(world / "home")]
    ran = CliRunner().invoke(app, words)
    assert (ran.exit_code, ran.stdout.strip()) == (
        0,
        f"churn {version} was retrained from its record: the same bundle, byte by byte.",
    )


def test_its_probabilities_are_equal_to_the_last_digit(world):
    kept = Bundle.load(model_store.champion(world / "home", "churn"))
    with read_history(world / "history", Settings.of(kept.provenance["settings"])) as history:
        again = retrain(history, kept.provenance)
        people = snapshot(history, NOW, active=ACTIVE)
    told = [Scorer(bundle).score(people, NOW).probability for bundle in (kept, again)]
    assert np.isfinite(told[0]).sum() > 50
    np.testing.assert_array_equal(*told)


def test_another_history_is_told_from_the_first(world, tmp_path):
    fewer = written(tmp_path / "fewer", orders()[:-40])
    found = reproduce(fewer, world / "home", "churn", "1")
    assert not found.plain["same"]
    assert found.text.startswith("churn 1 was not retrained from its record: the history had")
    changed = written(tmp_path / "changed", [row | {"amount": row["amount"] + 1} for row in orders()])
    assert "as many rows, but different ones" in reproduce(changed, world / "home", "churn", "1").text


def test_an_earlier_program_is_named(world, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(world / "home" / "models", home / "models")
    kept = Bundle.load(model_store.champion(home, "churn"))
    kept.provenance["versions"]["lightgbm"] = "4.0.0"
    shutil.rmtree(home / "models/churn/1")
    model_store.publish(kept.save(tmp_path / "bundle"), home, "churn", "1")
    assert "lightgbm was 4.0.0, now " in reproduce(world / "history", home, "churn", "1").text


def test_a_version_recorded_under_former_names_is_reproduced(world, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(world / "home" / "models", data_dir / "models")
    rewrite_with_former_names(data_dir / "models/churn/1")
    assert "votes" in (data_dir / "models/churn/1/bundle.json").read_text("utf-8")
    assert reproduce(world / "history", data_dir, "churn", "1").plain == {"same": True}
