"""The arguments and options that several commands share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rapport.languages import CODES, LanguageCode

DATE_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


class TargetName(StrEnum):
    """What can be predicted."""

    churn = "churn"
    conversion = "conversion"


class EngineName(StrEnum):
    """Where features are computed."""

    duckdb = "duckdb"
    spark = "spark"


# Addresses of databases hold passwords: from the environment they are in no list of processes.
HistorySource = Annotated[
    str,
    typer.Argument(metavar="HISTORY", envvar="RAPPORT_HISTORY", help="A folder of tables, or a database URL."),
]
Target = Annotated[TargetName, typer.Option("--target", help="What is predicted.")]
AsOf = Annotated[datetime, typer.Option("--as-of", formats=DATE_FORMATS, help="Cutoff: only earlier facts are used.")]
OptionalAsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=DATE_FORMATS, help="Cutoff: only earlier facts are used; by default the newest row."
    ),
]
Horizon = Annotated[str | None, typer.Option("--horizon", help="Prediction horizon: 12mo, 180d.")]
Active = Annotated[
    str | None, typer.Option("--active", help="How recent an order makes a customer active: 12mo, 365d.")
]
Out = Annotated[Path, typer.Option("--out", help="The file to write, .parquet or .csv.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of models and scores; by default RAPPORT_DATA_DIR, else the settings."),
]
Language = Annotated[
    LanguageCode | None,
    typer.Option("--language", help=f"{' or '.join(CODES)}; by default that of the settings."),
]
Engine = Annotated[EngineName, typer.Option("--engine", help="Where features are computed.")]
Master = Annotated[str, typer.Option("--master", help="The Spark master's URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SettingsPath = Annotated[
    Path | None, typer.Option("--settings", help="The company's rapport.toml; by default the one in this folder.")
]
