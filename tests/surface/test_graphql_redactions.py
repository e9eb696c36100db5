"""What was erased, who signs, and how far, in GraphQL."""

from collections.abc import Iterator

import pytest

from lineage_api.app import create_app
from lineage_api.settings import Settings
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, dig, running
from terminal import AT, MODEL, PERSON, RUN, Terminal, more

ASKED = ("--legal-basis", "GDPR 17", "--requester", "Ada", "--approver", "Bob")
REDACTIONS = "redactions { position parts erasedBy requester approver at legalBasis reason }"


@pytest.fixture
def erased(terminal: Terminal) -> Iterator[SurfaceClient]:
    """Serve a ledger in which the owner of a run was erased."""
    terminal.done("redact", RUN, *ASKED, "--reason", "asked")
    with (
        terminal.open() as ledger,
        running(create_app(ledger, Settings(publish_seconds=3_600))) as client,
    ):
        yield client


def test_an_erased_value_is_null_and_says_where_it_stood(erased: SurfaceClient) -> None:
    query = """query ($key: String!) { execution(key: $key) { node { redacted customProperties
        propertyList { name type value declared redactedAt } } basis { redactions } } }"""
    found = dig(erased.ask(query, key=RUN), "execution")
    assert dig(found, "node", "redacted") == 1
    assert dig(found, "basis", "redactions") == "1"
    assert dig(found, "node", "customProperties") == {"owner": {"$redacted": AT}, "seed": 7}
    assert dig(found, "node", "propertyList") == [
        {
            "name": "owner",
            "type": None,
            "value": None,
            "declared": False,
            "redactedAt": str(AT),
        },
        {"name": "seed", "type": "INT", "value": 7, "declared": False, "redactedAt": None},
    ]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (f'execution(key: "{RUN}")', "execution"),
        (f'lineage(start: "{MODEL}")', "lineage"),
        ('find(text: "train")', "find"),
        ('nodes(type: "execution")', "nodes"),
        ("entries", "entries"),
    ],
)
def test_every_answer_says_by_whom_when_and_why(
    erased: SurfaceClient, field: str, name: str
) -> None:
    (redaction,) = listed(erased.ask(f"{{ {field} {{ {REDACTIONS} }} }}"), name, "redactions")
    at = str(dig(redaction, "at"))
    assert at.startswith("2026-01-01T")
    # The erasure follows the two who are named in it, each an entry of its own.
    assert redaction == {
        "position": str(AT),
        "parts": "PERSONAL",
        "erasedBy": str(AT + 3),
        "requester": "Ada",
        "approver": "Bob",
        "at": at,
        "legalBasis": "GDPR 17",
        "reason": "asked",
    }


def test_an_entry_says_which_parts_are_gone(erased: SurfaceClient) -> None:
    found = erased.ask("{ entries { entries { position erased records } } }")
    entries = {dig(one, "position"): one for one in listed(found, "entries", "entries")}
    assert dig(entries[str(AT)], "erased") == "PERSONAL"
    assert dig(entries[str(AT + 1)], "erased") is None
    assert PERSON not in str(found)


def test_an_entry_without_facts_has_no_records(terminal: Terminal) -> None:
    terminal.done("redact", RUN, "--all", *ASKED)
    with terminal.open() as ledger, running(create_app(ledger, Settings())) as client:
        found = client.ask('{ entries(from: "4", first: 1) { entries { erased records } } }')
    assert dig(found, "entries", "entries", 0) == {"erased": "ALL", "records": None}


def test_the_head_says_how_far_it_is_signed_and_anchored(
    terminal: Terminal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    query = "{ head { size checkpoint signedSize anchoredSize } }"
    with (
        terminal.open() as ledger,
        running(create_app(ledger, Settings(publish_seconds=3_600))) as client,
    ):
        answer = ledger.custody.checkpoint()
        head = dig(client.ask(query), "head")
        assert head == {
            "size": str(answer.size),
            "checkpoint": answer.note,
            "signedSize": str(answer.size),
            "anchoredSize": None,
        }
        ledger.custody.anchor_in_directory(tmp_path_factory.mktemp("archive"))
        terminal.clock.step_us = 0
        ledger.record([more(1)])
        ledger.record([more(2)])
        head = dig(client.ask(query), "head")
        assert dig(head, "anchoredSize") == str(answer.size)
        assert int(str(dig(head, "signedSize"))) < int(str(dig(head, "size")))


def test_keys_are_those_that_the_log_names(terminal: Terminal) -> None:
    old = terminal.verifier()
    terminal.done("key", "rotate", "--reason", "yearly")
    query = "{ keys { verifier position signsFrom signsTo isCurrent } }"
    with terminal.open() as ledger, running(create_app(ledger, Settings())) as client:
        first, second = listed(client.ask(query), "keys")
    assert (dig(first, "verifier"), dig(first, "signsFrom")) == (old, "2")
    assert dig(first, "signsTo") == str(int(str(dig(second, "position"))) + 1)
    assert (dig(second, "isCurrent"), dig(second, "signsTo")) == (True, None)


def test_a_ledger_that_nobody_signs_says_so(told: SurfaceClient) -> None:
    query = "{ head { checkpoint signedSize anchoredSize } keys { verifier } }"
    assert told.ask(query) == {
        "head": {"checkpoint": None, "signedSize": None, "anchoredSize": None},
        "keys": [],
    }


def listed(answer: JsonValue, *path: str) -> list[JsonValue]:
    """Return a list inside an answer."""
    found = dig(answer, *path)
    assert isinstance(found, list)
    return found
