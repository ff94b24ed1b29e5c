"""``rapport runs``: the scoring runs on disk, and which of them answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from rapport.cli.inputs import current_time
from rapport.cli.options import Target, TargetName
from rapport.cli.workspace import Commands, Workspace
from rapport.errors import ServingError

app = Commands(help="List, show and roll back scoring runs.", no_args_is_help=True)

Run = Annotated[str, typer.Argument(help="The run, as `rapport runs list` shows it.")]
OptionalRun = Annotated[
    str | None, typer.Argument(help="The run that shall answer; by default the one that answered before.")
]


@app.command(name="list")
def list_runs(workspace: Workspace, target: Target = TargetName.churn) -> None:
    """List the stored runs: cutoff, model, customers, mean probability, flags, and which one answers."""
    from rapport.serving.snapshots.refused_run import refused_run
    from rapport.serving.snapshots.store import published_run_name, stored_runs

    answering = published_run_name(workspace.data_dir, target.value)
    rows = [_row(run, answering) for run in stored_runs(workspace.data_dir, target.value)]
    refused = refused_run(workspace.data_dir, target.value)
    lines = [*map(_line, rows), *(_refusal(refused) if refused else ())]
    workspace.print(
        {"target": target.value, "runs": rows, "refused": refused},
        "\n".join(lines) or f"No run of {target.value} is stored; run: rapport score HISTORY --as-of DATE.",
    )


@app.command()
def show(workspace: Workspace, run: Run, target: Target = TargetName.churn) -> None:
    """Show everything recorded about a run, with what its gates found and since when it answered."""
    from rapport.serving.snapshots.store import publications, published_run_name

    found = _find(workspace.data_dir, target.value, run)
    answering = published_run_name(workspace.data_dir, target.value)
    row = _row(found, answering) | {
        "tables": dict(found.manifest.facts.get("rows", {})),
        "published": [each for each in publications(workspace.data_dir, target.value) if each["run"] == run],
    }
    lines = [_line(row), *(f"FLAG: {each['message']}" for each in row["gates"])]
    lines += [f"{name}: {rows:,} rows" for name, rows in row["tables"].items()]
    lines += [f"Published {each['at']} by {each['by']}." for each in row["published"]]
    workspace.print(row, "\n".join(lines))


@app.command()
def rollback(workspace: Workspace, run: OptionalRun = None, target: Target = TargetName.churn) -> None:
    """Let an earlier run answer again, until the next run is published."""
    from rapport.locks import exclusive
    from rapport.serving.snapshots.store import publications, publish, published_run_name

    folder, now = workspace.data_dir, current_time()
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
    workspace.print({"run": run, "before": answering}, text)


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


def _refusal(refused: Mapping[str, Any]) -> list[str]:
    """Return the lines of the run that was refused since the last one was published."""
    first = f"REFUSED on {refused['at'][:10]}: the run of {refused['as_of'][:10]}, started by {refused['by']}"
    return [first, *(f"  {each['message']}" for each in refused["reasons"])]


def _line(row: dict[str, Any]) -> str:
    mean = f"mean {row['mean']:.1%}" if row["mean"] is not None else "mean unknown"
    notes = [f"{len(row['gates'])} flags"] if row["gates"] else []
    notes += ["forced"] if row["forced"] else []
    notes += ["answers"] if row["answers"] else []
    return "  ".join(
        [row["run"], f"model {row['version']}", f"{row['customers']:,} customers", mean, ", ".join(notes)]
    ).rstrip()
