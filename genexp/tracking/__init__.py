"""MLflow: runs, logging and the registered encoder. The only package that imports mlflow."""
