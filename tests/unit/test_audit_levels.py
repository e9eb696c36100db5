"""What each level of an audit finds, and what it lets pass, on each kind of store."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from doubles import FakeClock, SeededRandomness
from erasing import ALL, PERSONAL, asked, say
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import ErasedParts, MemorySidecar, Sidecar, with_erased
from lineage.audit import AuditLevel, AuditReport
from lineage.audit.fitting import fits
from lineage.audit.reports import FINDINGS_MAX
from lineage.ledger import Artifact, Event, EventKind, Execution, Kind, PartsErased, Statement
from lineage.projections.governance import KEY, read_keys
from lineage.projections.views import BOOKMARK
from lineage.proofs.checkpoints import sign_checkpoint, verifier_key_of
from lineage.proofs.signing import new_signing_key
from lineage.proofs.tree import CompactRange, leaf_hash
from lineage.proofs.verifying import (
    Checkpoint,
    format_verifier_key,
    parse_verifier_key,
    verify_proof,
)
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.service import Ledger
from lineage.stores.base import Store, StoredHead
from lineage.stores.memory import MemoryStore
from lineage.writing.governing import governance_batch
from lineage.writing.submission import LOCAL_PRINCIPAL
from lineage_schemas.codec import decode_envelope, encode_envelope
from lineage_schemas.entry import (
    Batch,
    EdgeItem,
    EraseItem,
    Item,
    KeyItem,
    NodeItem,
    PlainItem,
    StoredEntry,
)
from lineage_schemas.errors import NotFoundError
from lineage_schemas.governance import Erasure, KeyIntroduction
from lineage_schemas.mlmd import Record

S, T, E, P, V = AuditLevel
FIRST: Final = 4
"""The first entry that a producer said: the key's, the types' and the actors' come before."""


