"""Write what the views read: ``python make_data.py``."""

import pandas as pd

MOMENTS = pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"], utc=True)

pd.DataFrame(
    {"driver_id": [1, 2, 3], "trips": [5, 7, 0], "rating": [4.5, 3.9, 5.0], "at": MOMENTS}
).to_parquet("trips.parquet")
pd.DataFrame({"driver_id": [1, 2, 3], "debts": [0.0, 12.5, 3.0], "at": MOMENTS}).to_parquet(
    "debts.parquet"
)
