"""The Spark session: the one that is running, or one that is started here. PySpark is imported on first use."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rapport.errors import SettingsError

# Java only moves bytes here and lives for one command: the quick compiler is enough, and starts in half the time.
_FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Session:
    """A running Spark: ``context`` moves and schedules, which is enough for files shared with the workers."""

    context: Any

    @cached_property
    def tables(self) -> Any:
        """Return the Spark SQL session, made on first use because it takes as long to load as Java takes to start."""
        sql = importlib.import_module("pyspark.sql")
        spark = sql.SparkSession(self.context)
        # Local times stay distinct from instants, and batches are large enough to be worth moving to Python.
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "200000")
        return spark


def session(master: str | None = None) -> Session:
    """Return the Spark that is running in this process, or start one."""
    pyspark, errors = importlib.import_module("pyspark"), importlib.import_module("pyspark.errors")
    options = {"spark.app.name": "rapport", "spark.ui.showConsoleProgress": "false"}
    if master:
        options |= {"spark.master": master, "spark.ui.enabled": "false", "spark.driver.memory": "2g"}
    if master and _is_local(master):
        options["spark.driver.extraJavaOptions"] = _FAST_START
    try:
        context = pyspark.SparkContext.getOrCreate(pyspark.SparkConf().setAll(list(options.items())))
    except errors.PySparkRuntimeError as error:
        raise SettingsError(
            "Spark could not be started. It needs Java 17: install one (apt-get install openjdk-17-jre-headless), "
            f"set JAVA_HOME, or name another master. Spark reports: {str(error).splitlines()[0]}"
        ) from error
    if master and _is_local(master):
        # Workers on this machine use this Python, not the first one in PATH.
        context.pythonExec = sys.executable
    context.setLogLevel("ERROR")
    return Session(context)


def is_shared_folder(spark: Session, folder: str | Path) -> bool:
    """Return whether a folder is on this machine's file system, which Spark's workers then share."""
    configuration = spark.context._jsc.hadoopConfiguration()
    return "://" not in str(folder) and str(configuration.get("fs.defaultFS")).startswith("file:")


def _is_local(master: str) -> bool:
    return master.startswith("local")
