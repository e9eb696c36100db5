"""Train on the features, tell MLflow, register the model: the second stage of a pipeline.

With ``tells_run: true`` the metrics name the MLflow run, and so tie what DVC knows to it.
"""

import json
from pathlib import Path

import mlflow
import pandas as pd
import yaml
from sklearn.linear_model import LogisticRegression

params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["train"]
table = pd.read_csv("features.csv")
mlflow.set_experiment("fraud")
with mlflow.start_run(run_name="train") as run:
    mlflow.log_params(params)
    source = mlflow.data.from_pandas(table, source="features.csv", name="features")
    mlflow.log_input(source, context="training")
    model = LogisticRegression(C=params["strength"]).fit(table[["amount"]], table["is_fraud"])
    accuracy = float(model.score(table[["amount"]], table["is_fraud"]))
    mlflow.log_metric("accuracy", accuracy)
    coefficients = {"amount": model.coef_.tolist(), "intercept": model.intercept_.tolist()}
    Path("model.json").write_text(json.dumps(coefficients), encoding="utf-8")
    mlflow.log_artifact("model.json")
    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="fraud-model",
        skops_trusted_types=None,
    )
metrics = {"accuracy": accuracy}
if params["tells_run"]:
    metrics["mlflow_run_id"] = run.info.run_id
Path("metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
