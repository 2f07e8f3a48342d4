"""SQL on Spark, in this process or on a cluster (pyspark is imported in this package only)."""

from bucle.drivers.engine.spark.address import Address, parse_address
from bucle.drivers.engine.spark.engine import SparkEngine

__all__ = ["Address", "SparkEngine", "parse_address"]
