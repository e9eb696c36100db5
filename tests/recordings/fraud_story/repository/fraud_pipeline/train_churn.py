"""Churn, step 2. Fit the churn model with the hyperparameters of `parameters.json`."""

from __future__ import annotations

from fraud_pipeline import facets, logistic
from fraud_pipeline.datasets import CHURN_FEATURE_FIELDS, CHURN_FEATURES, CHURN_MODEL, CUSTOMER_TEAM
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import parameters
from fraud_pipeline.reporting import ReportedRun
from sklearn.metrics import roc_auc_score

JOB = JobCard(
    namespace="churn-prediction",
    name="churn.train_churn",
    source="fraud_pipeline/train_churn.py",
    about="Fit churn-model, a logistic regression",
    owner=CUSTOMER_TEAM,
    learns=True,
)


def main() -> None:
    """Fit, save, and say how well the features are remembered."""
    settings = parameters("train_churn")
    told = facets.settings(settings) | facets.hyperparameters(settings)
    with ReportedRun(JOB, reads=(CHURN_FEATURES,), writes=(CHURN_MODEL,), run_facets=told) as run:
        table, label = logistic.columns(CHURN_FEATURES, CHURN_FEATURE_FIELDS, "churned")
        model = logistic.fit("churn-model", CHURN_FEATURE_FIELDS, table, label, settings)
        model.save(CHURN_MODEL)
        found = {"train_roc_auc": float(roc_auc_score(label, model.scores(table)))}
        run.run_facets |= facets.metrics(found)


if __name__ == "__main__":
    main()
