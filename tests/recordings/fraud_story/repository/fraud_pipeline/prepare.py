"""Step 2: prepare. Let dbt clean the raw files into the warehouse; dbt reports its own runs too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fraud_pipeline.datasets import (
    CUSTOMERS,
    FRAUD_TEAM,
    MERCHANT_CATEGORIES,
    TRANSACTIONS,
    TRANSACTIONS_CLEAN,
)
from fraud_pipeline.facets import JobCard
from fraud_pipeline.reporting import ReportedRun

JOB = JobCard(
    namespace="fraud-detection",
    name="fraud.prepare",
    source="fraud_pipeline/prepare.py",
    about="Clean the raw transactions in the warehouse, with dbt",
    owner=FRAUD_TEAM,
)
PROJECT = "warehouse"


def main() -> None:
    """Build and test the dbt project as a child of this run."""
    reads = (TRANSACTIONS, CUSTOMERS, MERCHANT_CATEGORIES)
    with ReportedRun(JOB, reads=reads, writes=(TRANSACTIONS_CLEAN,)) as run:
        dbt = Path(sys.executable).with_name("dbt-ol")
        subprocess.run(
            [str(dbt), "build", "--project-dir", PROJECT, "--profiles-dir", PROJECT],
            check=True,
            env=run.children_environment(),
        )


if __name__ == "__main__":
    main()
