"""What a statement says that looks like a secret never reaches the store."""

from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.structs import replace

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.access.inquiry import Inquiry, inquiring
from lineage.ledger import (
    Artifact,
    Claim,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    Mode,
    Outcome,
    Principal,
    Retraction,
    Role,
    Statement,
    open_ledger,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.scanning import scan_rows
from lineage_schemas.api_keys import without_api_keys
from lineage_schemas.errors import ForbiddenError, InvalidInputError
from lineage_schemas.mlmd import ArtifactType
from lineage_schemas.records import AnyRecord, Message
from lineage_schemas.values import PropertyType

SECRET = "hunter2horse"
URI = f"postgres://ada:{SECRET}@db.example.org/rows"
A = "acme:a"


def said(statement_id: str, *records: AnyRecord) -> Statement:
    return Statement(id=statement_id, source="ci", records=records)


def stored_bytes(ledger: Ledger, folder: Path) -> bytes:
    """Return every byte that is kept: the files of a store that has any, and all that it holds."""
    files = b"".join(path.read_bytes() for path in sorted(folder.glob("ledger.db*")))
    with ledger._store.read() as reader:
        entries = repr(reader.entries(0, 1_000)).encode()
        rows = repr([list(scan_rows(reader, table)) for table in TABLES]).encode()
    return files + entries + rows


SAID: dict[str, tuple[AnyRecord, int]] = {
    "uri": (Artifact(key=A, uri=URI), 1),
    "password": (Artifact(key=A, custom_properties={"password": SECRET}), 1),
    "api key": (Artifact(key=A, custom_properties={"api_key": SECRET}), 1),
    "two": (Artifact(key=A, uri=URI, custom_properties={"api_key": SECRET}), 2),
    "nested": (Artifact(key=A, custom_properties={"env": {"DB_PASSWORD": SECRET}}), 1),
    "personal": (
        Artifact(key=A, custom_properties={"password": SECRET}, personal=("password",)),
        1,
    ),
    "personal uri": (Artifact(key=A, custom_properties={"mail": URI}, personal=("mail",)), 1),
    "name": (Execution(key=A, name=f"load {URI}"), 1),
    "evidence": (
        Claim(
            kind=Kind.ARTIFACT,
            node=A,
            identifier="acme:b",
            link_class=LinkClass.ASSERTED,
            evidence={"found in": URI},
        ),
        1,
    ),
    "reason": (
        Retraction(
            kind=Kind.ARTIFACT,
            node=A,
            identifier="acme:b",
            link_class=LinkClass.ASSERTED,
            reason=f"it was {URI}",
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_secret_of_a_statement_is_nowhere_in_the_store(
    ledger: Ledger, tmp_path: Path, name: str
) -> None:
    record, count = SAID[name]
    (receipt,) = ledger.record([said("1", record)])
    assert (receipt.outcome, receipt.secrets_filtered) == (Outcome.APPENDED, count)
    kept = stored_bytes(ledger, tmp_path)
    assert SECRET.encode() not in kept
    assert b"[filtered]" in kept
    (again,) = ledger.record([said("1", record)])
    assert (again.outcome, again.secrets_filtered) == (Outcome.DUPLICATE, count)
    assert again.position == receipt.position
    check_ledger(ledger)


def test_a_password_in_a_key_is_nowhere_in_the_store(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record([said("1", Artifact(key=f"uri:{URI}", name="rows"))])
    assert SECRET.encode() not in stored_bytes(ledger, tmp_path)
    assert ledger.show(f"uri:{URI}")[0].node.name == "rows"
    check_ledger(ledger)


def test_a_command_may_say_a_secret_again_and_is_unchanged(ledger: Ledger, tmp_path: Path) -> None:
    made = Artifact(type="Shape", uri=URI, custom_properties={"token": SECRET})
    again = Artifact(id=1, uri=URI, custom_properties={"token": SECRET})
    records: list[AnyRecord] = [ArtifactType(name="Shape"), made, again]
    commands = [
        Statement(id=str(number), source="client", mode=Mode.COMMAND, records=(record,))
        for number, record in enumerate(records)
    ]
    receipts = ledger.record(commands)
    assert [one.secrets_filtered for one in receipts] == [0, 2, 2]
    assert receipts[-1].outcome is Outcome.UNCHANGED
    assert SECRET.encode() not in stored_bytes(ledger, tmp_path)
    check_ledger(ledger)


def test_a_type_may_declare_a_property_that_holds_secrets(ledger: Ledger, tmp_path: Path) -> None:
    properties = {"password": PropertyType.STRING, "api_key": PropertyType.STRING}
    ledger.record(
        [
            Statement(
                id="1",
                source="client",
                mode=Mode.COMMAND,
                records=(
                    ArtifactType(name="Login", properties=properties),
                    Artifact(type="Login", properties={"password": SECRET}),
                ),
            )
        ]
    )
    login = next(one.type for one in ledger.types().types if one.type.name == "Login")
    assert login.properties == properties
    assert SECRET.encode() not in stored_bytes(ledger, tmp_path)
    check_ledger(ledger)


def test_a_message_that_is_stated_as_a_record_is_searched_too(
    ledger: Ledger, tmp_path: Path
) -> None:
    body = Raw(b'{"password": "%b"}' % SECRET.encode())
    ledger.record([said("1", Message(media_type="application/json", body=body))])
    assert SECRET.encode() not in stored_bytes(ledger, tmp_path)
    check_ledger(ledger)


def test_what_stands_beside_a_message_is_searched_too(ledger: Ledger, tmp_path: Path) -> None:
    message = Message(media_type="application/json", body=Raw(b"{}"))
    personal = Artifact(key=A, custom_properties={"mail": URI}, personal=("mail",))
    ledger.record([said("1", message, personal)])
    assert SECRET.encode() not in stored_bytes(ledger, tmp_path)
    check_ledger(ledger)


# --- what is filtered must not part what belongs together ----------------------------------------

SIGNED = ["uri:https://store.example.org/rows?sig=abc", "acme:rows?token=abc"]


@pytest.mark.parametrize("key", SIGNED)
def test_a_node_is_one_node_whatever_else_its_statements_say(ledger: Ledger, key: str) -> None:
    ledger.record(
        [
            said("1", Event(artifact=key, execution="acme:run", kind=EventKind.INPUT)),
            said("2", Artifact(key=key, uri="https://store.example.org/rows?sig=abc")),
            said("3", Artifact(key=key, custom_properties={"password": SECRET})),
        ]
    )
    assert [node.id for node in ledger.list_nodes("artifact").nodes] == [1]
    answer = ledger.show(key)[0]
    assert (answer.node.id, answer.node.stub, len(answer.edges)) == (1, False, 1)
    check_ledger(ledger)


@pytest.mark.parametrize("key", SIGNED)
def test_a_claim_of_a_key_meets_the_node_of_that_key(ledger: Ledger, key: str) -> None:
    claim = Claim(kind=Kind.ARTIFACT, node=A, identifier=key, link_class=LinkClass.ASSERTED)
    ledger.record([said("1", Artifact(key=key, name="rows")), said("2", claim)])
    assert [node.id for node in ledger.show(A)[0].members] == [1, 2]
    check_ledger(ledger)


# --- our own keys --------------------------------------------------------------------------------

OWN_KEY = f"llk_{'0123456789abcdef'}_{'0123456789abcdef' * 4}"
FILTERED_KEY = "llk_0123456789abcdef_[filtered]"
KEPT_FOR_EVER: dict[str, dict[str, object]] = {
    "id": {"id": OWN_KEY},
    "source": {"source": f"x/{OWN_KEY}"},
    "type": {"records": (Artifact(key=A, type=f"T{OWN_KEY}"),)},
    "type of a command": {
        "mode": Mode.COMMAND,
        "records": (ArtifactType(name=f"T{OWN_KEY}"),),
    },
    "mapping": {"mapping": f"{OWN_KEY}/1", "message": "1"},
}


@pytest.mark.parametrize("name", KEPT_FOR_EVER)
def test_what_is_kept_for_ever_may_hold_no_key_of_ours(
    ledger: Ledger, tmp_path: Path, name: str
) -> None:
    statement = replace(said("1", Artifact(key=A)), **KEPT_FOR_EVER[name])
    with pytest.raises(InvalidInputError, match="API key") as refused:
        ledger.record([statement])
    assert OWN_KEY[:24] not in str(refused.value)
    with pytest.raises(InvalidInputError, match="API key"):
        ledger.record([said("1", Artifact(key=A))], namespace=f"n{OWN_KEY}")
    with pytest.raises(InvalidInputError, match="API key"):
        ledger.access.grant("ada", Role.INGEST, ["default"], sources=[OWN_KEY])
    with pytest.raises(InvalidInputError, match="API key"):
        ledger.access.grant(f"ada {OWN_KEY}", Role.READER, [OWN_KEY])
    assert OWN_KEY.encode() not in stored_bytes(ledger, tmp_path)


@pytest.mark.parametrize("field", ["id", "source"])
def test_what_a_statement_is_called_may_hold_no_password(ledger: Ledger, field: str) -> None:
    statement = Statement(id="s-1", source="ci", records=(Artifact(key="acme:a/1"),))
    with pytest.raises(InvalidInputError, match="may hold no password"):
        ledger.record([replace(statement, **{field: "https://ada:hunter2@ci.example.org"})])


def test_a_key_of_ours_in_an_identifier_is_nowhere_in_the_store(
    ledger: Ledger, tmp_path: Path
) -> None:
    key = f"acme:{OWN_KEY}"
    claim = Claim(
        kind=Kind.ARTIFACT, node=key, identifier=f"other:{OWN_KEY}", link_class=LinkClass.ASSERTED
    )
    event = Event(artifact=key, execution=f"acme:run/{OWN_KEY}", kind=EventKind.INPUT)
    ledger.record([said("1", Artifact(key=key), claim, event)])
    assert ledger.show(key)[0].node.key == f"acme:{FILTERED_KEY}"
    assert OWN_KEY.encode() not in stored_bytes(ledger, tmp_path)
    check_ledger(ledger)


def test_a_key_of_ours_in_what_the_ledger_states_of_itself_is_nowhere_in_the_store(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.record([said("1", Artifact(key=A, custom_properties={"of": "Ada"}))])
    grant = ledger.access.grant("ada", Role.READER, ["default"], reason=f"she lost {OWN_KEY}")
    assert grant.reason == f"she lost {FILTERED_KEY}"
    ledger.access.revoke(grant.position, reason=OWN_KEY)
    _, view = ledger.access.make_key("ada", reason=OWN_KEY)
    ledger.access.revoke_api_key(view.key, reason=OWN_KEY)
    held = ledger.erasures.hold(A, authority=f"court {OWN_KEY}")
    ledger.erasures.release(held.position, reason=OWN_KEY)
    ledger.erasures.retain(A, retention_class=OWN_KEY, keep_days=1, legal_basis=OWN_KEY)
    assert OWN_KEY.encode() not in stored_bytes(ledger, tmp_path)


def test_a_key_of_ours_in_a_question_is_not_in_the_access_log(tmp_path: Path) -> None:
    with open_ledger(
        tmp_path / "ledger.db", clock=FakeClock(), randomness=SeededRandomness()
    ) as ledger:
        ledger.access.grant("eve", Role.AUDITOR, ["*"])
        inquiry = Inquiry(operation=f"op_{OWN_KEY}", text=f"{{ {OWN_KEY}: a }}", purpose=OWN_KEY)
        with inquiring(inquiry):
            ledger.show(A, principal=Principal("eve"), namespace=f"n{OWN_KEY}")
        with inquiring(inquiry), pytest.raises(ForbiddenError):
            ledger.show(A, principal=Principal("bob"), namespace=f"n{OWN_KEY}")
        records = ledger.access.log().records
    shown = {one.access.operation for one in records if one.who == "eve"}
    assert shown == {f"op_{FILTERED_KEY}"}
    assert {one.access.namespace for one in records} >= {f"n{FILTERED_KEY}"}
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert OWN_KEY.encode() not in kept


def test_a_key_of_ours_that_was_cut_is_filtered_from_a_value(ledger: Ledger) -> None:
    cut = OWN_KEY[:-10]
    ledger.record([said("1", Artifact(key=A, custom_properties={"log": f"key={cut} used"}))])
    shown = ledger.show(A)[0].node.custom_properties["log"]
    assert shown == f"key={FILTERED_KEY} used"


def test_a_text_keeps_all_but_keys_of_ours() -> None:
    assert without_api_keys(f"a {OWN_KEY}, b") == f"a {FILTERED_KEY}, b"
    for text in ("", "llk_", OWN_KEY[:20], "\ud800 llk_", "é llk_ü"):
        assert without_api_keys(text) == text
    assert without_api_keys(f"\ud800{OWN_KEY}") == f"\ud800{FILTERED_KEY}"
