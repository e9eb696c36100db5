"""Fit a logistic regression, tell MLflow, register the model: the second stage."""

import json
import os
import random
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import yaml
from sklearn.linear_model import LogisticRegression

parameters = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["train"]
random.seed(parameters["seed"])
np.random.seed(parameters["seed"])
table = pd.read_csv("features/train.csv")
features = [name for name in table.columns if name != "is_fraud"]
mlflow.set_experiment("fraud")
with mlflow.start_run(run_name=f"train fraud-model, strength {parameters['strength']}") as run:
    mlflow.log_params(parameters)
    mlflow.set_tags(
        {
            "lineage.ci.host": os.environ["CI_HOST"],
            "lineage.ci.repository": os.environ["CI_REPOSITORY"],
            "lineage.ci.run_id": os.environ["CI_RUN_ID"],
            "lineage.ci.run_attempt": "1",
            "lineage.dvc.stage": "train",
        }
    )
    source = "https://data.example.org/fraud/features/train.csv"
    mlflow.log_input(mlflow.data.from_pandas(table, source=source, name="train"), context="training")
    model = LogisticRegression(C=parameters["strength"], random_state=parameters["seed"])
    model.fit(table[features], table["is_fraud"])
    accuracy = float(model.score(table[features], table["is_fraud"]))
    mlflow.log_metric("train_accuracy", accuracy)
    fitted = {
        "features": features,
        "coefficients": [round(float(one), 9) for one in model.coef_[0]],
        "intercept": round(float(model.intercept_[0]), 9),
    }
    Path("model.json").write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    mlflow.log_artifact("model.json")
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="fraud-model",
        pip_requirements=["scikit-learn==1.9.1", "pandas==3.1.1"],
        skops_trusted_types=None,
    )
told = {"train_accuracy": accuracy, "mlflow_run_id": run.info.run_id}
Path("training.json").write_text(json.dumps({**told, "model_id": logged.model_id}), encoding="utf-8")
