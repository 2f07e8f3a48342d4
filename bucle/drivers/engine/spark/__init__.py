"""SQL on Spark, in this process or on a cluster (pyspark is imported in this package only)."""
