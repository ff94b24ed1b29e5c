"""Spark: one that is running, or one that is started here. PySpark is imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rapport.errors import SettingsError

# Java only moves bytes here and lives for one command: code made in haste is enough, and starts in half the time.
_BRISK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Session:
    """A Spark that runs: ``context`` moves and schedules, which is all that files shared with the workers need."""

    context: Any

    @cached_property
    def tables(self) -> Any:
        """Return what reads and writes tables by Spark itself; it takes as long to load as Java takes to start."""
        sql = importlib.import_module("pyspark.sql")
        spark = sql.SparkSession(self.context)
        # Local times are told apart from instants, and a batch is worth its journey to Python.
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "200000")
        return spark


def session(master: str | None = None) -> Session:
    """Return the Spark that is running in this process, or start one."""
    pyspark, errors = importlib.import_module("pyspark"), importlib.import_module("pyspark.errors")
    asked = {"spark.app.name": "rapport", "spark.ui.showConsoleProgress": "false"}
    if master:
        asked |= {"spark.master": master, "spark.ui.enabled": "false", "spark.driver.memory": "2g"}
    if master and _is_here(master):
        asked["spark.driver.extraJavaOptions"] = _BRISK
    try:
        context = pyspark.SparkContext.getOrCreate(pyspark.SparkConf().setAll(list(asked.items())))
    except errors.PySparkRuntimeError as error:
        raise SettingsError(
            "Spark could not be started. It needs Java 17: install one (apt-get install openjdk-17-jre-headless), "
            f"set JAVA_HOME, or name another master. It says: {str(error).splitlines()[0]}"
        ) from error
    if master and _is_here(master):
        # Workers of this machine run in this very Python, not in the first one of the PATH.
        context.pythonExec = sys.executable
    context.setLogLevel("ERROR")
    return Session(context)


def is_mounted(spark: Session, place: str | Path) -> bool:
    """Return whether a folder is one of this machine's file system, which Spark's workers then share with it."""
    configuration = spark.context._jsc.hadoopConfiguration()
    return "://" not in str(place) and str(configuration.get("fs.defaultFS")).startswith("file:")


def _is_here(master: str) -> bool:
    return master.startswith("local")
