"""MLflow: runs, logging and the registered encoder. The only room that imports mlflow."""
