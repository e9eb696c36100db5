"""Why and conflicts at the terminal and over GraphQL."""

import json

from lineage.ledger import Artifact, Claim, Kind, LinkClass, Statement, open_ledger
from lineage_schemas.records import AnyRecord
from surface_client import SurfaceClient
from surface_story import tell
from terminal import MODEL, Terminal

ONE, OTHER = "md5:" + "ab" * 16, "md5:" + "cd" * 16
COPY = "uri:s3://b/model.bin"


def claim(node: str, identifier: str, link_class: LinkClass, **evidence: str) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT,
        node=node,
        identifier=identifier,
        link_class=link_class,
        evidence=dict(evidence),
    )


def told(terminal: Terminal, source: str, *records: AnyRecord) -> int:
    """Say something, and return where it stands."""
    with open_ledger(terminal.store, clock=terminal.clock) as ledger:
        number = ledger.head().size
        statement = Statement(id=f"{source}/{number}", source=source, records=records)
        (receipt,) = ledger.record([statement])
        assert receipt.position is not None
        return receipt.position


def test_why_tells_the_chain_with_its_claims(terminal: Terminal) -> None:
    at = told(terminal, "s3", Artifact(key=COPY), claim(COPY, MODEL, LinkClass.ASSERTED, by="hand"))
    lines = terminal.done("why", COPY, MODEL).splitlines()
    assert lines[:4] == [
        f"{COPY}  is the key of artifact {COPY}",
        f"{MODEL}  is the key of artifact {MODEL}",
        "one entity: asserted links join them",
        f"  artifact {COPY} = artifact {MODEL}  asserted",
    ]
    assert lines[4].startswith(
        f"      artifact {COPY}  goes by {MODEL}  asserted by s3  entry {at} of"
    )
    assert lines[4].endswith("by hand")
    assert lines[5] == f"      artifact {MODEL}  goes by {MODEL}, its own key"
    answer = json.loads(terminal.done("why", COPY, MODEL, "--format", "json"))
    assert (answer["relation"], answer["link_class"]) == ("one_entity", "asserted")


def test_why_tells_what_comes_nearest_and_what_is_unknown(terminal: Terminal) -> None:
    told(terminal, "s3", Artifact(key=COPY), claim(COPY, MODEL, LinkClass.GUESSED, name="alike"))
    lines = terminal.done("why", MODEL, COPY).splitlines()
    assert "apart: nothing that a trace may cross joins them" in lines
    assert "  only a guess joins them, and no trace crosses one" in lines
    unknown = terminal.run("why", MODEL, "acme:never")
    assert unknown.exit_code == 1
    assert "acme:never  is unknown" in unknown.stdout


def test_conflicts_are_listed_with_sides_links_and_advice(terminal: Terminal) -> None:
    told(terminal, "dvc", claim(MODEL, ONE, LinkClass.CONTENT, file="m"))
    told(
        terminal,
        "s3",
        claim(COPY, OTHER, LinkClass.CONTENT),
        claim(COPY, MODEL, LinkClass.ASSERTED),
    )
    lines = terminal.done("conflicts").splitlines()
    assert lines[0] == "digests  md5  in an entity of 2 nodes"
    assert f"  {ONE}  by dvc" in lines
    assert f"  {OTHER}  by s3" in lines
    assert "  joined by" in lines
    assert lines[-1].endswith("takes that back. (dvc, s3)")
    (one,) = json.loads(terminal.done("conflicts", MODEL, "--format", "json"))["conflicts"]
    assert (one["kind"], one["asked"]) == ("digests", ["dvc", "s3"])
    nothing = terminal.run("conflicts", "--kind", "types")
    assert (nothing.stdout, nothing.exit_code) == ("", 0)
    assert "nothing found" in nothing.stderr
    tree = terminal.done("trace", COPY)
    assert "conflict  1 in what is said of one thing (digests)" in tree


def test_graphql_tells_why_and_lists_conflicts(client: SurfaceClient) -> None:
    for source, key, digest in (("a", "acme:a", ONE), ("b", "acme:b", OTHER)):
        content = {"record": "claim", "kind": "artifact", "node": key, "class": "content"}
        asserted = {**content, "class": "asserted", "identifier": "acme:x"}
        tell(client, source, {**content, "identifier": digest}, asserted)
    answer = client.ask(
        '{ why(one: "acme:a", other: "acme:b") { relation class conflicts complete '
        "one { found nodes { key } } steps { class near { node { key } identifier source class } "
        "far { node { key } stands } } apart { reason } } "
        "conflicts(kind: [DIGESTS]) { conflicts { kind about members asked "
        "sides { value nodes { key } claims { source } } } cursor complete } "
        'lineage(start: "acme:a") { entities { conflicts conflictKinds } } }'
    )
    step = {
        "class": "ASSERTED",
        "near": {
            "node": {"key": "acme:a"},
            "identifier": "acme:x",
            "source": "test",
            "class": "ASSERTED",
        },
        "far": {"node": {"key": "acme:b"}, "stands": True},
    }
    assert answer == {
        "why": {
            "relation": "ONE_ENTITY",
            "class": "ASSERTED",
            "conflicts": ["DIGESTS"],
            "complete": True,
            "one": {"found": "KEY", "nodes": [{"key": "acme:a"}]},
            "steps": [step],
            "apart": [],
        },
        "conflicts": {
            "conflicts": [
                {
                    "kind": "DIGESTS",
                    "about": "md5",
                    "members": "2",
                    "asked": ["test"],
                    "sides": [
                        {
                            "value": digest,
                            "nodes": [{"key": key}],
                            "claims": [{"source": "test"}],
                        }
                        for digest, key in ((ONE, "acme:a"), (OTHER, "acme:b"))
                    ],
                }
            ],
            "cursor": None,
            "complete": True,
        },
        "lineage": {"entities": [{"conflicts": "1", "conflictKinds": ["DIGESTS"]}]},
    }
