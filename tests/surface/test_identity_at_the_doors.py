"""Why and conflicts at the terminal and over GraphQL."""

import json
from datetime import UTC, datetime

from lineage.ledger import (
    Artifact,
    Claim,
    Kind,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
    open_ledger,
)
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


def told(terminal: Terminal, source: str, *records: AnyRecord, month: int | None = None) -> int:
    """Say something, and return where it stands."""
    with open_ledger(terminal.store, clock=terminal.clock) as ledger:
        number = ledger.head().size
        stated = None if month is None else StatedTime(start=datetime(2025, month, 1, tzinfo=UTC))
        statement = Statement(
            id=f"{source}/{number}", source=source, records=records, stated=stated
        )
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


def joined_in_may(terminal: Terminal) -> None:
    """Say of two that they are one from May on, and no more in June; with digests that differ."""
    told(terminal, "ci", Artifact(key="acme:a"), Artifact(key="acme:b"), month=4)
    told(terminal, "ci", claim("acme:a", ONE, LinkClass.CONTENT), month=4)
    told(terminal, "s3", claim("acme:b", OTHER, LinkClass.CONTENT), month=4)
    back = Retraction(
        kind=Kind.ARTIFACT, node="acme:a", identifier="acme:b", link_class=LinkClass.ASSERTED
    )
    told(terminal, "s3", back, month=6)
    told(terminal, "s3", claim("acme:a", "acme:b", LinkClass.ASSERTED), month=5)


def test_why_is_asked_of_a_stated_time(terminal: Terminal) -> None:
    joined_in_may(terminal)
    relations = [
        next(line for line in terminal.done("why", "acme:a", "acme:b", *asked).splitlines()[2:])
        for asked in (
            (),
            ("--valid-at", "2025-04-30T00:00:00Z"),
            ("--valid-at", "2025-05-01T00:00:00Z"),
            ("--valid-during", "2025-04-01T00:00:00Z", "2025-05-01T00:00:01Z"),
            ("--valid-at", "2025-06-01T00:00:00Z"),
        )
    ]
    apart = "apart: nothing that a trace may cross joins them"
    one = "one entity: asserted links join them"
    assert relations == [
        apart,
        f"{apart} at 2025-04-30T00:00:00.000000Z",
        f"{one} at 2025-05-01T00:00:00.000000Z",
        f"{one} from 2025-04-01T00:00:00.000000Z to 2025-05-01T00:00:01.000000Z",
        f"{apart} at 2025-06-01T00:00:00.000000Z",
    ]
    early = terminal.run("why", "acme:a", "acme:b", "--valid-at", "2025-03-31T00:00:00Z")
    assert (early.exit_code, "acme:a  is unknown" in early.stdout) == (1, True)


def test_conflicts_are_asked_of_a_stated_time(terminal: Terminal) -> None:
    joined_in_may(terminal)
    for at, kinds in (("2025-04-30", []), ("2025-05-15", ["digests"]), ("2025-06-01", [])):
        given = "conflicts", "--valid-at", f"{at}T00:00:00Z", "--format", "json"
        page = json.loads(terminal.done(*given))
        assert [one["kind"] for one in page["conflicts"]] == kinds
        assert page["basis"]["valid_at"] == f"{at}T00:00:00.000000Z"
    assert json.loads(terminal.done("conflicts", "--format", "json"))["conflicts"] == []


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


def test_graphql_asks_why_and_conflicts_of_a_stated_time(client: SurfaceClient) -> None:
    """Nobody dated the claim, so it stands at every time; the basis says which was asked about."""
    asserted = {"record": "claim", "kind": "artifact", "class": "asserted", "identifier": "acme:x"}
    for key in ("acme:a", "acme:b"):
        tell(client, key, {**asserted, "node": key})
    during = 'validDuring: {from: "2025-05-01T00:00:00Z", to: "2025-06-01T00:00:00Z"}'
    answer = client.ask(
        '{ why(one: "acme:a", other: "acme:b", validAt: "2025-05-01T00:00:00Z") '
        "{ relation basis { validAt } } "
        f"conflicts({during}) {{ conflicts {{ kind }} basis {{ validDuring {{ from to }} }} }} }}"
    )
    assert answer == {
        "why": {
            "relation": "ONE_ENTITY",
            "basis": {"validAt": "2025-05-01T00:00:00.000000Z"},
        },
        "conflicts": {
            "conflicts": [],
            "basis": {
                "validDuring": {
                    "from": "2025-05-01T00:00:00.000000Z",
                    "to": "2025-06-01T00:00:00.000000Z",
                }
            },
        },
    }


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
