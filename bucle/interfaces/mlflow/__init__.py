"""Door mlflow: the MLflow REST protocol over the same rooms, for unmodified `mlflow` clients."""
