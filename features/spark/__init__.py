"""Spark moves and schedules; the embedded engine measures each partition of customers by the plan it uses alone.

Spark brings all rows of a customer into one partition. Nothing is collected to the driver but the words of the
vocabulary and counts. PySpark is imported when it is asked for.
"""

from rapport.features.spark.features import shared_catalog, spark_features
from rapport.features.spark.session import session
from rapport.features.spark.tables import tables_of
from rapport.features.spark.work import Dealt, refuse_relatives, refuse_taken

__all__ = ["Dealt", "refuse_relatives", "refuse_taken", "session", "shared_catalog", "spark_features", "tables_of"]
