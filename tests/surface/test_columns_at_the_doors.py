"""Column lineage over GraphQL: what is read of one data set is bounded by whoever asks."""

from lineage_schemas.columns import (
    ColumnLineage,
    MadeField,
    SourceField,
    columns_property,
    columns_value,
)
from surface_client import SurfaceClient, dig
from surface_story import tell

ASKED = """
    query($fanout: Int!) {
      columnLineage(dataset: "acme:report", fanout: $fanout) {
        complete
        truncations { reason limit hidden }
        executions { key }
      }
    }
"""
SAID = ColumnLineage("acme:report", (MadeField("total", (SourceField("acme:raw", "amount"),)),))


def test_graphql_reads_as_many_executions_as_are_asked_for(client: SurfaceClient) -> None:
    for number in range(3):
        said = {columns_property("acme:report"): columns_value(SAID)}
        key = f"acme:run/{number}"
        tell(client, key, {"record": "execution", "key": key, "custom_properties": said})
    cut = client.ask(ASKED, fanout=2)["columnLineage"]
    assert dig(cut, "truncations") == [{"reason": "FANOUT", "limit": 2, "hidden": "1"}]
    assert dig(cut, "complete") is False
    assert dig(cut, "executions") == [{"key": "acme:run/1"}, {"key": "acme:run/2"}]
    whole = client.ask(ASKED, fanout=3)["columnLineage"]
    assert (dig(whole, "complete"), dig(whole, "truncations")) == (True, [])
