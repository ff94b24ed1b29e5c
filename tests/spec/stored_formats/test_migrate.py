"""``rapport migrate``: an older data folder and settings file become current, once, without losing anything."""

import json
import tomllib
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa
import pytest

from rapport.cli.app import app
from rapport.cli.inputs import current_time
from rapport.data_format import CURRENT_FORMAT, FORMAT_FILE, check_format, format_of, write_format
from rapport.errors import BundleError, DataDirError
from rapport.history import Settings
from rapport.history.settings import CURRENT_NAMES
from rapport.migrations.settings_names import BACKUP_ENDING, migrate_settings
from rapport.scoring import Bundle
from rapport.serving.api.app_state import AppState
from rapport.serving.environment import Environment
from rapport.serving.security.keys import KeyRing
from rapport.training.registry import former_runs

DATA = Path("data")
SETTINGS = Path("rapport.toml")


@pytest.fixture
def rapport(capsys):
    """Run a command: ``rapport(words) -> (exit code, JSON)``."""

    def run(words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([*words.split(), "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.usefixtures("company")
def test_check_lists_the_changes_and_writes_nothing(rapport):
    before = _files()
    code, found = rapport("migrate --check")
    assert code == 1
    assert _files() == before
    assert [(step["from"], step["to"]) for step in found["migrations"]] == [(1, 2)]
    changes = "\n".join(found["migrations"][0]["changes"])
    assert changes.count("vote.card → weight.card") == 3
    assert changes.count("served.py imports the current package") == 3
    assert found["settings"]["renamed"] == CURRENT_NAMES
    assert found["settings"]["written"] is False
    assert '+timezone = "Asia/Shanghai"' in found["settings"]["proposal"]


@pytest.mark.usefixtures("company")
def test_migrating_keeps_every_value_and_happens_once(rapport, expected):
    before, settings = SETTINGS.read_text(encoding="utf-8"), Settings.read(SETTINGS)
    assert rapport("migrate")[0] == 0
    assert format_of(DATA) == CURRENT_FORMAT
    assert check_format(DATA) is None
    assert Settings.read(SETTINGS) == settings
    assert not CURRENT_NAMES.keys() & tomllib.loads(SETTINGS.read_text(encoding="utf-8")).keys()
    assert 'active_window = "6mo"        # who has ordered' in SETTINGS.read_text(encoding="utf-8")
    assert Path(f"{SETTINGS}{BACKUP_ENDING}").read_text(encoding="utf-8") == before
    client = former_runs.open_store(DATA, former_runs.tracking_uri(DATA, {}))
    for run_id, known in expected["mlflow"].items():
        found = client.get_run(run_id).data
        votes = {name.removeprefix("vote."): value for name, value in known["metrics"].items() if "vote." in name}
        assert votes
        assert {name: found.metrics[f"weight.{name}"] for name in votes} == votes
        assert found.metrics.items() >= known["metrics"].items()
        assert found.params == known["params"]
    after = _files()
    code, again = rapport("migrate")
    assert (code, again["migrations"], again["settings"]) == (0, [], None)
    assert rapport("migrate --check")[0] == 0
    assert _files() == after


@pytest.mark.usefixtures("company")
def test_a_migrated_model_is_loaded_by_mlflow_and_scores_the_same(rapport, expected):
    rapport("migrate")
    scores = {answer["customer_id"]: answer["probability"] for answer in expected["score"]["churn.en"]}
    frame = _features("churn")
    loaded = [mlflow.pyfunc.load_model(str(path.parent)) for path in sorted(DATA.rglob("MLmodel"))]
    model = next(each for each in loaded if _is_version(each, "churn", "2"))
    found = model.predict(frame)
    assert {one: p for one, p in zip(found["customer_id"], found["probability"], strict=True) if not pd.isna(p)} == {
        one: p for one, p in scores.items() if p is not None
    }


@pytest.mark.usefixtures("company")
def test_a_migration_that_was_killed_is_completed_by_the_next(rapport, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(former_runs, "replace_model_code", _killed)
        with pytest.raises(KeyboardInterrupt):
            _migrate_in_process()
    assert format_of(DATA) == 1
    found = rapport("migrate")[1]
    assert all("served.py" in change for change in found["migrations"][0]["changes"])
    assert format_of(DATA) == CURRENT_FORMAT
    assert rapport("migrate --check")[0] == 0


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("words", ["models list", "keys list", "migrate", "due history --as-of 2026-11-20"])
def test_a_newer_format_is_refused_by_name(words, capsys):
    write_format(DATA, CURRENT_FORMAT + 1)
    with pytest.raises(DataDirError, match=rf"data has format {CURRENT_FORMAT + 1}, written by a newer Rapport"):
        app(words.split(), standalone_mode=False)
    with pytest.raises(DataDirError, match="newer Rapport"):
        AppState(Environment(data_dir=DATA))
    assert capsys.readouterr().out == ""


def test_a_newer_bundle_is_refused_by_name(tmp_path):
    (tmp_path / "bundle.json").write_text('{"format": 99}')
    with pytest.raises(BundleError, match=r"bundle of format 99; this version reads format \d+\. Install the newer"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[2]", '{"format": "2"}', '{"format": 0}', '{"format": true}'])
def test_a_damaged_format_file_is_named(tmp_path, text):
    (tmp_path / FORMAT_FILE).write_text(text)
    with pytest.raises(DataDirError, match=r"format\.json does not hold a format number"):
        check_format(tmp_path)


@pytest.mark.usefixtures("company")
def test_an_older_folder_is_read_with_a_note(capsys):
    with pytest.raises(SystemExit, match="0"):
        app(["models", "list"])
    shown = capsys.readouterr()
    assert "champion" in shown.out
    assert "has format 1 and is read as it is; `rapport migrate`" in shown.err.replace("\n", " ")


def test_a_new_folder_has_the_current_format(tmp_path):
    assert format_of(tmp_path / "none") == CURRENT_FORMAT
    KeyRing(tmp_path / "new").add("crm", ["read"], current_time())
    assert json.loads((tmp_path / "new" / FORMAT_FILE).read_text()) == {"format": CURRENT_FORMAT}
    (tmp_path / "new" / FORMAT_FILE).unlink()
    KeyRing(tmp_path / "new").add("second", ["read"], current_time())
    assert format_of(tmp_path / "new") == 1


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('zone = "UTC" # zone\n', 'timezone = "UTC" # zone\n'),
        ('"zone"="UTC"\r\n', '"timezone"="UTC"\r\n'),
        ('words.channel = {a = "visit"}\n', 'value_mapping.channel = {a = "visit"}\n'),
        ('[ words . channel ]\nzone = "x"\n', '[ value_mapping . channel ]\nzone = "x"\n'),
        ('[words]\nchannel = {active = "x"}\n', '[value_mapping]\nchannel = {active = "x"}\n'),
        ('dates="iso"\n[mapping.customers]\nzone = "z"\n', 'date_format="iso"\n[mapping.customers]\nzone = "z"\n'),
    ],
)  # fmt: skip
def test_only_names_of_settings_are_replaced(tmp_path, written, wanted):
    path = tmp_path / "rapport.toml"
    path.write_bytes(written.encode())
    before = Settings.read(path)
    assert migrate_settings(path, check=False).written
    assert path.read_bytes().decode() == wanted
    assert Settings.read(path) == before
    assert migrate_settings(path, check=False) is None


def test_a_text_that_cannot_be_replaced_safely_is_left_alone(tmp_path):
    path = tmp_path / "rapport.toml"
    path.write_text('zone = "UTC"\nplaybook = """a\nzone = b"""\n')
    found = migrate_settings(path, check=False)
    assert (found.written, found.renamed) == (False, {"zone": "timezone"})
    assert "rename by hand: zone → timezone" in found.as_text(check=False)
    assert path.read_text() == 'zone = "UTC"\nplaybook = """a\nzone = b"""\n'


def _files():
    """Return the content of every file but of locks."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.parent.name != "locks"}


def _killed(*_args, **_named):
    raise KeyboardInterrupt


def _migrate_in_process():
    from rapport.migrations import migrate  # noqa: PLC0415  # after the patch

    migrate(DATA, SETTINGS, environ={}, now=current_time())


def _features(target):
    run = json.loads((DATA / "scores" / target / "current.json").read_text())["run"]
    path = DATA / "scores" / target / "runs" / run / "features.arrow"
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pandas()


def _is_version(model, target, version):
    bundle = model.unwrap_python_model().scorer.bundle
    return (bundle.target, bundle.version) == (target, version)
