"""Run inside MLflow's own environment: plays a story on a tracking server or store.

``python story.py TRACKING_URI [CHAPTER ARGUMENT...]`` prints what it made, by name, as JSON.
It is no test: it makes what tests read.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
)
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def main(uri: str, chapter: str = "first", *words: str) -> None:
    """Play a chapter."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(uri, uri)
    made: dict[str, Any] = {}
    if chapter == "later":
        later(client, made, *words)
    elif chapter == "many":
        many(client, made, *words)
    else:
        first(client, made, *words)
    print(json.dumps(made))  # noqa: T201 - its answer


def first(client: MlflowClient, made: dict[str, Any], model_step: str = "3") -> None:
    """Everything once."""
    tags = {"team": "risk", "mlflow.note.content": "Who will leave?"}
    made["experiment"] = client.create_experiment("churn", tags=tags)
    made["deleted_experiment"] = client.create_experiment("given up")
    client.delete_experiment(made["deleted_experiment"])
    mlflow.set_experiment("churn")
    train(client, made, int(model_step))
    nested(client, made)
    odd(client, made, made["experiment"])
    register(client, made)


def later(client: MlflowClient, made: dict[str, Any], run: str, child: str) -> None:
    """What a second look finds: what moved, was deleted, came back, and was added late."""
    name = "fraud-model"
    client.set_registered_model_alias(name, "champion", "2")
    client.delete_registered_model_alias(name, "challenger")
    client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    client.delete_model_version(name, "1")
    client.delete_registered_model("bare name")
    client.delete_run(run)
    client.restore_run(child)
    client.set_tag(child, "late", "set long after the end")
    client.update_model_version(name, "3", description="now described")
    made["name"] = name


def many(client: MlflowClient, made: dict[str, Any], count: str) -> None:
    """Many runs with ten params, ten metrics and a data set each."""
    experiment = client.create_experiment("many")
    made["runs"] = []
    for number in range(int(count)):
        run = client.create_run(experiment, run_name=f"run {number}").info.run_id
        client.log_batch(
            run,
            metrics=[
                Metric(f"m{key}", number / (key + 1), 1_700_000_000_000, 0) for key in range(10)
            ],
            params=[Param(f"p{key}", str(number * key)) for key in range(10)],
        )
        source = {"uri": f"s3://bucket/part-{number}"}
        data = Dataset(f"part {number}", f"{number:08x}", "s3", json.dumps(source))
        client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        client.set_terminated(run)
        made["runs"].append(run)


def train(client: MlflowClient, made: dict[str, Any], model_step: int) -> None:
    """Train a model with two data sets, and measure it on one of them."""
    rows = pd.DataFrame({"age": [21.0, 35.0, 50.0, 64.0], "spend": [1.0, 9.0, 3.0, 7.0]})
    target = np.array([0, 1, 0, 1])
    train_set = from_pandas(rows, source="https://data.example.org/churn/train.csv", name="train")
    test_set = from_pandas(rows[:2], source="s3://bucket/churn/test.csv", name="test")
    with mlflow.start_run(run_name="fit", description="The first fit.") as run:
        made["run"] = run.info.run_id
        mlflow.log_params({"C": "1.0", "penalty": "l2", "empty": ""})
        mlflow.set_tags(
            {
                "mlflow.source.git.commit": COMMIT,
                "mlflow.source.git.branch": "main",
                "mlflow.source.git.repoURL": "https://user:secret@git.example.org/risk/churn.git",
                "dvc.md5.data/train.csv": "0f343b0931126a20f133d67c2b018a3b",
                "dvc.stage": "train",
                "lineage.ci.host": "github.com",
                "lineage.ci.repository": "risk/churn",
                "lineage.ci.run_id": "991",
                "lineage.ci.run_attempt": "1",
                "lineage.ci.run_number": "1234",
                "lineage.ci.url": "https://github.com/risk/churn/actions/runs/991",
                "lineage.image.digest": "sha256:" + "ab" * 32,
            }
        )
        mlflow.log_input(train_set, context="training")
        mlflow.log_input(test_set, context="validation")
        for step in range(5):
            mlflow.log_metric(
                "loss", 1.0 / (step + 1), step=step, timestamp=1_700_000_000_000 + step
            )
        mlflow.log_metric("grad", math.nan, step=0, timestamp=1_700_000_000_000)
        mlflow.log_metric("grad", math.inf, step=1, timestamp=1_700_000_000_001)
        mlflow.log_metric("low", -math.inf)
        mlflow.log_metric("accuracy", 0.5)
        mlflow.log_text("hello", "notes/readme.txt")
        model = LogisticRegression().fit(rows, target)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(rows, target),
            input_example=rows[:1],
            params={"C": "1.0"},
            tags={"kind": "linear"},
            step=model_step,
            pip_requirements=["scikit-learn"],
        )
        made["model"] = logged.model_id
        mlflow.log_metric("auc", 0.75, dataset=test_set, model_id=logged.model_id, step=3)
        mlflow.log_metric("f1", math.nan, dataset=test_set, model_id=logged.model_id, step=3)
    client.set_tag(made["run"], "late", "set after the end")


def nested(client: MlflowClient, made: dict[str, Any]) -> None:
    """A search with two children, one of which is deleted and comes back."""
    with mlflow.start_run(run_name="search") as parent:
        made["parent"] = parent.info.run_id
        for number in range(2):
            with mlflow.start_run(run_name=f"trial {number}", nested=True) as child:
                made[f"child{number}"] = child.info.run_id
                mlflow.log_param("depth", number)
    client.delete_run(made["child0"])
    client.delete_run(made["child1"])
    client.restore_run(made["child1"])


def odd(client: MlflowClient, made: dict[str, Any], experiment: str) -> None:
    """Runs that failed, were killed, and never end."""
    for name, status in (("failed", "FAILED"), ("killed", "KILLED")):
        run = client.create_run(experiment, run_name=name)
        client.set_terminated(run.info.run_id, status)
        made[name] = run.info.run_id
    made["forever"] = client.create_run(experiment, run_name="forever").info.run_id
    made["scheduled"] = client.create_run(experiment, run_name="scheduled").info.run_id
    client.update_run(made["scheduled"], status="SCHEDULED")


def register(client: MlflowClient, made: dict[str, Any]) -> None:
    """Register versions in both ways, move aliases and stages, delete one version."""
    name = "fraud-model"
    client.create_registered_model(name, tags={"task": "fraud"}, description="Finds fraud.")
    logged, run = made["model"], made["run"]
    client.create_model_version(
        name, f"models:/{logged}", run_id=run, description="first", model_id=logged
    )
    client.create_model_version(name, f"runs:/{run}/notes", run_id=run, tags={"version": "2.0.0"})
    client.create_model_version(
        name,
        f"models:/{logged}",
        tags={"semantic_version": "3.2.0", "reviewed": "yes"},
        model_id=logged,
    )
    client.create_model_version(name, f"models:/{logged}", model_id=logged)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "3")
    client.set_registered_model_alias(name, "challenger", "2")
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    client.delete_model_version(name, "4")
    client.create_registered_model("unused")
    client.delete_registered_model("unused")
    client.create_registered_model("bare name")
    mlflow.register_prompt("greeting", "Hello {{name}}!", tags={"lang": "en"})


if __name__ == "__main__":
    main(*sys.argv[1:])
