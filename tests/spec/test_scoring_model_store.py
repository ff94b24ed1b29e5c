"""The model store: champions, rollback, and no incomplete publication."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rapport.errors import BundleError
from rapport.scoring.models import model_store

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def published(tmp_path: Path, *versions: str) -> Path:
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "bundle.json").write_text('{"format": 1}', "utf-8")
    for version in versions:
        model_store.publish(folder, tmp_path / "home", "churn", version)
    return tmp_path / "home"


def test_the_champion_is_the_last_promoted_version(tmp_path):
    home = published(tmp_path, "1", "2", "10")
    model_store.set_champion(home, "churn", "1", NOON)
    model_store.set_champion(home, "churn", "10", NOON)
    assert model_store.champion(home, "churn") == home / "models" / "churn" / "10"
    assert [reign.version for reign in model_store.history(home, "churn")] == ["1", "10"]
    assert model_store.versions(home, "churn") == ["1", "2", "10"]
    assert model_store.targets(home) == ["churn"]


def test_repeated_rollbacks_walk_back_through_the_champions(tmp_path):
    home = published(tmp_path, "1", "2", "3", "4")
    for version in ("1", "2", "3"):
        model_store.set_champion(home, "churn", version, NOON)
    assert model_store.rollback(home, "churn", NOON) == "2"
    assert model_store.rollback(home, "churn", NOON) == "1"
    with pytest.raises(BundleError, match="had no champion before"):
        model_store.rollback(home, "churn", NOON)
    model_store.set_champion(home, "churn", "4", NOON)
    assert model_store.rollback(home, "churn", NOON) == "1"


def test_invalid_publications_are_refused(tmp_path):
    home = published(tmp_path, "1")
    with pytest.raises(BundleError, match="is already published"):
        model_store.publish(tmp_path / "trained", home, "churn", "1")
    with pytest.raises(BundleError, match=r"no published version 9. Published: 1"):
        model_store.set_champion(home, "churn", "9", NOON)
    with pytest.raises(BundleError, match="is not a name"):
        model_store.publish(tmp_path / "trained", home, "churn", "../../etc")
    with pytest.raises(BundleError, match="there is no conversion model"):
        model_store.champion(home, "conversion")


def test_an_interrupted_publication_is_invisible(tmp_path):
    home = published(tmp_path, "1")
    left = home / "models" / "churn" / ".2.4711.part"
    left.mkdir()
    (left / "bundle.json").write_text("{", "utf-8")
    assert model_store.versions(home, "churn") == ["1"]


def test_observed_outcomes_are_stored_by_day_newest_first(tmp_path):
    first = {"as_of": "2026-01-01", "band": 1, "predicted": 0.1, "actual": 0.2, "count": 9}
    again, later = first | {"actual": 0.3}, first | {"as_of": "2026-02-01"}
    (tmp_path / "models" / "churn").mkdir(parents=True)
    for bands in ([first], [later], [again], []):
        model_store.keep_matured(tmp_path, "churn", "7", bands)
    assert model_store.matured(tmp_path, "churn", "7") == [later, again]
    assert model_store.matured(tmp_path, "churn", "8") == []
