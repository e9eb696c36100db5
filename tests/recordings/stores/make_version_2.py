"""Make the files of ``version-2`` with the software of store version 2.

Run it with that software in front of the path, in a folder of its own:
``PYTHONPATH=OLD:OLD/schemas:OLD/api:OLD/tests python make_version_2.py``
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import make_signing_key
from lineage.ledger import (
    Artifact,
    Association,
    Claim,
    Context,
    Direction,
    ErasureRequest,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    Statement,
    TraceQuery,
    open_ledger,
)
from lineage_schemas.mlmd import ArtifactType

ORIGIN, KEY_SEED = "recorded/version-2", "the key of version 2"
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
    """Write every file into the present folder."""
    path = Path("version-2.db")
    key = Path("version-2.db.key")
    make_signing_key(key, ORIGIN, SeededRandomness(KEY_SEED))
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness(), key=key) as ledger:
        tell(ledger)
        said = answers(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    Path("version-2.json").write_text(json.dumps(said, indent=1) + "\n")


def tell(ledger: Ledger) -> None:
    """Say what the ledger holds: a signed log, a changed key, an erasure, a hold."""
    ledger.record([Statement(id="1", source="ci", records=OBSERVED)])
    later = Artifact(key=DATA, name="customers", custom_properties={"note": "said by trent"})
    ledger.record([Statement(id="2", source="ci", records=(later,))])
    ledger.record([Statement(id="3", source="client", mode=Mode.COMMAND, records=PUT)])
    model = Artifact(key=MODEL, type="lineage.Model", name="model")
    ledger.record([Statement(id="1", source="ci", records=(model,))], namespace="other")
    ledger.custody.rotate_key("a new one each year")
    request = ErasureRequest(
        targets=(DATA,), legal_basis="GDPR 17(1)", requester="Ann", approver="Bob"
    )
    ledger.erasures.erase(request)
    ledger.erasures.hold(MODEL, authority="court")
    ledger.custody.checkpoint()


def answers(ledger: Ledger) -> dict[str, object]:
    """Ask what the test will ask again."""
    answer = ledger.trace(TraceQuery(start=(MODEL,), direction=Direction.BOTH))
    data = ledger.show(DATA)[0].node
    keys = ledger.custody.keys()
    return {
        "size": ledger.head().size,
        "root": ledger.head().root.hex(),
        "checkpoint": ledger.custody.last_checkpoint().note,
        "keys": [[one.verifier, one.signs_from, one.signs_to] for one in keys],
        "nodes": [[node.kind, node.id, node.key, node.name] for node in answer.nodes],
        "edges": [[one.artifact, one.execution, one.kind, list(one.path)] for one in answer.edges],
        "links": [
            [one.node, one.identifier, one.link_class] for one in ledger.show(MODEL)[0].links
        ],
        "data": data.properties | data.custom_properties,
        "points": [list(one) for one in ledger.show(RUN)[0].series[0].points],
        "types": [[one.kind, one.id, one.type.name] for one in ledger.types().types],
        "statements": [one.statement for one in ledger.entries(count=100).entries],
        "restraints": [[one.position, one.name] for one in ledger.erasures.restraints()],
    }


if __name__ == "__main__":
    main()
