"""Step 3: featurise. Turn clean transactions into features, then part them by customer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import duckdb
import numpy as np
from fraud_pipeline import facets
from fraud_pipeline.datasets import (
    FEATURES,
    FRAUD_TEAM,
    TEST_SPLIT,
    TRAIN_SPLIT,
    TRANSACTIONS_CLEAN,
    WAREHOUSE_FILE,
)
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import Value, parameters, write_rows
from fraud_pipeline.reporting import ReportedRun

if TYPE_CHECKING:
    from datetime import date, datetime

JOB = JobCard(
    namespace="fraud-detection",
    name="fraud.featurise",
    source="fraud_pipeline/featurise.py",
    about="Compute features of clean transactions and split them by customer",
    owner=FRAUD_TEAM,
)
QUERY = """
select transaction_id, customer_id, booked_at, amount, country, home_country, joined_on,
       merchant_risk, is_fraud
from warehouse.main.transactions_clean
order by transaction_id
"""
MORNING = 5
Row = tuple[int, int, "datetime", float, str, str, "date", int, int]


def features(row: Row) -> list[Value]:
    """One line of the features file."""
    transaction_id, customer_id, booked_at, amount, country, home, joined_on, risk, fraud = row
    return [
        transaction_id,
        customer_id,
        round(math.log(amount), 6),
        int(booked_at.hour < MORNING),
        int(country != home),
        risk,
        round((booked_at.date() - joined_on).days / 365.25, 6),
        fraud,
    ]


def main() -> None:
    """Write all features, then those to learn from and those to be judged by."""
    settings = parameters("featurise")
    outputs = (FEATURES, TRAIN_SPLIT, TEST_SPLIT)
    with ReportedRun(
        JOB,
        reads=(TRANSACTIONS_CLEAN,),
        writes=outputs,
        run_facets=facets.settings(settings),
    ):
        with duckdb.connect(str(WAREHOUSE_FILE), read_only=True) as connection:
            lines = [features(row) for row in connection.sql(QUERY).fetchall()]
        people = sorted({line[1] for line in lines})
        np.random.default_rng(int(settings["seed"])).shuffle(people)
        held_out = set(people[: round(len(people) * float(settings["test_share"]))])
        write_rows(FEATURES, lines)
        write_rows(TRAIN_SPLIT, [line for line in lines if line[1] not in held_out])
        write_rows(TEST_SPLIT, [line for line in lines if line[1] in held_out])


if __name__ == "__main__":
    main()
