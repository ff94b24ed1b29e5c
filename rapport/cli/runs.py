"""``rapport runs``: the scoring runs on disk, and which of them answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rapport.cli.inputs import current_time, read_settings, resolve_data_dir, settings_and_data_dir
from rapport.cli.options import DataDir, Json, SettingsPath, Target, TargetName
from rapport.cli.terminal import print_result
from rapport.errors import ServingError

app = typer.Typer(help="List, show and roll back scoring runs.", no_args_is_help=True)

Run = Annotated[str, typer.Argument(help="The run, as `rapport runs list` shows it.")]
OptionalRun = Annotated[
    str | None, typer.Argument(help="The run that shall answer; by default the one that answered before.")
]


@app.command(name="list")
def list_runs(
    target: Target = TargetName.churn, data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """List the stored runs: cutoff, model, customers, mean probability, flags, and which one answers."""
    from rapport.serving.snapshots.store import published_run_name, stored_runs

    _, folder = settings_and_data_dir(settings, data_dir)
    answering = published_run_name(folder, target.value)
    rows = [_row(run, answering) for run in stored_runs(folder, target.value)]
    lines = [_line(row) for row in rows]
    print_result(
        {"target": target.value, "runs": rows},
        "\n".join(lines) or f"No run of {target.value} is stored; run: rapport score HISTORY --as-of DATE.",
        as_json=as_json,
    )


@app.command()
def show(
    run: Run,
    target: Target = TargetName.churn,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Show everything recorded about a run, with what its gates found and since when it answered."""
    from rapport.serving.snapshots.store import publications, published_run_name

    _, folder = settings_and_data_dir(settings, data_dir)
    found = _find(folder, target.value, run)
    answering = published_run_name(folder, target.value)
    row = _row(found, answering) | {
        "tables": dict(found.manifest.facts.get("rows", {})),
        "published": [each for each in publications(folder, target.value) if each["run"] == run],
    }
    lines = [_line(row), *(f"FLAG: {each['message']}" for each in row["gates"])]
    lines += [f"{name}: {rows:,} rows" for name, rows in row["tables"].items()]
    lines += [f"Published {each['at']} by {each['by']}." for each in row["published"]]
    print_result(row, "\n".join(lines), as_json=as_json)


@app.command()
def rollback(
    run: OptionalRun = None,
    target: Target = TargetName.churn,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Let an earlier run answer again, until the next run is published."""
    from rapport.locks import exclusive
    from rapport.serving.snapshots.store import publications, publish, published_run_name

    folder, now = resolve_data_dir(data_dir, read_settings(settings)), current_time()
    answering = published_run_name(folder, target.value)
    if run is None:
        earlier = [each["run"] for each in publications(folder, target.value) if each["run"] != answering]
        stored = [name for name in earlier if (folder / "scores" / target.value / "runs" / name).is_dir()]
        if not stored:
            raise ServingError("No earlier run is stored, so there is none to go back to. See: rapport runs list.")
        run = stored[-1]
    chosen = _find(folder, target.value, run)
    with exclusive(folder, f"scores-{target.value}", f"going back to its run {run}", now=now):
        publish(folder, target.value, run, at=now.isoformat(timespec="seconds"), by="rollback")
    text = f"The run {run} of {chosen.manifest.as_of[:10]} answers now, in place of {answering}."
    print_result({"run": run, "before": answering}, text, as_json=as_json)


def _find(data_dir: Any, target: str, name: str) -> Any:
    from rapport.serving.snapshots.store import stored_runs

    runs = {run.folder.name: run for run in stored_runs(data_dir, target)}
    if name not in runs:
        listed = ", ".join(runs) or "none"
        raise ServingError(f"{name}: no such run of {target} is stored. There are: {listed}.")
    return runs[name]


def _row(run: Any, answering: str | None) -> dict[str, Any]:
    manifest = run.manifest
    summary = manifest.facts.get("summary", {})
    return {
        "run": run.folder.name,
        "as_of": manifest.as_of[:10],
        "scored_at": manifest.scored_at,
        "version": manifest.version,
        "customers": summary.get("customers", manifest.rows),
        "mean": summary.get("mean"),
        "value_at_risk": summary.get("value_at_risk"),
        "gates": list(manifest.facts.get("gates", [])),
        "forced": bool(manifest.facts.get("forced")),
        "answers": run.folder.name == answering,
    }


def _line(row: dict[str, Any]) -> str:
    mean = f"mean {row['mean']:.1%}" if row["mean"] is not None else "mean unknown"
    notes = [f"{len(row['gates'])} flags"] if row["gates"] else []
    notes += ["forced"] if row["forced"] else []
    notes += ["answers"] if row["answers"] else []
    return "  ".join(
        [row["run"], f"model {row['version']}", f"{row['customers']:,} customers", mean, ", ".join(notes)]
    ).rstrip()
