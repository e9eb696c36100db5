"""Run one of the two pipelines, each step in a process of its own: `pipeline fraud` or `churn`."""

from __future__ import annotations

import subprocess
import sys

from fraud_pipeline.datasets import CUSTOMER_TEAM, FRAUD_TEAM
from fraud_pipeline.facets import JobCard
from fraud_pipeline.reporting import ReportedRun

SOURCE = "fraud_pipeline/pipeline.py"
PIPELINES = {
    "fraud": (
        JobCard(
            namespace="fraud-detection",
            name="fraud",
            source=SOURCE,
            about="From raw transactions to a judged fraud model",
            owner=FRAUD_TEAM,
            type="PIPELINE",
        ),
        ("collect", "prepare", "featurise", "train", "evaluate"),
    ),
    "churn": (
        JobCard(
            namespace="churn-prediction",
            name="churn",
            source=SOURCE,
            about="From customers to a churn model",
            owner=CUSTOMER_TEAM,
            type="PIPELINE",
        ),
        ("featurise_churn", "train_churn"),
    ),
}


def main() -> None:
    """Run the steps in their order; a step that fails ends the pipeline."""
    job, steps = PIPELINES[sys.argv[1]]
    with ReportedRun(job) as run:
        for step in steps:
            subprocess.run(
                [sys.executable, "-m", f"fraud_pipeline.{step}"],
                check=True,
                env=run.children_environment(),
            )


if __name__ == "__main__":
    main()
