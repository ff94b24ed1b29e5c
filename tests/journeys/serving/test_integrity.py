"""A changed byte of a model or a run is refused, and with a key also a change whose digests were made to fit."""

import json
import shutil

import pytest
from serving_world import AS_OF, NOW

from rapport.cli.app import app
from rapport.cli.inputs import check_gates
from rapport.errors import IntegrityError, RapportError
from rapport.integrity import SEAL, SIGNING_KEY, check_seal, create_signing_key, seal, sign_all
from rapport.serving.api.bento_models import export_to_bentoml
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.publication_gates import previous_run
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.snapshots.store import published_run
from rapport.serving.work.due import due_customers
from rapport.training.monitoring.monitor import monitor_champion
from rapport.training.registry.model_registry import show_model


@pytest.fixture
def home(company, tmp_path):
    for name in ("models", "scores"):
        shutil.copytree(company.home / name, tmp_path / name)
    return tmp_path


def _folders(home):
    return {"bundle": home / "models/churn/1", "run": published_run(home, "churn").folder}


@pytest.mark.parametrize("which", ["bundle", "run"])
def test_every_file_of_a_bundle_and_a_run_is_under_its_seal(home, which):
    folder = _folders(home)[which]
    names = [path for path in folder.rglob("*") if path.is_file() and path.name != SEAL]
    assert len(names) > 1
    for path in names:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if content else b"x")
        with pytest.raises(RapportError, match=path.name):
            load_live_model(home, "churn")
        path.write_bytes(content)
    (folder / "added.txt").write_text("x")
    with pytest.raises(IntegrityError, match=r"added\.txt"):
        load_live_model(home, "churn")
    (folder / "added.txt").unlink()
    assert load_live_model(home, "churn").bundle.version == "1"


def change(path):
    path.write_bytes(path.read_bytes() + b" ")


def score(company, home):
    run_scoring(company.history, home, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)


# What computes with a published model outside of the service; a scoring run would sign what a changed model gave.
WITH_A_MODEL = {
    "score": score,
    "monitor": lambda company, home: monitor_champion(company.history, home, "churn", as_of=AS_OF),
    "due": lambda _, home: due_customers(home, "churn", AS_OF),
    "models show": lambda _, home: show_model(home, "churn", "1", environ={}),
    "models export": lambda _, home: export_to_bentoml(home, "churn", "1"),
    "gates": lambda company, home: check_gates(company.history, AS_OF, what="", force=True, data_dir=home),
}


@pytest.mark.parametrize("door", WITH_A_MODEL)
def test_nothing_is_computed_with_a_changed_model(home, company, door):
    change(_folders(home)["bundle"] / "bundle.json")
    runs = sorted((home / "scores/churn/runs").iterdir())
    with pytest.raises(IntegrityError, match=r"bundle\.json"):
        WITH_A_MODEL[door](company, home)
    assert sorted((home / "scores/churn/runs").iterdir()) == runs


def test_a_changed_run_is_written_into_no_crm_and_no_baseline(home, company):
    assert previous_run(home, "churn", AS_OF) is not None
    change(_folders(home)["run"] / "scores.arrow")
    with pytest.raises(IntegrityError, match=r"scores\.arrow"):
        app(["writeback", "hubspot", "--dry-run", "--data-dir", str(home)], standalone_mode=False)
    with pytest.raises(IntegrityError, match=r"scores\.arrow"):
        due_customers(home, "churn", AS_OF)
    assert previous_run(home, "churn", AS_OF) is None
    score(company, home)
    assert load_live_model(home, "churn").latest_snapshot is not None


def test_with_a_key_a_seal_that_was_made_to_fit_is_refused(home):
    assert create_signing_key(home)
    assert not create_signing_key(home)
    assert (home / SIGNING_KEY).stat().st_mode & 0o077 == 0
    load_live_model(home, "churn")
    main = _folders(home)["bundle"] / "bundle.json"
    stored = json.loads(main.read_text())
    stored["blend"]["weights"]["card"] = 0.9
    main.write_text(json.dumps(stored))
    (home / SIGNING_KEY).rename(home / "elsewhere")
    seal(main.parent, home)
    (home / "elsewhere").rename(home / SIGNING_KEY)
    with pytest.raises(IntegrityError, match="signature"):
        load_live_model(home, "churn")
    (main.parent / SEAL).unlink()
    with pytest.raises(IntegrityError, match="not signed"):
        load_live_model(home, "churn")
    assert sign_all(home) >= 4
    assert load_live_model(home, "churn").bundle.blend.weights["card"] == 0.9


def test_what_an_earlier_version_wrote_has_no_seal_and_is_read(home):
    for folder in _folders(home).values():
        (folder / SEAL).unlink()
        check_seal(folder, home)
    load_live_model(home, "churn")
