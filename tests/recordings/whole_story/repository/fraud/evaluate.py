"""Judge the model by transactions it has not seen: the third stage."""

import json
import math
from pathlib import Path

import mlflow
import pandas as pd
from sklearn.metrics import recall_score, roc_auc_score

fitted = json.loads(Path("model.json").read_text(encoding="utf-8"))
trained = json.loads(Path("training.json").read_text(encoding="utf-8"))
table = pd.read_csv("features/test.csv")


def probability(row):
    """Return how likely a row is a fraud."""
    weighed = zip(fitted["coefficients"], fitted["features"], strict=True)
    return 1 / (1 + math.exp(-fitted["intercept"] - sum(each * row[name] for each, name in weighed)))


said = [probability(row) for row in table.to_dict("records")]
metrics = {
    "auc": round(float(roc_auc_score(table["is_fraud"], said)), 6),
    "recall": round(float(recall_score(table["is_fraud"], [each > 0.5 for each in said])), 6),
}
source = "https://data.example.org/fraud/features/test.csv"
data = mlflow.data.from_pandas(table, source=source, name="test")
with mlflow.start_run(run_id=trained["mlflow_run_id"]):
    mlflow.log_input(data, context="evaluation")
    for name, value in metrics.items():
        mlflow.log_metric(name, value, dataset=data, model_id=trained["model_id"])
Path("metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
