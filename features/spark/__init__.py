"""Features on Spark: Spark moves rows and schedules, the embedded engine computes each partition of customers.

All rows of a customer are in one partition. Only the vocabulary and counts are collected to the driver. PySpark is
imported on first use.
"""

from rapport.features.spark.partitioned import PartitionedTables, refuse_existing_output, refuse_relatives
from rapport.features.spark.session import session
from rapport.features.spark.spark_features import shared_catalog, spark_features
from rapport.features.spark.tables import tables_of

__all__ = [
    "PartitionedTables",
    "refuse_existing_output",
    "refuse_relatives",
    "session",
    "shared_catalog",
    "spark_features",
    "tables_of",
]
