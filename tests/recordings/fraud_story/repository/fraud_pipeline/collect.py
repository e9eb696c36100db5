"""Step 1: collect. Write the raw customers and transactions, duplicates and gaps included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from fraud_pipeline import facets
from fraud_pipeline.datasets import CUSTOMERS, FRAUD_TEAM, TRANSACTIONS
from fraud_pipeline.facets import JobCard
from fraud_pipeline.files import Value, parameters, write_rows
from fraud_pipeline.reporting import ReportedRun

JOB = JobCard(
    namespace="fraud-detection",
    name="fraud.collect",
    source="fraud_pipeline/collect.py",
    about="Collect a month of transactions and the customers who made them",
    owner=FRAUD_TEAM,
)
COUNTRIES = ("DE", "FR", "NL", "PL")
CATEGORIES = {
    "grocery": 1,
    "transport": 1,
    "restaurant": 2,
    "clothing": 2,
    "electronics": 4,
    "travel": 3,
    "gift_cards": 5,
}
PLANS = ("basic", "plus", "premium")
FIRST_DAY = datetime(2026, 10, 1, tzinfo=UTC)


def customers(draw: np.random.Generator, count: int) -> list[list[Value]]:
    """Invent customers; those who call support often and spend little tend to leave."""
    rows: list[list[Value]] = []
    for customer_id in range(1, count + 1):
        spend = round(float(draw.gamma(3.0, 120.0)), 2)
        calls = int(draw.poisson(1.5))
        leaves = 1 / (1 + np.exp(1.5 - 0.8 * calls + 0.004 * spend))
        rows.append(
            [
                customer_id,
                str(draw.choice(COUNTRIES)),
                int(draw.integers(1945, 2006)),
                (date(2014, 1, 1) + timedelta(days=int(draw.integers(0, 4500)))).isoformat(),
                str(draw.choice(PLANS, p=(0.6, 0.3, 0.1))),
                spend,
                calls,
                int(draw.random() >= leaves),
            ]
        )
    return rows


def transactions(
    draw: np.random.Generator, count: int, people: list[list[Value]]
) -> list[list[Value]]:
    """Invent transactions; large, foreign, nightly and risky ones are fraud more often."""
    rows: list[list[Value]] = []
    for transaction_id in range(1, count + 1):
        person = people[int(draw.integers(len(people)))]
        abroad = draw.random() < 0.12  # one transaction in eight
        country = str(draw.choice(COUNTRIES)) if abroad else str(person[1])
        category = str(draw.choice(list(CATEGORIES)))
        booked_at = FIRST_DAY + timedelta(seconds=int(draw.integers(30 * 86_400)))
        amount = round(float(draw.lognormal(3.4, 1.0)), 2)
        odds = (
            -9.0
            + 1.0 * np.log(amount)
            + 2.0 * (country != person[1])
            + 1.2 * (booked_at.hour < 5)  # the small hours
            + 0.6 * CATEGORIES[category]
        )
        fraud = int(draw.random() < 1 / (1 + np.exp(-odds)))
        shown = "" if draw.random() < 0.01 else amount  # a gap in a hundred
        moment = booked_at.strftime("%Y-%m-%d %H:%M:%S")
        rows.append([transaction_id, person[0], moment, shown, country, category, fraud])
    repeated = draw.choice(count, size=count // 100, replace=False)
    return rows + [rows[int(index)] for index in repeated]


def main() -> None:
    """Write both files."""
    settings = parameters("collect")
    draw = np.random.default_rng(int(settings["seed"]))
    with ReportedRun(JOB, writes=(TRANSACTIONS, CUSTOMERS), run_facets=facets.settings(settings)):
        people = customers(draw, int(settings["customers"]))
        write_rows(CUSTOMERS, people)
        write_rows(TRANSACTIONS, transactions(draw, int(settings["transactions"]), people))


if __name__ == "__main__":
    main()
