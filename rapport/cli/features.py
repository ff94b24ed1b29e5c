"""``rapport features``: the feature table of one cutoff."""

from __future__ import annotations

from rapport.cli.inputs import locate_data_dir, open_history, read_settings
from rapport.cli.options import Active, AsOf, Engine, EngineName, HistorySource, Json, Master, Out, SettingsPath
from rapport.cli.terminal import print_result, progress, write_table
from rapport.durations import parse_duration


def features(
    source: HistorySource,
    as_of: AsOf,
    path: Out,
    active: Active = None,
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Write the features of every customer known at a date."""
    from rapport.features import catalog, snapshot, vocabulary_of

    current = read_settings(settings)
    active_window = parse_duration(active or current.active_window)
    if engine is EngineName.spark:
        from rapport.features.spark import spark_features

        with progress() as report:
            rows = spark_features(
                source,
                path,
                as_of=as_of,
                active=active_window,
                settings=current,
                data_dir=locate_data_dir(None, current),
                master=master,
                progress=report,
            )
        text = f"Wrote {rows:,} customers to {path} by Spark."
        print_result({"rows": rows, "out": str(path)}, text, as_json=as_json)
        return
    with open_history(source, current) as history, progress() as report:
        report("computing features", 0.2)
        table = snapshot(history, as_of, catalog(vocabulary_of(history, as_of)), active=active_window)
        write_table(table, path)
    count = table.num_columns - 2
    text = f"Wrote {table.num_rows:,} customers × {count} features to {path}."
    print_result({"rows": table.num_rows, "features": count, "out": str(path)}, text, as_json=as_json)
