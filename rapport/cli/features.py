"""``rapport features``: the feature table of one cutoff."""

from __future__ import annotations

from rapport.cli.options import Active, AsOf, Engine, EngineName, HistorySource, Master, Out
from rapport.cli.terminal import progress, write_table
from rapport.cli.workspace import Workspace


def features(
    workspace: Workspace,
    source: HistorySource,
    as_of: AsOf,
    path: Out,
    active: Active = None,
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
) -> None:
    """Write the features of every customer known at a date."""
    from rapport.features import catalog, snapshot, vocabulary_of

    active_window = workspace.active(active)
    if engine is EngineName.spark:
        from rapport.features.spark import spark_features

        with progress() as report:
            rows = spark_features(
                source, path, as_of=as_of, active=active_window, settings=workspace.settings,
                data_dir=workspace.data_dir, master=master, progress=report,
            )  # fmt: skip
        text = f"Wrote {rows:,} customers to {path} by Spark."
        workspace.print({"rows": rows, "out": str(path)}, text)
        return
    with workspace.open_history(source) as history, progress() as report:
        report("computing features", 0.2)
        table = snapshot(history, as_of, catalog(vocabulary_of(history, as_of)), active=active_window)
        write_table(table, path)
    count = table.num_columns - 2
    text = f"Wrote {table.num_rows:,} customers × {count} features to {path}."
    workspace.print({"rows": table.num_rows, "features": count, "out": str(path)}, text)
