"""Planted faults and clean nights: what the gates refuse, flag and miss.

``python benchmarks/gates.py faults FOLDER [KIND …]`` plants each kind of fault at three sizes in copies of a history,
with a champion in ``FOLDER/data`` (made if absent). For each way in (a run after a published one, the first run of a
model, ``rapport check``, ``rapport monitor``) it prints whether the fault is refused, flagged or missed, and how far
the mean score moved. ``python benchmarks/gates.py nights [HISTORY …]`` counts refusals and flags on clean nights of
invented companies and of the named histories.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from parts.planted_faults import Fault, plant, planted_faults

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import History, Settings, read_history
from rapport.history.checks import check_history
from rapport.history.checks.finding import Finding
from rapport.history.checks.gates import Baseline, run_gates
from rapport.history.checks.gates.feeds import rows_before
from rapport.history.simulate import simulate
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.models.scorer import Scorer
from rapport.serving.snapshots.live_model import catalog_of
from rapport.serving.snapshots.publication_gates import baseline_of, score_findings, score_summary
from rapport.serving.snapshots.store import Manifest, ScoringRun
from rapport.training import default_cutoff, monitor_champion, register, train


def score(history: History, bundle: Bundle, as_of: datetime) -> Any:
    """Score the history without publishing."""
    table = snapshot(history, as_of, catalog_of(bundle), active=parse_duration(bundle.active_window), rule=bundle.rule)
    return Scorer(bundle).score(table.sort_by("customer_id"), as_of)


@dataclass(frozen=True)
class Setup:
    """The champion, the run it published on the clean history, and where both are."""

    data: Path
    bundle: Bundle
    last: ScoringRun
    now: datetime


def measure_faults(folder: Path, kinds: Sequence[str] = ()) -> None:
    """Print one line for each planted fault, and how many each way in caught."""
    company, data = folder / "company", folder / "data"
    bundle = _champion(company, data)
    with read_history(company) as clean:
        as_of = default_cutoff(clean)
        before = score_summary(score(clean, bundle, as_of))
        facts = {"summary": before, "rows": rows_before(clean, as_of)}
    last = ScoringRun(Path(), Manifest("churn", as_of.isoformat(), "", bundle.version, "", 0, (), facts))
    setup = Setup(data, bundle, last, as_of + timedelta(days=1))
    print(f"clean: mean {before['mean']:.4f}, {before['customers']} customers")
    print(f"{'':<50}{'next run':<10}{'first run':<10}{'check':<10}{'monitor':<10}mean score")
    with read_history(company) as history:
        _judge("clean", "", history, setup, as_of)
        for days in (7, 180, 700):
            _judge("cutoff in the future", f"{days} days", history, setup, as_of + timedelta(days=days))
    faults = [each for each in planted_faults() if not kinds or each.kind in kinds]
    verdicts = [each for fault in faults if (each := _judge_fault(company, fault, setup, as_of)) is not None]
    for place, name in enumerate(("next run", "first run", "check", "monitor")):
        missed = sum(each[place] == "missed" for each in verdicts)
        print(f"{name}: {len(verdicts) - missed} of {len(verdicts)} planted faults refused or flagged")


def _judge_fault(company: Path, fault: Fault, setup: Setup, as_of: datetime) -> tuple[str, ...] | None:
    with TemporaryDirectory() as place:
        plant(company, Path(place), fault)
        try:
            with read_history(Path(place)) as history:
                moment = as_of if fault.stops_feed else default_cutoff(history)
                return _judge(fault.kind, fault.size, history, setup, moment)
        except ValueError as error:
            print(f"{fault.kind:<26}{fault.size:<24}refused everywhere: {str(error)[:70]}", flush=True)
            return None


def _judge(kind: str, size: str, history: History, setup: Setup, as_of: datetime) -> tuple[str, ...]:
    """Print what each way in says of the history, and return it."""
    gates = run_gates(history, as_of, baseline_of(setup.bundle, setup.last, setup.now))
    first = run_gates(history, as_of, baseline_of(setup.bundle, None, setup.now))
    scored = score(history, setup.bundle, as_of)
    found = [
        gates + score_findings(scored, setup.last),
        first + score_findings(scored, None),
        [each for each in check_history(history).findings if each.level != "note"],
    ]
    verdicts = (*map(_verdict, found), _monitor_verdict(history, setup, as_of, gates))
    before = float(setup.last.manifest.facts["summary"]["mean"])
    change = score_summary(scored)["mean"] / before - 1
    codes = ", ".join(sorted({each.code for each in found[0]} | {f"{each.code} (check)" for each in found[2]}))
    print(f"{kind:<26}{size:<24}{''.join(f'{each:<10}' for each in verdicts)}{change:+8.1%}  {codes}", flush=True)
    return verdicts


def _verdict(findings: Sequence[Finding]) -> str:
    return "refused" if any(each.level == "stop" for each in findings) else "flagged" if findings else "missed"


def _monitor_verdict(history: History, setup: Setup, as_of: datetime, gates: Sequence[Finding]) -> str:
    """Return ``exit 1`` where the command ends so."""
    if any(each.level == "stop" for each in gates):
        return "exit 1"
    alert = monitor_champion(history, setup.data, "churn", as_of=as_of).alert
    return "exit 1" if alert else "flagged" if gates else "missed"


def _champion(company: Path, data: Path) -> Bundle:
    if not company.exists():
        simulate(company, 500, 3, 7)
    if not (data / "models").exists():
        with read_history(company) as history:
            as_of = default_cutoff(history)
            half = parse_duration("6mo")
            trained = train(history, "churn", as_of=as_of, horizon=half, active=parse_duration("12mo"))
            register(trained, data_dir=data, environ={}, now=datetime.now().astimezone())
    return Bundle.load(model_store.champion(data, "churn"))


def measure_nights(histories: list[Path], companies: int = 20, nights: int = 25) -> None:
    """Count refusals on clean nights; each invented company has another size and seed."""
    with TemporaryDirectory() as place:
        for seed in range(companies):
            simulate(Path(place) / f"company-{seed}", 40 + 35 * seed, 3, seed)
        total = refused = 0
        for source in [*sorted(Path(place).iterdir()), *histories]:
            if source.name.endswith(".truth"):
                continue
            count, bad, flags = _nights_of(source, nights)
            total, refused = total + count, refused + len(bad)
            print(f"{source.name:<22}{count} nights, {len(bad)} refused {sorted(set(bad))}, {flags}", flush=True)
        print(f"{refused} of {total} clean nights refused")


def _nights_of(source: Path, nights: int) -> tuple[int, list[str], dict[str, int]]:
    """Return the number of nights, the codes of refusals, and on how many nights each flag came."""
    draw, bad, flags = random.Random(source.name), [], dict[str, int]()
    settings = Settings.read(source / "rapport.toml") if (source / "rapport.toml").exists() else Settings()
    with read_history(source, settings) as history:
        end = default_cutoff(history)
        first = history.time_range()[0] or end
        latest = end if (end - first).days > 400 else first + timedelta(days=400)
        for _ in range(nights):
            as_of = end - timedelta(days=int(draw.random() * max((latest - first).days - 300, 30)))
            trained = as_of - timedelta(days=int(draw.random() * 90))
            tables = tuple(name for name, rows in history.rows.items() if rows)
            found = run_gates(history, as_of, Baseline(tables, trained, now=as_of))
            bad += [each.code for each in found if each.level == "stop"][:1]
            for code in {each.code for each in found if each.level != "stop"}:
                flags[code] = flags.get(code, 0) + 1
    return nights, bad, flags


if __name__ == "__main__":
    np.seterr(all="ignore")
    if sys.argv[1] == "faults":
        measure_faults(Path(sys.argv[2]), sys.argv[3:])
    else:
        measure_nights([Path(each) for each in sys.argv[2:]])
