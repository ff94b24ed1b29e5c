"""A changed byte of a model or a run is refused, and with a key also a change whose digests were made to fit."""

import json
import shutil

import pytest

from rapport.errors import IntegrityError, RapportError
from rapport.integrity import SEAL, SIGNING_KEY, check_seal, create_signing_key, seal, sign_all
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.store import published_run


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
