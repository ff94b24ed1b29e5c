"""The options that several commands share."""

from __future__ import annotations

import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.terminal import DATE_FORMATS


class TargetName(StrEnum):
    """What can be predicted."""

    churn = "churn"
    conversion = "conversion"


class LanguageName(StrEnum):
    """Languages that reasons and reports are told in."""

    en = "en"
    zh = "zh"


class EngineName(StrEnum):
    """Where features are computed."""

    duckdb = "duckdb"
    spark = "spark"


Target = Annotated[TargetName, typer.Option("--target", help="What is predicted.")]
AsOf = Annotated[datetime, typer.Option("--as-of", formats=DATE_FORMATS, help="The past is strictly before this.")]
OptionalAsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=DATE_FORMATS, help="The past is strictly before this; by default the newest row."),
]
Horizon = Annotated[str | None, typer.Option("--horizon", help="How far ahead: 12mo, 180d.")]
Active = Annotated[
    str | None, typer.Option("--active", help="How recent an order makes a customer active: 12mo, 365d.")
]
Out = Annotated[Path, typer.Option("--out", help="The file to write, .parquet or .csv.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of models and scores; by default that of the settings.")
]
Language = Annotated[LanguageName | None, typer.Option("--language", help="en or zh; by default that of the settings.")]
Engine = Annotated[EngineName, typer.Option("--engine", help="Where it runs.")]
Master = Annotated[str, typer.Option("--master", help="The Spark master's URL.")]


def home_of(home: Path | None, settings_home: str) -> Path:
    """Return the folder of models and scores: the flag, else RAPPORT_HOME, else the settings."""
    return home or Path(os.environ.get("RAPPORT_HOME", settings_home))
