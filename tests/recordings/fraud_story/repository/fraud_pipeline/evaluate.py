"""Step 5: evaluate. Judge the fraud model by the test split, abroad and at home as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraud_pipeline import facets, logistic
from fraud_pipeline.datasets import (
    FRAUD_FEATURES,
    FRAUD_METRICS,
    FRAUD_MODEL,
    FRAUD_TEAM,
    TEST_SPLIT,
)
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import write_json
from fraud_pipeline.reporting import ReportedRun
from sklearn import metrics

if TYPE_CHECKING:
    from fraud_pipeline.logistic import Numbers

JOB = JobCard(
    namespace="fraud-detection",
    name="fraud.evaluate",
    source="fraud_pipeline/evaluate.py",
    about="Judge fraud-model by transactions of customers that it has not seen",
    owner=FRAUD_TEAM,
    learns=True,
)
THRESHOLD = 0.5
FOREIGN = [field.name for field in FRAUD_FEATURES].index("foreign")


def judge(label: Numbers, scores: Numbers, abroad: Numbers) -> dict[str, float]:
    """Every metric by its name; a metric of a slice names the slice after a dot."""
    said = scores >= THRESHOLD
    found = {
        "accuracy": metrics.accuracy_score(label, said),
        "precision": metrics.precision_score(label, said),
        "recall": metrics.recall_score(label, said),
        "recall.foreign": metrics.recall_score(label[abroad == 1], said[abroad == 1]),
        "recall.domestic": metrics.recall_score(label[abroad == 0], said[abroad == 0]),
        "f1": metrics.f1_score(label, said),
        "roc_auc": metrics.roc_auc_score(label, scores),
        "log_loss": metrics.log_loss(label, scores),
    }
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    """Score the test split and write the metrics."""
    with ReportedRun(JOB, reads=(FRAUD_MODEL, TEST_SPLIT), writes=(FRAUD_METRICS,)) as run:
        table, label = logistic.columns(TEST_SPLIT, FRAUD_FEATURES, "is_fraud")
        found = judge(label, logistic.load(FRAUD_MODEL).scores(table), table[:, FOREIGN])
        write_json(FRAUD_METRICS, found)
        run.run_facets |= facets.metrics(found)


if __name__ == "__main__":
    main()
