"""A short story for the surface to tell: data, a training, a model, an experiment."""

from collections.abc import Mapping

from surface_client import SurfaceClient

DATA, RUN, MODEL = "uri:file:///data.csv", "mytool:run/1", "mytool:model/1"
STORY: list[dict[str, object]] = [
    {"record": "execution", "key": RUN, "type": "lineage.Train", "name": "train"},
    {"record": "event", "artifact": DATA, "execution": RUN, "kind": "INPUT"},
    {
        "record": "artifact",
        "key": MODEL,
        "type": "lineage.Model",
        "name": "fraud model",
        "properties": {"parameter_count": 2**60},
        "custom_properties": {"score": {"$float": "NaN"}, "note": "first"},
    },
    {
        "record": "event",
        "artifact": MODEL,
        "execution": RUN,
        "kind": "OUTPUT",
        "path": ["models", 0],
        "time": "2026-01-02T03:04:05Z",
    },
    {"record": "context", "key": "mytool:experiment/1", "type": "lineage.Experiment"},
    {"record": "association", "context": "mytool:experiment/1", "execution": RUN},
    {
        "record": "metric_series",
        "execution": RUN,
        "metric": "loss",
        "chunk": 0,
        "points": [[0, 0.5, None], [1, {"$float": "NaN"}, "2026-01-02T03:04:05Z"]],
    },
    {
        "record": "claim",
        "kind": "artifact",
        "node": MODEL,
        "identifier": "mlflow:model/server/m-1",
        "class": "asserted",
        "evidence": {"file": "a"},
    },
]


def tell(client: SurfaceClient, name: str, *records: Mapping[str, object]) -> None:
    """Record one statement."""
    body = {"id": name, "source": "test", "records": list(records)}
    answer = client.post("/api/v1/statements", body)
    assert answer.status_code == 200, answer.text
