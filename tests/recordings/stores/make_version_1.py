"""Make ``version-1.db`` and ``version-1.json`` with the software of store version 1.

Run it with that software in front of the path, in a folder of its own:
``PYTHONPATH=OLD:OLD/schemas:OLD/api:OLD/tests python make_version_1.py``
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    Association,
    Claim,
    Context,
    Direction,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Mode,
    Statement,
    TraceQuery,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.mlmd import ArtifactType

MODEL, DATA, RUN = "acme:model", "acme:data", "acme:run"
OBSERVED = (
    Artifact(
        key=DATA,
        type="lineage.DataSet",
        name="customers",
        properties={"owner": "eve adams", "row_count": 7},
        custom_properties={"note": "said by mallory"},
        personal=("note",),
    ),
    Execution(key=RUN, type="lineage.Train", name="train"),
    Context(key="acme:experiment", type="lineage.Experiment", name="first"),
    Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT, path=("in", 0)),
    Event(artifact=MODEL, execution=RUN, kind=EventKind.OUTPUT),
    Association(context="acme:experiment", execution=RUN),
    Claim(
        kind=Kind.ARTIFACT,
        node=MODEL,
        identifier="other:model",
        link_class=LinkClass.ASSERTED,
        evidence={"file": "model.yml"},
    ),
    MetricSeries(execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None), (1, 0.25, None))),
)
PUT = (ArtifactType(name="Shape"), Artifact(type="Shape", name="square"))


def main() -> None:
    """Write both files into the present folder."""
    path = Path("version-1.db")
    store = open_store(path, TABLES, "recorded/version-1")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    ledger.record([Statement(id="1", source="ci", records=OBSERVED)])
    later = Artifact(key=DATA, name="customers", custom_properties={"note": "said by trent"})
    ledger.record([Statement(id="2", source="ci", records=(later,))])
    ledger.record([Statement(id="3", source="client", mode=Mode.COMMAND, records=PUT)])
    model = Artifact(key=MODEL, type="lineage.Model", name="model")
    ledger.record([Statement(id="1", source="ci", records=(model,))], namespace="other")
    answer = ledger.trace(TraceQuery(start=(MODEL,), direction=Direction.BOTH))
    said = {
        "size": ledger.head().size,
        "root": ledger.head().root.hex(),
        "nodes": [[node.kind, node.id, node.key, node.name] for node in answer.nodes],
        "edges": [[one.artifact, one.execution, one.kind, list(one.path)] for one in answer.edges],
        "links": [
            [one.node, one.identifier, one.link_class] for one in ledger.show(MODEL)[0].links
        ],
        "data": ledger.show(DATA)[0].node.properties | ledger.show(DATA)[0].node.custom_properties,
        "points": [list(one) for one in ledger.show(RUN)[0].series[0].points],
        "types": [[one.kind, one.id, one.type.name] for one in ledger.types().types],
        "statements": [one.statement for one in ledger.entries(count=100).entries],
    }
    ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    Path("version-1.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
