"""Churn, step 1. Turn the customers, which fraud detection reads too, into features."""

from __future__ import annotations

from datetime import date

from fraud_pipeline.datasets import CHURN_FEATURES, CUSTOMER_TEAM, CUSTOMERS
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import Value, read_rows, write_rows
from fraud_pipeline.reporting import ReportedRun

JOB = JobCard(
    namespace="churn-prediction",
    name="churn.featurise_churn",
    source="fraud_pipeline/featurise_churn.py",
    about="Compute features of every customer",
    owner=CUSTOMER_TEAM,
)
TODAY = date(2026, 11, 1)


def features(row: dict[str, str]) -> list[Value]:
    """One line of the features file."""
    return [
        int(row["customer_id"]),
        round((TODAY - date.fromisoformat(row["joined_on"])).days / 365.25, 6),
        float(row["monthly_spend"]),
        int(row["support_calls"]),
        int(row["plan"] == "premium"),
        1 - int(row["active"]),
    ]


def main() -> None:
    """Write a line for each customer."""
    with ReportedRun(JOB, reads=(CUSTOMERS,), writes=(CHURN_FEATURES,)):
        write_rows(CHURN_FEATURES, [features(row) for row in read_rows(CUSTOMERS)])


if __name__ == "__main__":
    main()
