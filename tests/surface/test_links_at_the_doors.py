"""Labels and links at the terminal and over GraphQL: what they resolve to, and what they list."""

import json

from lineage.ledger import (
    Artifact,
    Claim,
    Kind,
    LinkClass,
    Statement,
    open_ledger,
)
from lineage_schemas.records import AnyRecord
from surface_client import SurfaceClient, dig
from surface_story import tell
from terminal import AT, MODEL, RUN, Terminal

DIGEST = "md5:" + "ab" * 16


def told(terminal: Terminal, source: str, *records: AnyRecord) -> None:
    with open_ledger(terminal.store, clock=terminal.clock) as ledger:
        number = ledger.head().size
        ledger.record([Statement(id=f"{source}/{number}", source=source, records=records)])


def test_a_label_stands_for_an_identifier_in_commands(terminal: Terminal) -> None:
    shown = terminal.run("show", "Train", "--format", "json")
    assert shown.exit_code == 0
    assert shown.stderr == f"Train is {RUN}\n"
    (answer,) = json.loads(shown.stdout)
    assert (answer["node"]["key"], answer["label"]["key"]) == (RUN, RUN)
    traced = json.loads(terminal.run("trace", "train", "--format", "json").stdout)
    assert traced["start"] == [RUN]
    assert traced["labels"][0]["text"] == "train"
    proven = json.loads(terminal.done("prove", "train", "--envelope-only", "--format", "json"))
    assert AT in proven["positions"]


def test_a_label_of_nothing_or_of_several_things_is_an_error_that_helps(
    terminal: Terminal,
) -> None:
    nothing = terminal.run("trace", "no such thing")
    assert nothing.exit_code == 1
    assert "lineage find" in nothing.stderr
    told(terminal, "ci", Artifact(key="acme:1", name="train"), Artifact(key="acme:2"))
    several = terminal.run("show", "train")
    assert several.exit_code == 2
    assert "2 things go by this label" in several.stderr
    assert RUN in several.stderr
    assert "acme:1" in several.stderr
    assert several.stdout == ""
    for command in ("trace", "show", "prove"):
        assert terminal.run(command, "train").exit_code == 2


def test_links_are_listed_with_class_source_evidence_and_what_they_join(
    terminal: Terminal,
) -> None:
    claim = Claim(
        kind=Kind.ARTIFACT,
        node=MODEL,
        identifier=DIGEST,
        link_class=LinkClass.CONTENT,
        evidence={"file": "model.bin"},
    )
    told(terminal, "dvc", claim)
    told(
        terminal,
        "s3",
        Artifact(key="uri:s3://b/model.bin"),
        Claim(
            kind=Kind.ARTIFACT,
            node="uri:s3://b/model.bin",
            identifier=DIGEST,
            link_class=LinkClass.CONTENT,
        ),
    )
    assert terminal.done("links", "--source", "dvc").splitlines() == [
        f"artifact {MODEL}  goes by {DIGEST}  content by dvc  file model.bin",
        "    = artifact uri:s3://b/model.bin  content",
    ]
    assert terminal.run("links", "--class", "guessed").stdout == ""
    page = json.loads(terminal.done("links", MODEL, "--format", "json"))
    assert [one["identifier"] for one in page["links"]] == [DIGEST]
    first = terminal.run("links", "--count", "1")
    cursor = first.stderr.split()[-1]
    assert terminal.done("links", "--cursor", cursor).startswith("artifact uri:s3://b/model.bin")


def test_unresolved_things_are_listed_with_who_refers_to_them_and_guesses(
    terminal: Terminal,
) -> None:
    told(terminal, "s3", Artifact(key="uri:s3://b/model.bin"))
    assert terminal.done("links", "--unresolved").splitlines() == [
        f"artifact {MODEL}  stub",
        "    edge by notebook",
        "    ? artifact uri:s3://b/model.bin  same name model.bin",
    ]
    traced = json.loads(
        terminal.run("trace", MODEL, "--direction", "both", "--format", "json").stdout
    )
    assert "uri:s3://b/model.bin" not in {node["key"] for node in traced["nodes"]}
    wrong = terminal.run("links", "--unresolved", "--class", "guessed")
    assert wrong.exit_code == 2


def test_graphql_resolves_labels_and_lists_candidates(client: SurfaceClient) -> None:
    names = {"acme:1": "Fraud-Model v3", "acme:2": "other"}
    tell(
        client,
        "1",
        *[{"record": "artifact", "key": key, "name": name} for key, name in names.items()],
    )
    answer = client.ask(
        '{ artifact(key: "fraud model 3") { node { key } label { text key kind label } } '
        'lineage(start: "fraud model 3") { start labels { key } } }'
    )
    assert answer == {
        "artifact": {
            "node": {"key": "acme:1"},
            "label": {
                "text": "fraud model 3",
                "key": "acme:1",
                "kind": "ARTIFACT",
                "label": "Fraud-Model v3",
            },
        },
        "lineage": {"start": ["acme:1"], "labels": [{"key": "acme:1"}]},
    }
    tell(client, "2", {"record": "artifact", "key": "acme:3", "name": "fraud model 3"})
    error = client.refused('{ lineage(start: "fraud model 3") { stubs } }')
    extensions = dig(error, "extensions")
    assert isinstance(extensions, dict)
    assert (extensions["code"], extensions["reason"]) == ("BAD_USER_INPUT", "ambiguous_label")
    assert extensions["more"] == 0
    assert extensions["candidates"] == [
        {
            "key": key,
            "kind": "artifact",
            "type": None,
            "label": label,
            "statedAt": None,
            "members": 1,
        }
        for key, label in (("acme:1", "Fraud-Model v3"), ("acme:3", "fraud model 3"))
    ]


def test_graphql_lists_links_and_what_is_unresolved(told: SurfaceClient) -> None:
    answer = told.ask(
        "{ links(class: [ASSERTED]) { links { kind localId key identifier class source evidence "
        "joined { key class } hidden statedAt } cursor } "
        "unresolved { things { reason node { key } references { source kind count } "
        "guesses { key } } cursor } }"
    )
    assert answer == {
        "links": {
            "links": [
                {
                    "kind": "ARTIFACT",
                    "localId": "2",
                    "key": "mytool:model/1",
                    "identifier": "mlflow:model/server/m-1",
                    "class": "ASSERTED",
                    "source": "test",
                    "evidence": {"file": "a"},
                    "joined": [],
                    "hidden": "0",
                    "statedAt": None,
                }
            ],
            "cursor": None,
        },
        "unresolved": {
            "things": [
                {
                    "reason": "STUB",
                    "node": {"key": "uri:file:///data.csv"},
                    "references": [{"source": "test", "kind": "EDGE", "count": "1"}],
                    "guesses": [],
                }
            ],
            "cursor": None,
        },
    }
