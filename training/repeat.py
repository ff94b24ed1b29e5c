"""Train a version again from its record, and say whether the same model comes out."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.history import History, Settings, read_history
from rapport.scoring import Bundle, shelf
from rapport.scoring.bundle_files import MAIN, read_json
from rapport.training.recipe import Progress, silent, train
from rapport.training.told import Told

from rapport.durations import parse_span
from rapport.errors import BundleError

AFTERWARDS = ("gates", "against_champion")
"""What was added to the evaluation when the version was kept: it depends on the champion of that day."""
DECIDE_NOTHING = ("home", "scratch", "memory_limit", "threads", "playbook")


def repeat(source: str | Path, home: Path, target: str, version: str, *, progress: Progress = silent) -> Told:
    """Train from the version's record and compare byte by byte; the plain values say ``same``."""
    folder = home / "models" / target / version
    record: Mapping[str, Any] = shelf.description(home, target, version)["record"]  # type: ignore[assignment]
    if "shapes" not in record:
        raise BundleError(
            f"{target} {version} was kept by an older program; its record does not tell all. Train again."
        )
    progress("reading the history", 0.0)
    with read_history(source, Settings.of(record["settings"], where=f"the record of {target} {version}")) as history:
        again = repeated(history, record, progress=progress)
    with tempfile.TemporaryDirectory(prefix="rapport-") as place:
        made = _as_kept(again, Bundle.load(folder)).save(Path(place) / "bundle")
        others = sorted(_differ(folder, made))
    name = f"{target} {version}"
    if not others:
        return Told(f"{name} was trained again from its record: the same bundle, byte by byte.", {"same": True})
    why = list(_reasons(record, again.record))
    said = "; ".join(why) or f"the record is the same, but not {', '.join(others)}"
    return Told(f"{name} was trained again from its record: not the same. {said}.", {"same": False, "why": why})


def repeated(history: History, record: Mapping[str, Any], *, progress: Progress = silent) -> Bundle:
    """Train as the record says, from a history that was read with the settings of the record."""
    return train(
        history,
        record["target"],
        as_of=datetime.fromisoformat(record["as_of"]),
        horizon=parse_span(record["horizon"]),
        active=parse_span(record["active"]),
        search=int(record["search"]),
        progress=progress,
    ).bundle


def _as_kept(again: Bundle, kept: Bundle) -> Bundle:
    """Give the new bundle the number and the entries that the old one got when it was kept."""
    added = {name: kept.evaluation[name] for name in AFTERWARDS if name in kept.evaluation}
    record = {**again.record, "made_at": kept.record["made_at"]}
    # Where the models lie and how much of the machine was used decides nothing.
    record["settings"] = record["settings"] | {name: kept.record["settings"][name] for name in DECIDE_NOTHING}
    return replace(again, version=kept.version, evaluation={**again.evaluation, **added}, record=record)


def _differ(one: Path, other: Path) -> Iterator[str]:
    names = {path.name for folder in (one, other) for path in folder.iterdir()}
    for name in names:
        pair = [folder / name for folder in (one, other)]
        if not all(path.is_file() for path in pair) or pair[0].read_bytes() != pair[1].read_bytes():
            yield from _parts(*pair) if name == MAIN else (name,)


def _parts(one: Path, other: Path) -> list[str]:
    left, right = read_json(one), read_json(other)
    return [f"{name} in {MAIN}" for name in left | right if left.get(name) != right.get(name)]


def _reasons(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say what the runs had not in common, of what a model depends on."""
    if then["tables"] != now["tables"]:
        yield f"the history had {_counts(then['tables'])} rows, now {_counts(now['tables'])}"
    elif then["data_fingerprint"] != now["data_fingerprint"]:
        yield "the history holds as many rows, but not the same ones (data fingerprint)"
    if then["catalog_fingerprint"] != now["catalog_fingerprint"]:
        yield "the catalog of features is another"
    then_versions = {"Python": then["python"], **then["versions"]}
    now_versions = {"Python": now["python"], **now["versions"]}
    moved = [name for name in then_versions if then_versions[name] != now_versions.get(name)]
    yield from (f"{name} {then_versions[name]} then, {now_versions.get(name, 'none')} now" for name in moved)


def _counts(tables: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in tables.items())
