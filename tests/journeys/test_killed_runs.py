"""Killed runs: training, scoring and promotion, each killed at moments spread over its duration."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.serving.snapshots.store import published_run_name, read_run

pytestmark = [pytest.mark.slow, pytest.mark.evidence]

AS_OF = "2025-12-01"
TRAIN = ("train", "company", "--as-of", AS_OF, "--horizon", "6mo")
SCORE = ("score", "company", "--as-of", "2025-12-08")
# Most of a run is reading and fitting, and all of its writing comes in the last part: some are killed by the clock,
# some at the n-th change that is seen on the disk.
SHARES = (0.05, 0.25, 0.5, 0.75)
CHANGES = (1, 3, 6, 10, 16, 24)


class Place:
    """A working folder with a company, its home and its scratch; every command is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "rapport-data"
        (folder / "scratch").mkdir()

    def start(self, *words: str) -> "subprocess.Popen[str]":
        surroundings = os.environ | {"TMPDIR": str(self.folder / "scratch"), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "rapport", *words], cwd=self.folder, env=surroundings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        process = self.start(*words)
        said, complained = process.communicate(timeout=300)
        assert process.returncode == 0, complained + said
        return said

    def seconds(self, *words: str) -> float:
        began = time.monotonic()
        self.run(*words)
        return time.monotonic() - began

    def killed(self, after: float, *words: str) -> bool:
        """Kill the whole process group after so many seconds; False where it had ended by then."""
        process = self.start(*words)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def killed_writing(self, changes: int, *words: str) -> bool:
        """Kill the whole process group at a change of home or scratch; False where it had ended by then."""
        process = self.start(*words)
        seen = self._disk()
        while process.poll() is None and changes:
            now = self._disk()
            changes -= now != seen
            seen = now
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def at_ten_moments(self, *words: str) -> Iterator[bool]:
        """Kill the command ten times; before each, the caller has looked at what was there.

        A run that ends before its moment gives False, and the moment is tried again, earlier.
        """
        took = self.seconds(*words)
        for share in SHARES:
            while not self.killed(took * share, *words):
                took *= 0.7
                yield False
            yield True
        for changes in CHANGES:
            while not self.killed_writing(changes, *words):
                changes = max(1, changes // 2)
                yield False
            yield True

    def _disk(self) -> set[tuple[str, int, int]]:
        found = set()
        for folder in (self.home, self.folder / "scratch"):
            for place, _, names in os.walk(folder):
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        stat = (Path(place) / name).stat()
                        found.add((f"{place}/{name}", stat.st_mtime_ns, stat.st_size))
        return found

    def models(self) -> dict[str, dict[str, object]]:
        told = json.loads(self.run("models", "list", "--json"))["models"]
        return {each["version"]: each for each in told}

    def kept(self) -> dict[str, str]:
        """Return the digest of every file of champion, versions and snapshots; not of MLflow."""
        files = [path for name in ("models", "scores") for path in (self.home / name).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def hidden(self) -> list[str]:
        """Return what half-written runs left: parts in the home, folders in the scratch."""
        parts = [path.name for path in self.home.rglob(".*") if "mlruns" not in path.parts]
        return sorted([*parts, *(path.name for path in (self.folder / "scratch").iterdir())])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A live champion, a snapshot, and a second version that can be promoted."""
    place = Place(tmp_path_factory.mktemp("killed"))
    place.run("simulate", "company", "--customers", "300", "--years", "3")
    place.run(*TRAIN)
    place.run("score", "company", "--as-of", AS_OF)
    place.run(*TRAIN)
    return place


def whole(place: Place, before: dict[str, str]) -> None:
    """Assert that nothing which was there is gone or other, and that all that is there can be read."""
    now = place.kept()
    assert {name: now.get(name) for name in before} == before
    for version in model_store.versions(place.home, "churn"):
        Bundle.load(place.home / "models" / "churn" / version)
    with sqlite3.connect(place.home / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_training_killed_at_ten_moments_leaves_champion_registry_and_snapshot(place):
    killed = place.at_ten_moments(*TRAIN)
    before, listed = place.kept(), place.models()
    ended = []
    for gone in killed:
        ended.append(gone)
        # The first training of the ten is the one whose time was taken: it adds a version, as it should.
        assert before.items() <= place.kept().items()
        before = place.kept()
        whole(place, before)
        after = place.models()
        assert {version: after[version]["grade"] for version in listed} == {
            version: each["grade"] for version, each in listed.items()
        }
        assert [version for version, each in after.items() if each["alias"] == "champion"] == ["1"]
    assert sum(ended) == 10


def test_the_next_training_works_is_promoted_and_scores(place):
    place.run(*TRAIN)
    newest = model_store.versions(place.home, "churn")[-1]
    assert f"churn {newest} is the champion now; before: 1." in place.run("models", "promote", newest)
    assert place.models()[newest]["alias"] == "champion"
    place.run("score", "company", "--as-of", "2025-12-02")


def test_a_scoring_run_killed_at_ten_moments_leaves_the_last_snapshot(place):
    completed = 0
    log = place.home / "scores/churn/publications.jsonl"
    before, published = place.kept(), log.read_text()
    for gone in place.at_ten_moments(*SCORE):
        now = place.kept()
        # A publication adds a line, and takes none away.
        assert log.read_text().startswith(published)
        published = log.read_text()
        moved = {name for name in before if name in now and now[name] != before[name]}
        # The pointer names another run only when that one is complete; a run of the same day replaces its scores.
        published_by = {"scores/churn/current.json", "scores/churn/publications.jsonl"}
        assert moved <= {*published_by, *(name for name in before if "2025-12-08" in name)}
        assert not {name for name in before if name not in now and "/runs/" not in name}
        run = read_run(place.home / "scores/churn/runs" / (published_run_name(place.home, "churn") or ""))
        assert run.cached_table("scores") is not None
        before, completed = now, completed + gone
    assert completed == 10
    assert "Scored" in place.run(*SCORE)


def test_a_promotion_killed_at_ten_moments_leaves_one_champion(place):
    versions = model_store.versions(place.home, "churn")[-2:]
    for number in range(10):
        words = ("models", "promote", versions[number % 2], "--force")
        if number < 4:
            place.killed(0.4 + number * 0.6, *words)
        else:
            place.killed_writing(number - 3, *words)
        champions = [version for version, each in place.models().items() if each["alias"] == "champion"]
        assert len(champions) == 1
        assert champions[0] in versions
        Bundle.load(model_store.champion(place.home, "churn"))


def test_later_runs_clear_what_killed_runs_left(place):
    long_ago = time.time() - 3 * 86_400
    assert place.hidden() != []
    for path in [*place.home.rglob(".*"), *(place.folder / "scratch").iterdir()]:
        for each in (path, *path.rglob("*")):
            os.utime(each, (long_ago, long_ago))
    place.run(*TRAIN)
    place.run(*SCORE[:-1], "2025-12-09")
    assert place.hidden() == []
