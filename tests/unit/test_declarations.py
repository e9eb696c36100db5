"""Declarations: read from files, said as records, and followed by later versions of themselves."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.connectors.declarations.reading import canonical, read_declarations
from lineage.importing.declaring import declare
from lineage.importing.versions import Speaker
from lineage.ledger import Artifact, Association, Context, Execution, Statement, TraceQuery
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.notes import Declarer, sign_line
from lineage.proofs.signing import SigningKey
from lineage.service import Ledger
from lineage_schemas.declarations import TakenDeclaration
from lineage_schemas.errors import (
    AmbiguousLabelError,
    DecodeError,
    InvalidInputError,
    LedgerError,
    NotFoundError,
    PreconditionError,
    ProofError,
)
from lineage_schemas.graph import Node
from lineage_schemas.values import JsonValue

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPEAKER = Speaker(source="declarations")
ANA = SigningKey("example.org/ana", bytes(range(32)))
EVE = SigningKey("example.org/ana", bytes(range(1, 33)))
KNOWN = (Declarer("Ana Ruiz", verifier_key_of(ANA)),)
MODEL = "acme:model/1"
Tree = dict[str, JsonValue]


def in_memory() -> Ledger:
    return open_ledger("memory:", clock=FakeClock(), randomness=SeededRandomness())


def told(*trees: Tree) -> bytes:
    return json.dumps(list(trees)).encode()


def tree(name: str = "d", **facts: JsonValue) -> Tree:
    return {"id": name, "subject": MODEL, "kind": "artifact"} | facts


def say(ledger: Ledger, *trees: Tree, now: datetime = NOW, **more: object) -> list[str]:
    return [one.outcome for one in taken(ledger, *trees, now=now, **more)]


def taken(
    ledger: Ledger, *trees: Tree, now: datetime = NOW, **more: object
) -> tuple[TakenDeclaration, ...]:
    given = read_declarations(told(*trees))
    return declare(ledger, given, SPEAKER, now, **more)  # type: ignore[arg-type]


def node(ledger: Ledger, key: str) -> Node:
    return ledger.show(key)[0].node


def signed(given: Tree, key: SigningKey = ANA) -> Tree:
    """Sign by hand, as docs/declaring.md says: sorted keys, no blanks, a line feed behind it."""
    given = {"stated": "2026-06-01T00:00:00Z", **given}
    text = json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    return given | {"signature": sign_line(key, text.encode())}


WRONG = [
    (b"id: a\nsubject: x:y\nownr: me\n", "line 3, column 1: $.ownr", "'owner'"),
    (b'{"id": "a", "subject": "x:y",\n "tire": "low"}', "line 2, column 2: $.tire", "'tier'"),
    (
        b"- id: a\n  subject: x:y\n  approval:\n    decision: aproved\n    approver: me\n",
        "line 4, column 15: $[0].approval.decision",
        "'approved'",
    ),
    (
        b"- id: a\n  subject: x:y\n  success_criteria:\n  - {metric: a, comparision: '>'}\n",
        "line 4, column 17: $[0].success_criteria[0].comparision",
        "'comparison'",
    ),
    (b"id: a\nsubject: x:y\nstated: noon\n", "line 3, column 9: $.stated", "2026-01-31T12:00:00Z"),
    (b"id: a\nsubject: x:y\nstated: 2026-01-01T00:00:00\n", "line 3, column 9: $.stated", ""),
    (b"id: a\n", "line 1, column 1: $", ""),
    (b"id: a\nsubject: 7\n", "line 2, column 10: $.subject", ""),
    (b"id: a\nsubject: x:y\nbaseline: {auc: high}\n", "line 3, column 11: $.baseline", ""),
    (b"id: a\nsubject: x:y\nrestrictions: none\n", "line 3, column 15: $.restrictions", ""),
    (b"declarations: []\n", "line 1, column 15: $.declarations", ""),
    (b"declarations:\n- id: a\n  subject: x:y\nowner: b\n", "line 4, column 1: $.owner", ""),
    (b"just text\n", "line 1, column 1: $", ""),
    (
        b"- {id: a, subject: x:y}\n- {id: a, subject: x:z}\n",
        "line 2, column 8: $[1].id",
        "",
    ),
    (
        b"id: a\nsubject: x:y\ntier: low\napproval: {decision: approved, approver: me}\n",
        "line 3, column 1: $.tier",
        "declaration of its own",
    ),
]


@pytest.mark.parametrize(("body", "where", "hint"), WRONG)
def test_a_wrong_file_is_told_by_line_column_and_path(body: bytes, where: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_declarations(body)
    assert caught.value.where == where
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"id: a\nsubject: x:y\nstated: 0001-01-01T00:00:00+14:00\n",
        b"id: a\nsubject: x:y\nretention_until_time: 9999-12-31T23:00:00-02:00\n",
        b"id: a\nsubject: x:y\nincident: {summary: s, started_time: 0001-01-01T00:00:00+01:00}\n",
    ],
)
def test_a_time_that_is_none_in_utc_is_told(body: bytes) -> None:
    with pytest.raises(InvalidInputError, match="outside the years"):
        read_declarations(body)


@pytest.mark.parametrize(
    "body", [b"", b"a: [\n", b"\xff", b"id: a\nid: b\n", b"id: a\n---\nid: b\n"]
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read_declarations(body)


def test_a_declaration_is_said_of_its_subject_and_its_owner_on_it() -> None:
    with in_memory() as ledger:
        model = Artifact(key=MODEL, type="lineage.Model", properties={"display_name": "fraud 1"})
        ledger.record([Statement(id="m", source="acme", records=(model,))])
        facts: Tree = {
            "subject": "fraud 1",
            "owner": "Team Fraud",
            "tier": "high",
            "review_date": "2026-12-31",
            "validator": "Bo Lind",
            "restrictions": ["no credit decisions"],
            "success_criteria": ["holds", {"metric": "auc", "comparison": ">=", "threshold": 0.9}],
            "baseline": {"auc": 0.88},
            "stated": "2026-05-01T00:00:00Z",
        }
        (one,) = taken(ledger, facts | {"id": "d"})
        assert (one.subject, one.outcome, one.revision) == (MODEL, "appended", 1)
        assert node(ledger, MODEL).properties["owner"] == "Team Fraud"
        found = node(ledger, one.key)
        assert found.type == "lineage.Declaration"
        expected = {
            "owner": "Team Fraud",
            "tier": "high",
            "review_date": "2026-12-31",
            "restrictions": {"items": ["no credit decisions"]},
            "subject": MODEL,
            "declared_time": "2026-05-01T00:00:00.000000Z",
        }
        assert expected.items() <= found.properties.items()
        assert found.custom_properties["declared.validator"] == "Bo Lind"
        assert found.custom_properties["declared.baseline"] == {"auc": 0.88}
        answer = ledger.trace(TraceQuery(start=(one.key,)))
        assert [each.key for each in answer.nodes if each.depth == 2] == [MODEL]
        check_ledger(ledger)


def test_what_is_declared_of_a_context_belongs_to_it() -> None:
    with in_memory() as ledger:
        (one,) = taken(ledger, tree(subject="k8s:c/_/Namespace/prod", kind="context", tier="high"))
        held = ledger.show("k8s:c/_/Namespace/prod")[0].contained
        assert {each.key for each in held} == {one.key, "declare:declarations/d"}


def test_what_is_declared_of_an_execution_is_declared_as_its_input() -> None:
    with in_memory() as ledger:
        run = Execution(key="acme:run/1", type="lineage.Train")
        ledger.record([Statement(id="r", source="acme", records=(run,))])
        (one,) = taken(ledger, {"id": "d", "subject": "acme:run/1", "success_criteria": ["fast"]})
        edges = ledger.show("acme:run/1")[0].edges
        assert [(edge.kind, edge.path) for edge in edges] == [("DECLARED_INPUT", ("declaration",))]
        assert one.subject == "acme:run/1"
        parts: list[Tree] = [{"incident": {"summary": "x"}}, {"approval": APPROVED}]
        for part in parts:
            with pytest.raises(InvalidInputError, match="not about a step"):
                say(ledger, part | {"id": "e", "subject": "acme:run/1"})


APPROVED: Tree = {"decision": "approved", "approver": "Ana Ruiz", "meaning": "fit"}


def test_an_approval_and_an_incident_are_said_as_such() -> None:
    with in_memory() as ledger:
        incident: Tree = {"summary": "drift", "status": "open", "is_serious": True}
        approval, failure = taken(
            ledger, tree("a", approval=APPROVED), tree("i", incident=incident)
        )
        found = node(ledger, approval.key)
        assert (found.type, found.properties["decision"]) == ("lineage.Approval", "approved")
        assert found.properties["is_signed"] is False
        answer = ledger.trace(TraceQuery(start=(approval.key,)))
        assert {MODEL, "approve:declarations/a"} < {one.key for one in answer.nodes}
        assert failure.key == "declaration:declarations/i"
        found = node(ledger, "incident:declarations/i")
        assert (found.properties["summary"], found.properties["is_serious"]) == ("drift", True)
        check_ledger(ledger)


def test_said_again_unchanged_it_appends_nothing() -> None:
    given = (tree("d", owner="a"), tree("a", approval=APPROVED))
    with in_memory() as ledger:
        assert say(ledger, *given) == ["appended", "appended"]
        size = ledger.head().size
        assert say(ledger, *given, now=NOW + timedelta(days=1)) == ["unchanged", "unchanged"]
        assert ledger.head().size == size


def test_a_later_version_takes_back_what_it_leaves_out() -> None:
    with in_memory() as ledger:
        first = tree(owner="a", tier="high", validator="v", same_as=["other:1"])
        say(ledger, first | {"stated": "2026-01-01T00:00:00Z"})
        assert [link.identifier for link in ledger.show(MODEL)[0].links] == ["other:1"]
        say(ledger, tree(tier="low", stated="2026-02-01T00:00:00Z"))
        found = node(ledger, "declaration:declarations/d")
        assert found.properties["tier"] == "low"
        assert "owner" not in found.properties
        assert "declared.validator" not in found.custom_properties
        assert "owner" not in node(ledger, MODEL).custom_properties
        assert ledger.show(MODEL)[0].links == ()
        # The former version, said again, is known, and changes nothing.
        assert say(ledger, first | {"stated": "2026-01-01T00:00:00Z"}) == ["unchanged"]
        # Said without a time it is said of now.
        assert say(ledger, first) == ["appended"]
        assert node(ledger, "declaration:declarations/d").properties["tier"] == "high"
        check_ledger(ledger)


def test_what_is_withdrawn_holds_no_more() -> None:
    with in_memory() as ledger:
        say(ledger, tree(owner="a", purpose="p", incident={"summary": "s"}))
        say(ledger, tree(withdraw=True), now=NOW + timedelta(days=1))
        found = node(ledger, "declaration:declarations/d")
        assert found.custom_properties["declared.is_withdrawn"] is True
        assert not {"owner", "purpose"} & set(found.properties)
        assert "owner" not in node(ledger, MODEL).custom_properties
        gone = node(ledger, "incident:declarations/d")
        assert gone.custom_properties["declared.is_withdrawn"] is True
        assert gone.properties["summary"] == "s"


def test_a_withdrawn_approval_is_decided_so() -> None:
    with in_memory() as ledger:
        say(ledger, tree("a", approval=APPROVED))
        with pytest.raises(PreconditionError, match="there is an approval"):
            say(ledger, tree("a", withdraw=True))
        say(ledger, tree("a", approval=APPROVED, withdraw=True), now=NOW + timedelta(days=1))
        found = node(ledger, "approval:declarations/a")
        assert (found.properties["decision"], found.properties["approver"]) == (
            "withdrawn",
            "Ana Ruiz",
        )


def test_another_version_of_the_same_time_or_subject_is_refused() -> None:
    with in_memory() as ledger:
        say(ledger, tree(tier="high", stated="2026-01-01T00:00:00Z"))
        size = ledger.head().size
        with pytest.raises(PreconditionError, match="very same time"):
            say(ledger, tree(tier="low", stated="2026-01-01T01:00:00+01:00"))
        with pytest.raises(PreconditionError, match="another subject"):
            say(ledger, tree(subject="acme:model/2", tier="high"))
        assert ledger.head().size == size


def test_a_subject_that_is_nothing_or_several_things_is_refused() -> None:
    with in_memory() as ledger:
        records = tuple(
            Artifact(key=f"acme:{n}", type="lineage.Model", properties={"display_name": "same"})
            for n in range(2)
        )
        ledger.record([Statement(id="m", source="acme", records=records)])
        with pytest.raises(AmbiguousLabelError):
            say(ledger, {"id": "d", "subject": "same", "owner": "a"})
        for name in ("nothing goes by this", "acme:unheard-of"):
            with pytest.raises(NotFoundError):
                say(ledger, {"id": "d", "subject": name, "owner": "a"})


def test_one_wrong_declaration_keeps_all_of_a_file_out() -> None:
    with in_memory() as ledger:
        with pytest.raises(LedgerError):
            say(ledger, tree("a", owner="x"), tree("b", subject="nobody calls anything so"))
        assert ledger.head().size == 0


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(["a", "b"]),
        "tier": st.sampled_from(["high", "low"]),
        "restrictions": st.lists(st.sampled_from(["r", "s"]), min_size=1, max_size=2),
        "validator": st.sampled_from(["v", "w"]),
        "same_as": st.lists(st.sampled_from(["o:1", "o:2"]), min_size=1, max_size=2, unique=True),
        "incident": st.fixed_dictionaries({"summary": st.sampled_from(["x", "y"])}),
        "withdraw": st.sampled_from([True]),
    },
)


def shown(ledger: Ledger) -> object:
    """Return all that shows of what was declared, without ids and positions."""
    found = []
    for key in (MODEL, "declaration:declarations/d", "incident:declarations/d"):
        one = ledger.show(key)[0]
        links = sorted((link.identifier, link.link_class) for link in one.links)
        found.append((one.node.key, one.node.properties, one.node.custom_properties, links))
    return found


@settings(max_examples=25)
@given(st.lists(FACTS, min_size=2, max_size=4), st.data())
def test_the_order_of_arrival_does_not_matter(facts: list[Tree], data: st.DataObject) -> None:
    versions = [tree(stated=f"2026-01-0{day}T00:00:00Z") | one for day, one in enumerate(facts, 1)]
    order = data.draw(st.sampled_from(list(permutations(versions))))
    repeated = data.draw(st.lists(st.sampled_from(versions), max_size=2))
    with in_memory() as ledger, in_memory() as other:
        for one in versions:
            say(ledger, one)
        for one in (*order, *repeated):
            say(other, one)
        assert shown(ledger) == shown(other)


def test_a_signature_that_holds_is_kept_and_can_be_checked_without_us() -> None:
    with in_memory() as ledger:
        given = signed(tree("a", approval=APPROVED, title="Prüfung"))
        (one,) = taken(ledger, given, declarers=KNOWN)
        assert one.is_signed
        found = node(ledger, one.key)
        assert found.properties["is_signed"] is True
        kept = json.loads(str(found.custom_properties["declared.kept"]))
        # With nothing but the record, the published form of notes, and another library.
        text = json.dumps(
            kept["declaration"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        name, key_id, public = kept["signed"]["verifier"].split("+", 2)
        dash, by, written = kept["signed"]["signature"].split(" ")
        body = b64decode(written)
        assert (dash, by, body[:4].hex()) == ("\u2014", name, key_id)
        Ed25519PublicKey.from_public_bytes(b64decode(public)[1:]).verify(
            body[4:], f"{text}\n".encode()
        )


def test_canonical_json_is_what_other_libraries_write() -> None:
    given = tree(title='é\u2028"\\\n', baseline={"b": 1, "a": 0.25, "ä": -3})
    expected = json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(given | {"signature": "x"}) == expected.encode()


UNSIGNED = tree("a", approval=APPROVED, stated="2026-06-01T00:00:00Z")
MATRIX = [
    (signed(UNSIGNED, EVE), KNOWN, "not known here"),
    (signed(UNSIGNED) | {"title": "other"}, KNOWN, "does not hold"),
    (signed(UNSIGNED), (), "not known here"),
    (UNSIGNED | {"signature": "x"}, KNOWN, "no signature line"),
    (
        UNSIGNED | {"signature": signed(tree("b"))["signature"]},
        KNOWN,
        "does not hold",
    ),
]


@pytest.mark.parametrize(("given", "declarers", "why"), MATRIX)
def test_a_signature_that_does_not_hold_is_refused(
    given: Tree, declarers: tuple[Declarer, ...], why: str
) -> None:
    with in_memory() as ledger:
        with pytest.raises(ProofError, match=why):
            say(ledger, given, declarers=declarers)
        assert ledger.head().size == 0


def test_whoever_signs_for_another_has_not_made_the_other_s_signature() -> None:
    with in_memory() as ledger:
        other = APPROVED | {"approver": "Bo Lind"}
        (one,) = taken(ledger, signed(tree("a", approval=other)), declarers=KNOWN)
        found = node(ledger, one.key)
        assert found.properties["is_signed"] is False
        assert found.custom_properties["declared.is_signed"] is True
        assert found.custom_properties["declared.by"] == "Ana Ruiz"


def test_a_signed_declaration_leaves_nothing_to_be_found_out() -> None:
    bare = {name: value for name, value in UNSIGNED.items() if name != "kind"}
    with in_memory() as ledger:
        with pytest.raises(InvalidInputError, match="of what kind"):
            say(ledger, signed(bare), declarers=KNOWN)
        with pytest.raises(InvalidInputError, match="by its identifier"):
            say(ledger, signed(UNSIGNED | {"subject": "model 1"}), declarers=KNOWN)


def test_a_signed_approval_sent_again_after_its_withdrawal_stays_withdrawn() -> None:
    later = UNSIGNED | {"withdraw": True, "stated": "2026-06-02T00:00:00Z"}
    with in_memory() as ledger:
        assert say(ledger, signed(UNSIGNED), declarers=KNOWN) == ["appended"]
        assert say(ledger, signed(later), declarers=KNOWN) == ["appended"]
        third = NOW + timedelta(days=3)
        assert say(ledger, signed(UNSIGNED), declarers=KNOWN, now=third) == ["unchanged"]
        assert node(ledger, "approval:declarations/a").properties["decision"] == "withdrawn"
        # A signature without a time in it would hold whenever anybody sends it.
        bare = tree("a", approval=APPROVED)
        text = json.dumps(bare, sort_keys=True, separators=(",", ":")) + "\n"
        with pytest.raises(InvalidInputError, match="since when"):
            say(ledger, bare | {"signature": sign_line(ANA, text.encode())}, declarers=KNOWN)


def test_what_is_signed_as_it_is_declared_is_dated_then_and_once() -> None:
    bare = tree("a", approval=APPROVED)
    with in_memory() as ledger:
        assert say(ledger, bare, declarers=KNOWN, key=ANA) == ["appended"]
        found = node(ledger, "approval:declarations/a")
        kept = json.loads(str(found.custom_properties["declared.kept"]))
        assert kept["declaration"]["stated"] == "2026-06-01T00:00:00.000000Z"
        day = timedelta(days=1)
        assert say(ledger, bare, declarers=KNOWN, key=ANA, now=NOW + day) == ["unchanged"]
        gone = bare | {"withdraw": True}
        assert say(ledger, gone, declarers=KNOWN, key=ANA, now=NOW + 2 * day) == ["appended"]
        assert node(ledger, "approval:declarations/a").properties["decision"] == "withdrawn"


def test_a_secret_is_filtered_and_cannot_be_signed() -> None:
    given = tree(purpose="see https://ana:hunter2@example.org/x")
    with in_memory() as ledger:
        with pytest.raises(PreconditionError, match="secret"):
            say(ledger, signed(given), declarers=KNOWN)
        (one,) = taken(ledger, given)
        assert one.secrets_filtered == 1
        assert "hunter2" not in str(ledger.entries(0, count=10))


def test_declarations_of_one_context_do_not_touch_its_members() -> None:
    with in_memory() as ledger:
        place = Context(key="acme:place", type="lineage.Service")
        run = Execution(key="acme:run/1", type="lineage.Deploy")
        inside = Association(context="acme:place", execution="acme:run/1")
        ledger.record([Statement(id="r", source="acme", records=(place, run, inside))])
        say(ledger, {"id": "d", "subject": "acme:place", "owner": "a"})
        assert node(ledger, "acme:place").properties == {"owner": "a"}
        assert node(ledger, "acme:run/1").properties == {}
