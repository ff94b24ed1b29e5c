"""The first run from the browser: uploaded files, the mapping that they suggest, then training and scoring."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.errors import RapportError
from rapport.files import atomic_write, read_json, replace_text
from rapport.history import read_history
from rapport.history.checks import CheckReport, check_history
from rapport.history.mapping import propose_mapping
from rapport.history.mapping.settings_file import OpenQuestion, open_questions, samples, settings_of, settings_text
from rapport.localized import LocalizedText
from rapport.scoring.models import model_store
from rapport.scoring.models.published import load_published
from rapport.serving.errors import RequestError, message
from rapport.serving.processes import Run, is_alive, run_command
from rapport.serving.snapshots.live_model import TARGETS

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".parquet", ".json", ".jsonl", ".gz", ".zip")
MAX_FILES = 50
_LOG_LINES = 30


@dataclass(frozen=True)
class Review:
    """What was understood of the uploaded files."""

    tables: tuple[tuple[str, str], ...]
    samples: Mapping[str, tuple[int, Mapping[str, Sequence[str]]]]
    questions: tuple[OpenQuestion, ...]
    unused: tuple[str, ...]
    doubts: tuple[LocalizedText, ...]
    report: CheckReport


class FirstRun:
    """The upload folder of a data folder, and the one run that it leads to."""

    def __init__(self, data_dir: Path, settings_file: Path | None, run: Run | None = None) -> None:
        self._data_dir, self._folder = data_dir, data_dir / "upload"
        self.files = self._folder / "files"
        self.settings_file = settings_file or data_dir / "rapport.toml"
        self._state_file, self._log = self._folder / "state.json", self._folder / "run.log"
        self._run = run or run_command

    @property
    def is_open(self) -> bool:
        """Whether nothing was trained here yet."""
        return not any(model_store.history(self._data_dir, target) for target in TARGETS)

    def names(self) -> list[str]:
        """Return the names of the uploaded files."""
        return sorted(path.name for path in self.files.iterdir()) if self.files.is_dir() else []

    def store(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Keep files in place of those of an earlier upload."""
        named = [(Path(name.replace("\\", "/")).name, content) for name, content in files if name]
        if not named:
            raise RequestError(422, message("no_file"), where="files")
        for name, _ in named:
            if not name.lower().endswith(ENDINGS) or name.startswith("."):
                raise RequestError(422, message("wrong_ending", name=name, known=", ".join(ENDINGS)), where="files")
        shutil.rmtree(self.files, ignore_errors=True)
        for name, content in named:
            with atomic_write(self.files / name) as part:
                part.write_bytes(content)

    def review(self, answers: Mapping[str, str]) -> Review:
        """Read the files with the proposed mapping; an ambiguous question without an answer takes the usual one."""
        proposal = propose_mapping(self.files)
        questions = open_questions(proposal)
        chosen = {each.name: answers.get(each.name) or each.usual for each in questions}
        with read_history(self.files, settings_of(proposal, chosen)) as history:
            found, report = samples(history), check_history(history)
        tables = tuple((each.table.name, each.source) for each in proposal.tables)
        return Review(tables, found, questions, proposal.unused, proposal.doubts, report)

    def start(self, answers: Mapping[str, str]) -> None:
        """Write the settings file with the answers, then train and score in the background."""
        proposal = propose_mapping(self.files)
        chosen = {}
        for question in open_questions(proposal):
            answer = answers.get(question.name, "").strip()
            if not answer or (question.choices and answer not in question.choices):
                raise RequestError(422, _unanswered(question), where=question.name)
            chosen[question.name] = answer
        settings_of(proposal, chosen)
        if self.state()["running"]:
            return
        self.settings_file.parent.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(settings_text(proposal, chosen), encoding="utf-8")
        self._set_state("start", running=True)
        threading.Thread(target=self._steps, name="rapport-first-run", daemon=True).start()

    def state(self) -> dict[str, Any]:
        """Return the step, whether it runs, why it failed, and the last lines of its log."""
        found = read_json(self._state_file) or {"step": "", "running": False, "problem": "", "process": 0}
        if found["running"] and not is_alive(int(found["process"])):
            found |= {"running": False, "problem": "stopped"}
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.is_file() else []
        return {**found, "log": lines[-_LOG_LINES:]}

    def _steps(self) -> None:
        """Train and score each target that the files suffice for; one of them is enough."""
        self._log.unlink(missing_ok=True)
        common = ["--settings", str(self.settings_file), "--data-dir", str(self._data_dir)]
        done = 0
        try:
            for target in TARGETS:
                self._set_state(f"train.{target}", running=True)
                if self._run(["train", str(self.files), "--target", target, *common], self._log, self._log):
                    continue
                as_of = str(load_published(self._data_dir, target).provenance["as_of"])[:10]
                self._set_state(f"score.{target}", running=True)
                words = ["score", str(self.files), "--as-of", as_of, "--target", target, *common]
                scored = self._run(words, self._log, self._log)
                done += not scored
        except (RapportError, OSError) as error:
            self._set_state("failed", running=False, problem=str(error))
            return
        self._set_state("done" if done else "failed", running=False, problem="" if done else "exit")

    def _set_state(self, step: str, *, running: bool, problem: str = "") -> None:
        state = {"step": step, "running": running, "problem": problem, "process": os.getpid()}
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_text(self._state_file, json.dumps(state))


def _unanswered(question: OpenQuestion) -> LocalizedText:
    key = "unanswered_of" if question.choices else "unanswered"
    return message(key, question=question.text, choices=", ".join(question.choices))
