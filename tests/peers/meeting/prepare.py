"""Make features of transactions: the first stage of a pipeline."""

import csv
from pathlib import Path

with Path("data/transactions.csv").open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
highest = max(float(row["amount"]) for row in rows)
with Path("features.csv").open("w", encoding="utf-8", newline="") as file:
    table = csv.writer(file)
    table.writerow(["amount", "is_fraud"])
    for row in rows:
        table.writerow([f"{float(row['amount']) / highest:.6f}", row["is_fraud"]])
