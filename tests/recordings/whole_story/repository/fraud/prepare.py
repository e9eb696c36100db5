"""Join customers to transactions, scale, and split: the first stage."""

import csv
from pathlib import Path

import yaml

PARAMETERS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["prepare"]


def table(path):
    """Return the rows of a file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


customers = {one["customer"]: one for one in table("data/customers.csv")}
rows = []
for one in table("data/transactions.csv"):
    customer = customers[one["customer"]]
    row = {
        "amount": f"{float(one['amount']) / 1_000:.4f}",
        "night": one["night"],
        "abroad": str(int(one["country"] != customer["country"])),
    }
    if PARAMETERS["uses_account_age"]:
        row["account_age"] = f"{int(customer['account_days']) / 3_650:.4f}"
    rows.append({**row, "is_fraud": one["is_fraud"]})
held_back = int(len(rows) * PARAMETERS["test_share"])
Path("features").mkdir(exist_ok=True)
for name, part in (("test", rows[:held_back]), ("train", rows[held_back:])):
    with Path(f"features/{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(part)
