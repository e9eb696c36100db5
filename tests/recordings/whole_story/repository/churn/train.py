"""Who will leave? Learned from the same customers that the fraud model knows."""

import json
from hashlib import md5
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression

DATA = "data/customers.csv"
table = pd.read_csv(DATA)
features = ["account_days", "contacts"]
mlflow.set_experiment("churn")
with mlflow.start_run(run_name="train churn-model") as run:
    digest = md5(Path(DATA).read_bytes(), usedforsecurity=False).hexdigest()
    mlflow.set_tags({f"dvc.md5.{DATA}": digest, "lineage.dvc.stage": "train"})
    model = LogisticRegression(max_iter=1_000).fit(table[features], table["left"])
    fitted = {
        "features": features,
        "coefficients": [round(float(one), 9) for one in model.coef_[0]],
    }
    Path("model.json").write_text(json.dumps(fitted) + "\n", encoding="utf-8")
    mlflow.log_artifact("model.json")
    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="churn-model",
        pip_requirements=["scikit-learn==1.9.1", "pandas==3.1.1"],
        skops_trusted_types=None,
    )
Path("training.json").write_text(json.dumps({"mlflow_run_id": run.info.run_id}), encoding="utf-8")
