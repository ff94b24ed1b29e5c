"""The alert rules in force, and a draft of other rules with its replay on history before it is switched on."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rapport.files import WatchedFile, read_json, replace_text
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.alerts.rules import AlertRules, parse_rules, rules_text
from rapport.scoring.cards.config_models import parse_config
from rapport.serving.errors import RequestError, message
from rapport.serving.processes import Run, is_alive, run_command

_FOLDER = "alert-rules"
_NO_STATE: Mapping[str, object] = {"rules": "", "running": False, "problem": "", "process": 0, "result": None}


class RulesInForce:
    """The rules that were switched on in the console; until then those of the playbook."""

    def __init__(self, data_dir: Path, playbook: Callable[[], Playbook]) -> None:
        self.path, self._playbook = data_dir / _FOLDER / "in-force.yaml", playbook
        self._file: WatchedFile[AlertRules | None] = WatchedFile(self.path, _read_rules, None)

    def __call__(self) -> AlertRules:
        """Return the rules; the file is read again when it changed."""
        found = self._file.content()
        return self._playbook().rules if found is None else found


class AlertRuleDraft:
    """The draft of the company's alert rules: edited, replayed on the rows of the last scoring run, switched on."""

    def __init__(
        self, data_dir: Path, in_force: RulesInForce, settings_file: Path | None = None, run: Run = run_command
    ) -> None:
        self._data_dir, self._folder, self._settings_file = data_dir, data_dir / _FOLDER, settings_file
        self.in_force, self._run = in_force, run
        self._draft, self._state = self._folder / "draft.yaml", self._folder / "replay.json"

    @property
    def is_open(self) -> bool:
        """Whether there is a draft that is not switched on."""
        return self._draft.is_file()

    def rules(self) -> AlertRules:
        """Return the rules of the draft; without one, those in force."""
        return _read_rules(self._draft) if self.is_open else self.in_force()

    def save(self, rules: AlertRules) -> None:
        """Keep other rules as the draft, if they are valid; rules as those in force end the draft."""
        text = rules_text(rules)
        parse_rules(text, "alerts.yaml")
        if text == rules_text(self.in_force()):
            self.discard()
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_text(self._draft, text)

    def save_rule(self, document: Mapping[str, object], replaced: str) -> None:
        """Keep one rule of the draft as it was written in a form, in place of the rule named ``replaced``."""
        (rule,) = parse_config(AlertRules, {"capacity_per_week": 1, "rules": [document]}, "alerts.yaml").rules
        current = self.rules()
        kept = [rule if each.name == replaced else each for each in current.rules]
        self.save(replace(current, rules=tuple(kept if replaced else [*kept, rule])))

    def delete_rule(self, name: str) -> None:
        """Delete one rule of the draft."""
        current = self.rules()
        self.save(replace(current, rules=tuple(rule for rule in current.rules if rule.name != name)))

    def save_limits(self, capacity: str, quiet_from: str, quiet_to: str) -> None:
        """Keep other limits of the draft, as they were written in a form; without quiet hours both are empty."""
        quiet = {"from": _whole(quiet_from), "to": _whole(quiet_to)} if quiet_from or quiet_to else None
        document = self.rules().to_dict() | {"capacity_per_week": _whole(capacity), "quiet_hours": quiet}
        self.save(parse_config(AlertRules, document, "alerts.yaml"))

    def discard(self) -> None:
        """Drop the draft."""
        self._draft.unlink(missing_ok=True)

    def changes(self) -> list[tuple[str, str]]:
        """Return the names of the rules that the draft adds, changes or deletes, each with what it does."""
        # Compared as they are written: two rules are equal if only their texts in a further language differ.
        before = {rule.name: rule.to_dict() for rule in self.in_force().rules}
        after = {rule.name: rule.to_dict() for rule in self.rules().rules}
        found = [
            (name, "added" if name not in before else "changed") for name in after if before.get(name) != after[name]
        ]
        return found + [(name, "deleted") for name in before if name not in after]

    def replay(self) -> None:
        """Replay the draft in the background; a replay that runs is left alone."""
        if self.state()["running"]:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        text = rules_text(self.rules())
        self._set_state(text, running=True)
        threading.Thread(target=self._replayed, args=(text,), name="rapport-alert-replay", daemon=True).start()

    def state(self) -> dict[str, Any]:
        """Return whether a replay runs, why it failed, its result, and whether it is one of the present rules."""
        found = read_json(self._state) or dict(_NO_STATE)
        if found["running"] and not is_alive(int(found["process"])):
            found |= {"running": False, "problem": "stopped"}
        return {**found, "is_current": found["rules"] == _fingerprint(rules_text(self.rules()))}

    def switch_on(self, by: str, at: str) -> None:
        """Put the draft in force; RequestError before its replay has ended."""
        state = self.state()
        if state["running"] or not state["is_current"]:
            raise RequestError(409, message("rules_not_replayed"), where="replay")
        text = rules_text(self.rules())
        replace_text(self.in_force.path, f"# Switched on in the console by {by}, {at}.\n{text}")
        self.discard()

    def return_to_playbook(self) -> None:
        """Put the rules of the playbook in force again."""
        self.in_force.path.unlink(missing_ok=True)

    @property
    def switched_on(self) -> str:
        """Return who switched the rules in force on, and when; empty while they are the playbook's."""
        try:
            first = self.in_force.path.read_text(encoding="utf-8").partition("\n")[0]
        except OSError:
            return ""
        return first.removeprefix("# Switched on in the console by ").rstrip(".")

    def _replayed(self, text: str) -> None:
        rules, result, log = (self._folder / name for name in ("replayed.yaml", "replay-result.json", "replay.log"))
        result.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        replace_text(rules, text)
        words = ["alerts", "replay", "--rules", str(rules), "--data-dir", str(self._data_dir), "--json"]
        words += ["--settings", str(self._settings_file)] if self._settings_file else []
        try:
            code = self._run(words, result, log)
            found = json.loads(result.read_text(encoding="utf-8")) if code == 0 else None
            problem = "" if code == 0 else _last_line(log)
        except (OSError, ValueError) as error:
            found, problem = None, str(error)
        self._set_state(text, running=False, problem=problem, result=found)

    def _set_state(self, text: str, *, running: bool, problem: str = "", result: object = None) -> None:
        state = {"rules": _fingerprint(text), "running": running, "problem": problem, "process": os.getpid()}
        replace_text(self._state, json.dumps(state | {"result": result}, ensure_ascii=False))


def _read_rules(path: Path) -> AlertRules:
    return parse_rules(path.read_text(encoding="utf-8"), f"{_FOLDER}/{path.name}")


def _whole(text: str) -> int | str:
    return int(text) if text.strip().isdecimal() else text


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "?"
