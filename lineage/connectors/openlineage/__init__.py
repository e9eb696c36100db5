"""OpenLineage: what Airflow, dbt, Spark, Feast and others send."""
