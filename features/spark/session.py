"""The Spark session: one that is running, or one that is started here. PySpark is imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from history.errors import SettingsError

# Java only moves bytes here and lives for one command: code made in haste is enough, and starts in half the time.
_BRISK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def session(master: str | None = None) -> Any:
    """Return the running Spark session, or start one."""
    sql = importlib.import_module("pyspark.sql")
    errors = importlib.import_module("pyspark.errors")
    builder = sql.SparkSession.builder.appName("rapport").config("spark.sql.session.timeZone", "UTC")
    if master:
        builder = builder.master(master).config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
    if master and _is_here(master):
        builder = builder.config("spark.driver.extraJavaOptions", _BRISK)
    try:
        spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except errors.PySparkRuntimeError as error:
        raise SettingsError(
            "Spark could not be started. It needs Java 17: install one (apt-get install openjdk-17-jre-headless), "
            f"set JAVA_HOME, or name another master. It says: {str(error).splitlines()[0]}"
        ) from error
    if master and _is_here(master):
        # Workers of this machine run in this very Python, not in the first one of the PATH.
        spark.sparkContext.pythonExec = sys.executable
    spark.sparkContext.setLogLevel("ERROR")
    # Local times are told apart from instants, and a batch is worth its journey to Python.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "200000")
    return spark


def is_mounted(spark: Any, place: str | Path) -> bool:
    """Return whether a folder is one of this machine's file system, which Spark's workers then share with it."""
    configuration = spark.sparkContext._jsc.hadoopConfiguration()
    return "://" not in str(place) and str(configuration.get("fs.defaultFS")).startswith("file:")


def _is_here(master: str) -> bool:
    return master.startswith("local")
