"""``lineage serve`` in a process of its own, and what its GraphQL says that flowed into what."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from msgspec import Struct

from lineage_schemas.values import JsonValue
from surface_client import Object

WAIT_SECONDS: Final = 60
_LINEAGE: Final = """
query ($start: [String!]!) {
  lineage(start: $start, direction: BOTH, nodes: 10000) {
    edges { artifact execution kind } nodes { key kind localId type state } truncations { reason }
    unknown stubs
  }
}
"""
_NODES: Final = """
query ($type: String!) {
  nodes(type: $type, first: 1000) { cursor nodes { key state properties } }
}
"""
_ENTRIES: Final = """
query ($namespace: String) {
  entries(first: 1000, namespace: $namespace) { nextPosition entries { source records } }
}
"""


class Flow(Struct, frozen=True):
    """What one run read and wrote, by the keys of the data sets."""

    inputs: frozenset[str]
    outputs: frozenset[str]


class LiveServer:
    """A server, asked over HTTP as anybody would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=WAIT_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, query: str, **variables: JsonValue) -> Object:
        """Ask in GraphQL, and return ``data``; no error is expected."""
        answer = self._http.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer["errors"]
        found: Object = answer["data"]
        return found

    def size(self) -> int:
        """Return how many entries the log has."""
        return int(_text(_inner(self.ask("{ head { size } }"), "head"), "size"))

    def send(self, message: Object) -> Object:
        """Send a message of OpenLineage; it must be taken."""
        answer = self._http.post("/api/v1/lineage", json=message)
        assert answer.status_code == 200, answer.text
        found: Object = answer.json()
        return found

    def say(self, statement: Object) -> None:
        """Record a statement of our own."""
        answer = self._http.post("/api/v1/statements", json=statement)
        assert answer.status_code == 200, answer.text

    def nodes(self, type_name: str) -> list[Object]:
        """Return every node of a type; there are fewer than a page of them."""
        page = _inner(self.ask(_NODES, type=type_name), "nodes")
        assert page["cursor"] is None
        return _objects(page, "nodes")

    def flows(self) -> dict[str, Flow]:
        """Return what each run read and wrote that touched any data set, by the run's key."""
        start: list[JsonValue] = [_text(node, "key") for node in self.nodes("lineage.DataSet")]
        if not start:
            return {}
        answer = _inner(self.ask(_LINEAGE, start=start), "lineage")
        assert answer["truncations"] == []
        assert answer["unknown"] == []
        keys = {
            (node["kind"], node["localId"]): _text(node, "key")
            for node in _objects(answer, "nodes")
        }
        sides: dict[str, tuple[set[str], set[str]]] = {}
        for edge in _objects(answer, "edges"):
            run = keys["EXECUTION", edge["execution"]]
            side = ("INPUT", "OUTPUT").index(_text(edge, "kind"))
            sides.setdefault(run, (set(), set()))[side].add(keys["ARTIFACT", edge["artifact"]])
        return {
            run: Flow(frozenset(inputs), frozenset(outputs))
            for run, (inputs, outputs) in sides.items()
        }

    def messages(self, namespace: str | None = None) -> list[Object]:
        """Return what tools sent, in the order of the log, which is small."""
        page = _inner(self.ask(_ENTRIES, namespace=namespace), "entries")
        assert page["nextPosition"] is None
        records = [one for entry in _objects(page, "entries") for one in _objects(entry, "records")]
        return [_inner(one, "body") for one in records if one["record"] == "message"]

    def sources(self, namespace: str | None = None) -> list[str]:
        """Name those who said anything in a namespace."""
        page = _inner(self.ask(_ENTRIES, namespace=namespace), "entries")
        return sorted({_text(entry, "source") for entry in _objects(page, "entries")})

    def send_again(self) -> int:
        """Send all of these once more; each must be known. Returns by how much the log grew."""
        size = self.size()
        assert {self.send(body)["outcome"] for body in self.messages()} == {"duplicate"}
        return self.size() - size


def dataset_key(namespace: str, name: str) -> str:
    """Return how the ledger names a data set of OpenLineage: the namespace in one path segment."""
    return f"ol:dataset/{quote(namespace, safe='')}/{name}"


def free_address() -> str:
    """Return a URL at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def in_order(flows: Iterable[Flow]) -> list[Flow]:
    """Return flows in an order that is theirs alone."""
    return sorted(flows, key=lambda flow: (sorted(flow.outputs), sorted(flow.inputs)))


def edges(flows: Mapping[str, Flow]) -> set[tuple[str, str]]:
    """Return the pairs of data sets of which the second was made from the first, by some run."""
    return {(one, two) for flow in flows.values() for one in flow.inputs for two in flow.outputs}


@contextmanager
def live_server(folder: Path, port: int = 0) -> Iterator[LiveServer]:
    """Serve ``folder/ledger.db`` on loopback, on a free port unless one is given, until the end."""
    store = folder / "ledger.db"
    folder.mkdir(parents=True, exist_ok=True)
    ours = {name: one for name, one in os.environ.items() if not name.startswith("LINEAGE_")}
    errors = folder / "server.log"
    command = ("serve", "--store", str(store), "--port", str(port))
    with (
        errors.open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "lineage_api", *command],
            cwd=folder,
            env=ours | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        server = None
        try:
            said = process.stdout.readline()
            found = re.search(r"http://\S+", said)
            assert found is not None, said + errors.read_text()
            server = LiveServer(found[0])
            yield server
        finally:
            if server is not None:
                server.close()
            process.terminate()
            try:
                process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _inner(value: Object, name: str) -> Object:
    found = value[name]
    assert isinstance(found, dict)
    return found


def _objects(value: Object, name: str) -> list[Object]:
    found = value[name]
    assert isinstance(found, list)
    return [one for one in found if isinstance(one, dict)]


def _text(value: Object, name: str) -> str:
    found = value[name]
    assert isinstance(found, str)
    return found