class Signed:
    """A ledger that signs, and what it signs with."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sidecar = MemorySidecar()
        self.keys = MemoryKeys(SeededRandomness("keys"))
        self.ledger = self.opened()

    def opened(self, seed: str = "seed") -> Ledger:
        notary = Notary(self.sidecar, self.keys)
        return Ledger(self.store, FakeClock(), SeededRandomness(seed), notary)

    def remember(self, change: Callable[[Sidecar], Sidecar]) -> None:
        with self.sidecar.locked():
            sidecar = self.sidecar.read()
            assert sidecar is not None
            self.sidecar.write(change(sidecar))

    def note(self) -> bytes:
        return self.ledger.custody.checkpoint().note.encode()


@pytest.fixture
def signed(store: Store) -> Signed:
    """Return a ledger of five statements, signed."""
    made = Signed(store)
    say(made.ledger, 5)
    return made


def told(report: AuditReport) -> list[tuple[AuditLevel, int | None, str]]:
    return [(one.level, one.position, one.what) for one in report.findings]


# --- level 0 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", AuditLevel)
def test_a_ledger_that_nobody_signed_is_clean_and_says_so(
    ledger: Ledger, level: AuditLevel
) -> None:
    say(ledger, 3)
    report = ledger.audit(level=level)
    assert report.clean
    assert (report.signed_size, report.anchored) == (None, None)
    assert [one.level for one in report.levels] == list(AuditLevel)[: level + 1]


def test_what_is_signed_and_what_is_not_yet_is_told(signed: Signed) -> None:
    signed.note()
    size = signed.ledger.head().size
    say(signed.ledger, 2, label="later")
    report = signed.ledger.audit()
    assert report.clean
    assert report.signed_size is not None
    assert size <= report.signed_size <= report.size == size + 2


@pytest.mark.parametrize("level", AuditLevel)
def test_a_ledger_that_changed_its_key_is_clean(signed: Signed, level: AuditLevel) -> None:
    before = signed.note()
    signed.ledger.custody.rotate_key("yearly")
    say(signed.ledger, 2, label="later")
    signed.ledger.custody.rotate_key("lost it", lost=True)
    report = signed.ledger.audit(level=level, checkpoint=before)
    assert told(report) == []
    assert report.signed_size == report.size


@pytest.mark.parametrize(
    ("name", "replaces_last", "what"),
    [
        (None, True, None),
        (None, False, "The key does not say that it replaces the one before"),
        ("another/log", True, "The key is of another log"),
    ],
)
def test_keys_follow_one_another_as_they_should(
    signed: Signed,
    name: str | None,
    replaces_last: bool,  # noqa: FBT001
    what: str | None,
) -> None:
    signed.note()
    (last,) = signed.ledger.custody.keys()
    following = new_signing_key(name or signed.ledger.origin, SeededRandomness("following"))
    record = KeyIntroduction(
        verifier=format_verifier_key(verifier_key_of(following)),
        replaces=last.verifier if replaces_last else None,
    )
    batch = governance_batch(
        LEDGER_NAMESPACE, LOCAL_PRINCIPAL, record, randomness=SeededRandomness("batch")
    )
    signed.ledger._intake.govern(lambda _, append, __: append(batch))
    found = told(signed.ledger.audit(level=S))
    assert found == ([] if what is None else [(S, signed.ledger.head().size - 1, what)])


@pytest.mark.parametrize("change", ["leaf", "facts", "gone"])
def test_a_key_is_believed_only_by_what_its_entry_says(change: str) -> None:
    store = MemoryStore("test/origin")
    signed = Signed(store)
    say(signed.ledger, 2)
    (key,) = signed.ledger.custody.keys()
    entries = store._contents.entries
    old = entries[key.position]
    entries[key.position] = {
        "leaf": replace(old, leaf=leaf_hash(b"forged")),
        "facts": replace(old, facts=entries[FIRST].facts),
        "gone": replace(old, facts=None),
    }[change]
    what = "A key is listed that this entry does not introduce"
    assert (S, key.position, what) in told(signed.ledger.audit(level=S))


@pytest.mark.parametrize("column", ["position", "covered_size", "verifier", "replaces"])
def test_the_view_of_keys_is_believed_only_where_an_entry_says_the_same(
    signed: Signed, column: str
) -> None:
    signed.note()
    other = new_signing_key(signed.ledger.origin, SeededRandomness("other"))
    verifier = format_verifier_key(verifier_key_of(other))
    changed: dict[str, int | str] = {
        "position": 0,
        "covered_size": 1_000,
        "verifier": verifier,
        "replaces": verifier,
    }
    with signed.store.write() as writer:
        (row,) = read_keys(writer)
        forged = row._replace(**{column: changed[column]})  # type: ignore[arg-type]
        writer.clear([KEY])
        writer.insert(KEY, [forged])
    what = "A key is listed that this entry does not introduce"
    assert (S, forged.position, what) in told(signed.ledger.audit(level=S))


def test_keys_that_are_given_count_in_the_place_of_the_logs(signed: Signed) -> None:
    signed.note()
    key = parse_verifier_key(signed.ledger.custody.keys()[0].verifier)
    assert signed.ledger.audit(level=S, keys=(key,)).clean
    other = verifier_key_of(new_signing_key(signed.ledger.origin, SeededRandomness("other")))
    report = signed.ledger.audit(level=S, keys=(other,))
    assert [one.what.partition(":")[0] for one in report.findings] == [
        "The checkpoint in the ledger does not verify",
        "The checkpoint in the sidecar does not verify",
    ]
    assert report.signed_size is None


def test_two_checkpoints_of_one_size_must_say_the_same(signed: Signed) -> None:
    signed.note()
    key = signed.keys.current()
    assert key is not None
    size = signed.ledger.head().size
    with signed.store.write() as writer:
        writer.keep_checkpoint(
            sign_checkpoint(Checkpoint(signed.ledger.origin, size, b"\x01" * 32), key)
        )
    assert [one.what for one in signed.ledger.audit(level=S).findings if one.position is None] == [
        "The checkpoint in the ledger contradicts the checkpoint in the sidecar"
    ]


def test_a_sidecar_that_is_gone_is_a_finding(signed: Signed) -> None:
    signed.note()
    signed.sidecar = MemorySidecar()
    lone = signed.opened("lone")
    assert told(lone.audit(level=S)) == [
        (S, None, "The log was signed, and what was remembered of it is not here")
    ]


def test_what_others_sign_meanwhile_does_not_look_like_a_loss(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = signed.opened("other")
    read = signed.sidecar.read

    def read_late() -> Sidecar | None:
        monkeypatch.setattr(signed.sidecar, "read", read)
        say(other, 2, label="meanwhile")
        other.custody.checkpoint()
        return read()

    monkeypatch.setattr(signed.sidecar, "read", read_late)
    report = signed.ledger.audit(level=S)
    assert report.clean
    assert report.signed_size == other.head().size


@pytest.mark.parametrize("root", ["00" * 32, None])
def test_an_anchor_counts_only_where_it_fits(signed: Signed, root: str | None) -> None:
    answer = signed.ledger.custody.checkpoint()
    if root is not None:
        answer = replace(answer, root=root)
    signed.ledger.custody.note_anchor("webhook:https://archive.example", answer)
    for level in (S, V):
        report = signed.ledger.audit(level=level)
        if root is None:
            assert report.clean
            assert report.anchored is not None
            assert report.anchored.position == answer.size - 1
            assert report.anchored.target == "webhook:https://archive.example"
            assert not report.anchored.is_seen
        else:
            what = (
                f"The first {answer.size} entries are not those of webhook:https://archive.example"
            )
            assert {one.what for one in report.findings} == {what}
            assert report.anchored is None


def test_an_anchor_in_a_folder_is_read_again(signed: Signed, tmp_path: Path) -> None:
    anchor = signed.ledger.custody.anchor_in_directory(tmp_path)
    report = signed.ledger.audit(level=S)
    assert report.anchored is not None
    assert (report.anchored.position, report.anchored.is_seen) == (anchor.size - 1, True)
    for file in tmp_path.rglob("*.checkpoint"):
        file.unlink()
    report = signed.ledger.audit(level=S)
    assert report.clean
    assert report.anchored is None
    assert any(f"is not in directory:{tmp_path} any more" in one for one in report.remarks)


def test_an_old_key_vouches_for_those_that_came_after_it(signed: Signed) -> None:
    first = parse_verifier_key(signed.ledger.custody.keys()[0].verifier)
    signed.ledger.custody.rotate_key("once")
    signed.ledger.custody.rotate_key("twice")
    report = signed.ledger.audit(level=S, keys=[first])
    assert report.clean
    assert report.signed_size == signed.ledger.head().size
    handover = signed.ledger.custody.prove_handover(signed.ledger.custody.keys()[1].position)
    entry = verify_proof(handover, [first])
    assert signed.ledger.custody.keys()[1].verifier.encode() in (entry.facts or b"")
    signed.ledger.custody.rotate_key("stolen", lost=True)
    assert signed.ledger.audit(level=S, keys=[first]).signed_size is None
    with pytest.raises(NotFoundError):
        signed.ledger.custody.prove_handover()


def test_a_checkpoint_from_outside_must_fit(signed: Signed) -> None:
    good = signed.note()
    assert signed.ledger.audit(level=S, checkpoint=good).anchored is not None
    key = signed.keys.current()
    assert key is not None
    origin, size = signed.ledger.origin, signed.ledger.head().size
    beyond = sign_checkpoint(Checkpoint(origin, size + 3, b"\x01" * 32), key)
    forked = sign_checkpoint(Checkpoint(origin, size, b"\x01" * 32), key)
    other = new_signing_key("another/log", SeededRandomness("other"))
    foreign = sign_checkpoint(Checkpoint("another/log", size, b"\x01" * 32), other)
    expected = {
        beyond: f"those from position {size} on are missing",
        forked: f"The first {size} entries are not those of the given checkpoint",
        foreign: "The given checkpoint is of another log",
        b"a letter to a friend": "The given checkpoint is none",
    }
    for note, what in expected.items():
        report = signed.ledger.audit(level=S, checkpoint=note)
        assert [what in one.what for one in report.findings] == [True]


def test_a_recovered_ledger_is_clean_and_old_checkpoints_serve_up_to_the_loss(
    signed: Signed,
) -> None:
    kept = signed.note()
    size, origin = signed.ledger.head().size, signed.ledger.origin
    key = signed.keys.current()
    assert key is not None
    lost = sign_checkpoint(Checkpoint(origin, size + 2, b"\x01" * 32), key)
    signed.remember(lambda sidecar: replace(sidecar, checkpoint=lost.decode()))
    again = signed.opened("again")
    assert told(again.audit(level=S))[0][1] == size
    assert again.recovery is not None
    again.recovery.declare_loss("The disk broke")
    for level in AuditLevel:
        report = again.audit(level=level, checkpoint=kept)
        assert told(report) == []
        assert report.signed_size == report.size
        assert report.anchored is not None
        assert report.anchored.position == size - 1
        (found,) = again.audit(level=level, checkpoint=lost).findings
        assert f"those from {size} on were lost" in found.what


# --- levels 1 to 3 -------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [PERSONAL, ALL])
def test_what_the_log_says_was_erased_may_be_missing(signed: Signed, parts: PartsErased) -> None:
    signed.ledger.erasures.erase(asked(FIRST, FIRST + 2, parts=parts))
    assert told(signed.ledger.audit()) == []


def test_more_may_be_erased_later(signed: Signed) -> None:
    signed.ledger.erasures.erase(asked(FIRST))
    signed.ledger.erasures.erase(asked(FIRST, parts=ALL))
    assert told(signed.ledger.audit()) == []


def test_an_erasure_covers_only_the_parts_it_names(signed: Signed) -> None:
    signed.ledger.erasures.erase(asked(FIRST))
    with signed.store.write() as writer:
        writer.erase([FIRST], ALL)
    assert told(signed.ledger.audit(level=P)) == [
        (P, FIRST, "The facts part is missing, and no entry says it was erased")
    ]


def test_what_was_erased_must_not_be_there_even_where_nobody_remembers() -> None:
    store = MemoryStore("test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    say(ledger, 3)
    position = ledger.head().size - 1
    entries = store._contents.entries
    before = entries[position]
    ledger.erasures.erase(asked(position))
    by = ledger.head().size - 1
    entries[position] = before
    what = f"The personal part is there again, though the entry at {by} says that it was erased"
    assert told(ledger.audit(level=P)) == [(P, position, what)]


def test_a_part_that_nothing_commits_to_is_found() -> None:
    store = MemoryStore("test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    ledger.record([Statement(id="plain", source="ci", records=(ARTIFACT,))])
    position = ledger.head().size - 1
    entries = store._contents.entries
    assert entries[position].personal is None
    foreign = next(one.personal for one in entries if one.personal is not None)
    entries[position] = replace(entries[position], personal=foreign)
    what = "There is a personal part that the envelope does not commit to"
    assert (P, position, what) in told(ledger.audit(level=P))


def test_a_structure_that_is_not_that_of_the_records_is_found(signed: Signed) -> None:
    position = append_again(signed.store, FIRST, structure=(PlainItem(),))
    assert told(signed.ledger.audit(level=P)) == [
        (P, position, "The structure is not that of the records")
    ]


def test_nothing_is_erased_before_it_is_said(signed: Signed) -> None:
    target = signed.ledger.head().size + 4
    record = Erasure(
        positions=(target,), parts=PERSONAL, legal_basis="x", requester="a", approver="b"
    )
    batch = governance_batch(
        LEDGER_NAMESPACE, LOCAL_PRINCIPAL, record, randomness=SeededRandomness("batch")
    )
    signed.ledger._intake.govern(lambda _, append, __: append(batch))
    by = signed.ledger.head().size - 1
    say(signed.ledger, 5, label="later")
    with signed.store.write() as writer:
        writer.erase([target], PERSONAL)
    assert told(signed.ledger.audit(level=P)) == [
        (P, by, "It says that a later entry was erased"),
        (P, target, "The personal part is missing, and no entry says it was erased"),
    ]


def test_what_only_the_sidecar_remembers_is_told_until_a_recovery_states_it(signed: Signed) -> None:
    signed.note()
    with signed.store.write() as writer:
        writer.erase([FIRST], PERSONAL)
    with signed.store.read() as reader:
        leaf = reader.hashes(0, FIRST, 1)[0].hex()
    erased = ErasedParts(position=FIRST, facts=False, personal=True, leaf=leaf)
    signed.remember(lambda sidecar: with_erased(sidecar, erased))
    what = (
        "The personal part is missing; the sidecar remembers that it was erased, but the entry "
        "that said so is lost"
    )
    assert told(signed.ledger.audit(level=P)) == [(P, FIRST, what)]
    key = signed.keys.current()
    assert key is not None
    size = signed.ledger.head().size
    lost = sign_checkpoint(Checkpoint(signed.ledger.origin, size + 1, b"\x01" * 32), key)
    signed.remember(lambda sidecar: replace(sidecar, checkpoint=lost.decode()))
    again = signed.opened("again")
    assert again.recovery is not None
    again.recovery.declare_loss("The entry that erased it")
    assert told(again.audit(level=P)) == []


def test_what_the_sidecar_says_was_erased_must_not_be_there(signed: Signed) -> None:
    signed.note()
    with signed.store.read() as reader:
        leaf = reader.hashes(0, FIRST, 1)[0].hex()
    erased = ErasedParts(position=FIRST, facts=False, personal=True, leaf=leaf)
    signed.remember(lambda sidecar: with_erased(sidecar, erased))
    what = "The personal part is there again, though the sidecar remembers that it was erased"
    assert told(signed.ledger.audit(level=P)) == [(P, FIRST, what)]


def append_again(store: Store, position: int, *, structure: tuple[Item, ...] | None = None) -> int:
    """Append a copy of an entry with everything right but its statement id; return where.

    With ``structure``, that is another too.
    """
    with store.write() as writer:
        (old,) = writer.entries(position, 1)
        head = writer.head()
        envelope = decode_envelope(old.envelope)
        changed = replace(envelope, batch=Batch(head.size, 1), recorded_us=head.recorded_us)
        if structure is not None:
            changed = replace(changed, structure=structure)
        body = encode_envelope(changed)
        entry = StoredEntry(
            position=head.size,
            envelope=body,
            leaf=leaf_hash(body),
            facts=old.facts,
            personal=old.personal,
        )
        grown = CompactRange.from_bytes(head.size, head.compact_range)
        subtrees = grown.append(entry.leaf)
        moved = StoredHead(grown.size, head.recorded_us, grown.to_bytes())
        writer.append(head.size, [entry], subtrees, moved)
        bookmark = writer.scan(BOOKMARK, None, 1)[0]
        writer.replace(BOOKMARK, [(*bookmark[:2], moved.size, *bookmark[3:])])
    return head.size


@pytest.mark.parametrize("run", [1, 1_024])
@pytest.mark.parametrize("border", [0, 1_000])
def test_a_statement_id_that_is_used_twice_is_named(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, run: int, border: int
) -> None:
    monkeypatch.setattr("lineage.audit.passing.RUN_ENTRIES", run)
    monkeypatch.setattr("lineage.audit.replaying.MEMORY_ENTRIES_MAX", border)
    again = append_again(signed.store, FIRST + 1)
    ledger = signed.ledger
    report = ledger.audit()
    assert (V, again, "The statement id was used before") in told(report)
    assert ledger.audit(level=P).clean


def test_a_long_log_is_replayed_into_a_file_with_the_same_result(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed.ledger.erasures.erase(asked(FIRST))
    monkeypatch.setattr("lineage.audit.replaying.MEMORY_ENTRIES_MAX", 0)
    assert told(signed.ledger.audit()) == []


def test_an_audit_that_has_found_enough_stops() -> None:
    store = MemoryStore("test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    say(ledger, FINDINGS_MAX + 50)
    entries = store._contents.entries
    entries[:] = [replace(one, leaf=leaf_hash(b"%d" % one.position)) for one in entries]
    report = ledger.audit(level=E)
    assert len(report.findings) == FINDINGS_MAX + 1
    assert report.findings[-1].what == "There is more; the audit stopped here"
    assert report.first_bad_position == 0


ARTIFACT = Artifact(key="acme:a")
RUN = Execution(key="acme:run")
EVENT = Event(artifact="acme:a", execution="acme:run", kind=EventKind.INPUT)
ERASURE = Erasure(positions=(1, 2), parts=ALL, legal_basis="x", requester="a", approver="b")


@pytest.mark.parametrize(
    ("records", "structure", "expected"),
    [
        ((), (), True),
        ((ARTIFACT,), (NodeItem(Kind.ARTIFACT, 1),), True),
        ((ARTIFACT,), (NodeItem(Kind.ARTIFACT, 1), KeyItem(Kind.ARTIFACT, 1, 1)), True),
        ((ARTIFACT,), (NodeItem(Kind.ARTIFACT, 1), PlainItem()), False),
        ((ARTIFACT,), (NodeItem(Kind.EXECUTION, 1),), False),
        ((ARTIFACT,), (PlainItem(),), False),
        ((ARTIFACT,), (), False),
        ((), (NodeItem(Kind.ARTIFACT, 1),), False),
        ((EVENT,), (EdgeItem(1, 1, EventKind.INPUT),), True),
        ((EVENT,), (EdgeItem(1, 1, EventKind.OUTPUT),), False),
        ((ARTIFACT, RUN), (NodeItem(Kind.EXECUTION, 1), NodeItem(Kind.ARTIFACT, 1)), False),
        ((ERASURE,), (EraseItem(ALL, (1, 2)),), True),
        ((ERASURE,), (EraseItem(ALL, (1,)),), False),
        ((ERASURE,), (EraseItem(PERSONAL, (1, 2)),), False),
    ],
)
def test_a_structure_fits_its_records_or_not(
    records: tuple[Record, ...],
    structure: tuple[Item, ...],
    expected: bool,  # noqa: FBT001
) -> None:
    assert fits(records, structure) is expected
