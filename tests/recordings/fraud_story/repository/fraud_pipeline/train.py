"""Step 4: train. Fit the fraud model with the hyperparameters of `parameters.json`."""

from __future__ import annotations

from fraud_pipeline import facets, logistic
from fraud_pipeline.datasets import FRAUD_FEATURES, FRAUD_MODEL, FRAUD_TEAM, TRAIN_SPLIT
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import parameters
from fraud_pipeline.reporting import ReportedRun
from sklearn.metrics import log_loss

JOB = JobCard(
    namespace="fraud-detection",
    name="fraud.train",
    source="fraud_pipeline/train.py",
    about="Fit fraud-model, a logistic regression",
    owner=FRAUD_TEAM,
    learns=True,
)


def main() -> None:
    """Fit, save, and say how well the training split is remembered."""
    settings = parameters("train")
    told = facets.settings(settings) | facets.hyperparameters(settings)
    with ReportedRun(JOB, reads=(TRAIN_SPLIT,), writes=(FRAUD_MODEL,), run_facets=told) as run:
        table, label = logistic.columns(TRAIN_SPLIT, FRAUD_FEATURES, "is_fraud")
        model = logistic.fit("fraud-model", FRAUD_FEATURES, table, label, settings)
        model.save(FRAUD_MODEL)
        loss = {"train_log_loss": float(log_loss(label, model.scores(table)))}
        run.run_facets |= facets.metrics(loss)


if __name__ == "__main__":
    main()
