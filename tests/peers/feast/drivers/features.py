"""Two views over a file each, one made as it is asked for, and what a model is served."""

from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64

driver = Entity(name="driver", join_keys=["driver_id"])

trips = FileSource(name="trips", path="trips.parquet", timestamp_field="at")
debts = FileSource(name="debts", path="debts.parquet", timestamp_field="at")

driver_trips = FeatureView(
    name="driver_trips",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[Field(name="trips", dtype=Int64), Field(name="rating", dtype=Float64)],
    source=trips,
)
driver_debts = FeatureView(
    name="driver_debts",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[Field(name="debts", dtype=Float64)],
    source=debts,
)


@on_demand_feature_view(
    sources=[driver_trips, driver_debts], schema=[Field(name="debt_per_trip", dtype=Float64)]
)
def driver_risk(inputs: pd.DataFrame) -> pd.DataFrame:
    """Divide the one view by the other."""
    return pd.DataFrame({"debt_per_trip": inputs["debts"] / (inputs["trips"] + 1)})


scoring = FeatureService(name="scoring", features=[driver_trips, driver_risk])
audit = FeatureService(name="audit", features=[driver_debts])
