"""The data sets of both pipelines: where they stand, what they hold, how big they are now."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path("/data/fraud")
WAREHOUSE_FILE = ROOT / "warehouse.duckdb"
FILES = "file"
WAREHOUSE = f"duckdb://{WAREHOUSE_FILE}"

FRAUD_TEAM = "team:fraud-analytics"
CUSTOMER_TEAM = "team:customer-insight"


@dataclass(frozen=True)
class Field:
    """One column."""

    name: str
    type: str
    about: str


@dataclass(frozen=True)
class Alias:
    """Another name under which the same data set is known."""

    namespace: str
    name: str
    type: str


@dataclass(frozen=True)
class DataSet:
    """A data set as it is reported; what it weighs is measured when it is needed."""

    name: str
    about: str
    owner: str
    fields: tuple[Field, ...] = ()
    namespace: str = FILES
    kind: str = "FILE"
    personal: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()

    @property
    def path(self) -> Path:
        """The file itself; a table has only the warehouse's."""
        return Path(self.name) if self.namespace == FILES else WAREHOUSE_FILE


@dataclass(frozen=True)
class Measure:
    """What a data set holds at one moment."""

    rows: int | None
    size: int | None
    digest: str | None


def measure(data_set: DataSet) -> Measure:
    """Count, weigh and hash a file; of a table, count the rows."""
    if data_set.namespace == WAREHOUSE:
        with duckdb.connect(str(WAREHOUSE_FILE), read_only=True) as connection:
            found = connection.table(data_set.name).count("*").fetchall()
        return Measure(rows=int(found[0][0]), size=None, digest=None)
    content = data_set.path.read_bytes()
    rows = content.count(b"\n") - 1 if data_set.path.suffix == ".csv" else None
    return Measure(rows, len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


def measures(data_sets: Iterable[DataSet]) -> dict[DataSet, Measure]:
    """Measure several data sets at once."""
    return {data_set: measure(data_set) for data_set in data_sets}


TRANSACTIONS = DataSet(
    name=f"{ROOT}/raw/transactions.csv",
    about="Card transactions as they were booked, with duplicates and gaps",
    owner=FRAUD_TEAM,
    fields=(
        Field("transaction_id", "integer", "Identifies the transaction; may occur twice"),
        Field("customer_id", "integer", "Who paid"),
        Field("booked_at", "timestamp", "When it was booked"),
        Field("amount", "number", "Amount in euro; may be missing"),
        Field("country", "string", "Where it was paid"),
        Field("merchant_category", "string", "What kind of merchant was paid"),
        Field("is_fraud", "integer", "1 where the customer disputed it and was right"),
    ),
    personal=("customer_id",),
    aliases=(Alias(WAREHOUSE, "warehouse.raw.transactions", "TABLE"),),
)
CUSTOMERS = DataSet(
    name=f"{ROOT}/raw/customers.csv",
    about="Customers of the bank, one row each",
    owner=CUSTOMER_TEAM,
    fields=(
        Field("customer_id", "integer", "Identifies the customer"),
        Field("country", "string", "Country of residence"),
        Field("birth_year", "integer", "Year of birth"),
        Field("joined_on", "date", "First day as a customer"),
        Field("plan", "string", "basic, plus or premium"),
        Field("monthly_spend", "number", "Mean spend a month in euro"),
        Field("support_calls", "integer", "Calls to support in the last year"),
        Field("active", "integer", "0 where the customer has left"),
    ),
    personal=("customer_id", "birth_year"),
    aliases=(Alias(WAREHOUSE, "warehouse.raw.customers", "TABLE"),),
)
MERCHANT_CATEGORIES = DataSet(
    name=f"{ROOT}/code/warehouse/seeds/merchant_categories.csv",
    about="Risk of each merchant category, kept by hand beside the code",
    owner=FRAUD_TEAM,
    fields=(
        Field("merchant_category", "string", "What kind of merchant"),
        Field("risk", "integer", "1 (low) to 5 (high)"),
    ),
)
TRANSACTIONS_CLEAN = DataSet(
    namespace=WAREHOUSE,
    name="warehouse.main.transactions_clean",
    kind="TABLE",
    about="Each transaction once, with a positive amount, its customer and its merchant's risk",
    owner=FRAUD_TEAM,
    fields=(
        Field("transaction_id", "bigint", "Identifies the transaction"),
        Field("customer_id", "bigint", "Who paid"),
        Field("booked_at", "timestamp", "When it was booked"),
        Field("amount", "double", "Amount in euro"),
        Field("country", "varchar", "Where it was paid"),
        Field("home_country", "varchar", "Where the customer lives"),
        Field("joined_on", "date", "When the customer joined"),
        Field("merchant_risk", "integer", "Risk of the merchant's category, 1 to 5"),
        Field("is_fraud", "bigint", "1 where the customer disputed it and was right"),
    ),
    personal=("customer_id",),
)

FRAUD_FEATURES = (
    Field("log_amount", "number", "Natural logarithm of the amount"),
    Field("night", "integer", "1 between midnight and five"),
    Field("foreign", "integer", "1 where it was paid outside the home country"),
    Field("merchant_risk", "number", "Risk of the merchant's category, 1 to 5"),
    Field("account_years", "number", "Years since the customer joined"),
)
FRAUD_COLUMNS = (
    Field("transaction_id", "integer", "Identifies the transaction"),
    Field("customer_id", "integer", "Who paid"),
    *FRAUD_FEATURES,
    Field("is_fraud", "integer", "The label"),
)
FEATURES = DataSet(
    name=f"{ROOT}/features/features.csv",
    about="Features of every clean transaction",
    owner=FRAUD_TEAM,
    fields=FRAUD_COLUMNS,
    personal=("customer_id",),
)
TRAIN_SPLIT = DataSet(
    name=f"{ROOT}/features/train.csv",
    about="Features to learn from; shares no customer with the test split",
    owner=FRAUD_TEAM,
    fields=FRAUD_COLUMNS,
    personal=("customer_id",),
)
TEST_SPLIT = DataSet(
    name=f"{ROOT}/features/test.csv",
    about="Features to be judged by; shares no customer with the training split",
    owner=FRAUD_TEAM,
    fields=FRAUD_COLUMNS,
    personal=("customer_id",),
)
FRAUD_MODEL = DataSet(
    name=f"{ROOT}/models/fraud-model.json",
    kind="MODEL",
    about="Logistic regression that scores a transaction for fraud",
    owner=FRAUD_TEAM,
    aliases=(Alias("models", "fraud-model", "MODEL"),),
)
FRAUD_METRICS = DataSet(
    name=f"{ROOT}/metrics/fraud-model.json",
    about="How the fraud model did on the test split",
    owner=FRAUD_TEAM,
)

CHURN_FEATURE_FIELDS = (
    Field("tenure_years", "number", "Years since the customer joined"),
    Field("monthly_spend", "number", "Mean spend a month in euro"),
    Field("support_calls", "number", "Calls to support in the last year"),
    Field("premium", "integer", "1 on the premium plan"),
)
CHURN_FEATURES = DataSet(
    name=f"{ROOT}/churn/features.csv",
    about="Features of every customer",
    owner=CUSTOMER_TEAM,
    fields=(
        Field("customer_id", "integer", "Identifies the customer"),
        *CHURN_FEATURE_FIELDS,
        Field("churned", "integer", "The label"),
    ),
    personal=("customer_id",),
)
CHURN_MODEL = DataSet(
    name=f"{ROOT}/models/churn-model.json",
    kind="MODEL",
    about="Logistic regression that tells which customer is about to leave",
    owner=CUSTOMER_TEAM,
    aliases=(Alias("models", "churn-model", "MODEL"),),
)
