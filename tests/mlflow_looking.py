"""Looks at MLflow, in a ledger of a test's own, and its graph in plain words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from canonical import canonical_graph
from doubles import FakeClock, SeededRandomness
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.scanning import Document, Known, SourceReader, Unread
from lineage.importing.importer import Source, Tally
from lineage.importing.looking import look_at
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.instants import instant_us

SERVER: Final = "tracking.example.org:5000"
SOURCE: Final = Source(name=f"mlflow:{SERVER}", mapping=MlflowMapping(SERVER))
NEW_YEAR_US: Final = instant_us(datetime(2027, 1, 1, tzinfo=UTC))
"""After whatever a tool of today writes down."""

HOUR_US: Final = 3_600_000_000


class Graph(NamedTuple):
    """Nodes by key, with type, state, properties and custom properties; edges and memberships."""

    nodes: dict[tuple[str, str], dict[str, Any]]
    edges: set[tuple[str, str, str]]
    memberships: set[tuple[str, str]]
    links: set[tuple[str, str, str]]

    def of_type(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the nodes of a type by key."""
        return {key[1]: node for key, node in self.nodes.items() if node["type"] == name}


class NoMemory:
    """A ledger that has heard of nothing."""

    def known(self, subjects: object) -> Mapping[str, Known]:  # noqa: ARG002 - nothing is known
        return {}

    def subjects(self, kind: str) -> Any:  # noqa: ARG002, ANN401 - nothing is known
        return iter(())


def fresh_ledger() -> Ledger:
    """Return an empty ledger in memory."""
    store = open_store("memory:", TABLES, "test/origin")
    return Ledger(store, FakeClock(), SeededRandomness())


def look(ledger: Ledger, reader: SourceReader, *, hours: int = 0, whole: bool = True) -> Tally:
    """Look at MLflow, so many hours into the new year."""
    clock = FakeClock(NEW_YEAR_US + hours * HOUR_US, step_us=0)
    return look_at(ledger, SOURCE, reader, is_whole=whole, due_seconds=None, clock=clock)


def documents(reader: SourceReader) -> tuple[dict[str, bytes], list[Unread]]:
    """Return what a reader shows, and what it could not read."""
    found = list(reader.read(NoMemory(), None, is_whole=True))
    shown = {one.subject: one.body for one in found if isinstance(one, Document)}
    return shown, [one for one in found if isinstance(one, Unread)]


def graph(ledger: Ledger) -> Graph:
    """Return the graph as it is now."""
    canonical = canonical_graph(ledger)
    return Graph(
        nodes={name: _plain(values) for name, values in canonical.nodes.items()},
        edges={(tail[1], head[1], kind) for tail, head, kind, _ in canonical.edges},
        memberships={(one[1], other[1]) for one, other in canonical.memberships},
        links={(name[1], word, class_) for name, word, class_, _, _ in canonical.links},
    )


def _plain(values: bytes) -> dict[str, Any]:
    kind, stub, type_, _, _, _, uri, state, properties, custom = json.loads(values)
    return {
        "kind": kind,
        "stub": stub,
        "type": type_,
        "uri": uri,
        "state": state,
        "properties": properties or {},
        "custom": custom or {},
    }
