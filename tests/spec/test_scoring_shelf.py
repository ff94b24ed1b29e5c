"""The shelf of published bundles: what is champion, what was, and that nothing half-written shows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rapport.scoring import shelf

from rapport.errors import BundleError

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def published(tmp_path: Path, *versions: str) -> Path:
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "bundle.json").write_text('{"format": 1}', "utf-8")
    for version in versions:
        shelf.publish(folder, tmp_path / "home", "churn", version)
    return tmp_path / "home"


def test_the_champion_is_the_last_one_crowned(tmp_path):
    home = published(tmp_path, "1", "2", "10")
    shelf.crown(home, "churn", "1", NOON)
    shelf.crown(home, "churn", "10", NOON)
    assert shelf.champion(home, "churn") == home / "models" / "churn" / "10"
    assert [reign.version for reign in shelf.history(home, "churn")] == ["1", "10"]
    assert shelf.versions(home, "churn") == ["1", "2", "10"]
    assert shelf.targets(home) == ["churn"]


def test_rolling_back_walks_down_the_line_of_champions(tmp_path):
    home = published(tmp_path, "1", "2", "3", "4")
    for version in ("1", "2", "3"):
        shelf.crown(home, "churn", version, NOON)
    assert shelf.rollback(home, "churn", NOON) == "2"
    assert shelf.rollback(home, "churn", NOON) == "1"
    with pytest.raises(BundleError, match="nothing to roll back to"):
        shelf.rollback(home, "churn", NOON)
    shelf.crown(home, "churn", "4", NOON)
    assert shelf.rollback(home, "churn", NOON) == "1"


def test_what_cannot_be_on_the_shelf_is_refused(tmp_path):
    home = published(tmp_path, "1")
    with pytest.raises(BundleError, match="on the shelf already"):
        shelf.publish(tmp_path / "trained", home, "churn", "1")
    with pytest.raises(BundleError, match=r"no version 9 on the shelf. There: 1"):
        shelf.crown(home, "churn", "9", NOON)
    with pytest.raises(BundleError, match="is no name"):
        shelf.publish(tmp_path / "trained", home, "churn", "../../etc")
    with pytest.raises(BundleError, match="there is no conversion model"):
        shelf.champion(home, "conversion")


def test_what_a_killed_writer_left_is_not_on_the_shelf(tmp_path):
    home = published(tmp_path, "1")
    left = home / "models" / "churn" / ".2.4711.part"
    left.mkdir()
    (left / "bundle.json").write_text("{", "utf-8")
    assert shelf.versions(home, "churn") == ["1"]


def test_what_became_of_predictions_is_kept_by_day_newest_first(tmp_path):
    first = {"as_of": "2026-01-01", "band": 1, "predicted": 0.1, "actual": 0.2, "count": 9}
    again, later = first | {"actual": 0.3}, first | {"as_of": "2026-02-01"}
    (tmp_path / "models" / "churn").mkdir(parents=True)
    for bands in ([first], [later], [again], []):
        shelf.keep_matured(tmp_path, "churn", "7", bands)
    assert shelf.matured(tmp_path, "churn", "7") == [later, again]
    assert shelf.matured(tmp_path, "churn", "8") == []
