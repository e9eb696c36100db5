"""A ledger that moves from one store to another and back is the same ledger, byte for byte."""

from pathlib import Path

import pytest
from msgspec import json

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import ALL, all_answers, answers, asked
from lineage.ledger import Artifact, Ledger, ProofQuery, Shown, Statement
from lineage.moving.backing_up import back_up
from lineage.projections.governance import RECOVERY
from lineage.projections.views import TABLES
from lineage.proofs.verifying import open_checkpoint, parse_verifier_key
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage.stores.opening import open_store
from lineage.stores.scanning import scan_rows
from lineage_api.cli.documents import Ingestion
from lineage_api.demo.story import CUSTOMERS, FRAUD_MODEL, open_story
from lineage_schemas.errors import (
    FrozenStoreError,
    LedgerError,
    PreconditionError,
    StoreBehindError,
    StoreError,
)
from lineage_schemas.integrity import CheckpointAnswer
from moving import (
    Kept,
    another_key,
    custody_of,
    empty_store,
    import_into,
    kept,
    live,
    memory_ledger,
    read,
)

KEYS = ("acme:model", "acme:data/1", "acme:run/2")
WORDS = ("data", "train")
LATE = Statement(id="late", source="ci", records=(Artifact(key="acme:late", name="late"),))


@pytest.fixture
def moved(store_location: str) -> tuple[Kept, Kept, bytes]:
    """Return a ledger, the one it was moved to in a store of each kind, and the export between."""
    source = memory_ledger()
    live(source.ledger)
    body = source.export(final=True)
    target = import_into(body, empty_store(store_location, body), custody_of(), source.key())
    return source, target, body


def proofs(ledger: Ledger, target: int | str) -> str:
    return ledger.prove(ProofQuery(target=target, shown=Shown(facts=False, personal=False))).proofs


def close(*some: Kept) -> None:
    for one in some:
        one.ledger.close()


# --- the same ledger -----------------------------------------------------------------------------


def test_it_has_the_same_root_and_gives_the_same_answers(moved: tuple[Kept, Kept, bytes]) -> None:
    source, target, _ = moved
    assert target.ledger.head() == source.ledger.head()
    assert target.ledger.origin == source.ledger.origin
    assert all_answers(target.ledger, KEYS, WORDS) == all_answers(source.ledger, KEYS, WORDS)
    assert proofs(target.ledger, 6) == proofs(source.ledger, 6)
    assert proofs(target.ledger, "acme:model") == proofs(source.ledger, "acme:model")
    assert target.ledger.custody.keys() == source.ledger.custody.keys()
    check_ledger(target.ledger)
    close(source, target)


def test_the_story_moves_there_and_back(store_location: str, tmp_path: Path) -> None:
    source = kept(open_store(tmp_path / "first.db", TABLES, "example.org/story"))
    ingestion = Ingestion(source.ledger, namespace="default")
    with open_story() as stream:
        ingestion.take(stream, lambda *_: None)
    first = source.export(final=True)
    there = import_into(first, empty_store(store_location, first), custody_of(), source.key())
    second = there.export(final=True)
    back = import_into(second, empty_store(tmp_path / "back.db", second), custody_of(), there.key())
    assert second == first
    size, words = source.ledger.head().size, ("customers", "fraud")
    for ledger in (there.ledger, back.ledger):
        assert ledger.head() == source.ledger.head()
        for as_of in (size, size // 2):
            assert _asked(ledger, as_of, words) == _asked(source.ledger, as_of, words)
        assert proofs(ledger, FRAUD_MODEL) == proofs(source.ledger, FRAUD_MODEL)
        assert ledger.audit().findings == ()
    close(source, there, back)


def _asked(ledger: Ledger, as_of: int, words: tuple[str, ...]) -> list[bytes]:
    return list(answers(ledger, (FRAUD_MODEL, CUSTOMERS), words, as_of, "default"))


def test_it_goes_on_there_and_only_there(moved: tuple[Kept, Kept, bytes]) -> None:
    source, target, _ = moved
    with pytest.raises(FrozenStoreError):
        source.ledger.record([LATE])
    with pytest.raises(LedgerError):
        source.ledger.custody.rotate_key("no")
    (receipt,) = target.ledger.record([LATE])
    assert receipt.position == source.ledger.head().size
    note = target.ledger.custody.checkpoint().note.encode()
    key = parse_verifier_key(source.ledger.custody.keys()[-1].verifier)
    assert open_checkpoint(note, [key]).checkpoint.size == target.ledger.head().size
    assert source.ledger.audit().findings == ()
    assert source.ledger.show("acme:model") != ()
    check_ledger(target.ledger)
    close(source, target)


def test_who_knows_of_no_sidecar_is_refused_by_the_store(store_location: str) -> None:
    store = open_store(store_location, TABLES, "example.org/served")
    source = kept(store)
    live(source.ledger)
    # Another process that serves the same database, without key and sidecar.
    server = Service(store, FakeClock(), SeededRandomness("server"))
    server.record([LATE])
    size = read(source.export(final=True)).size
    assert size == server.head().size
    again = Statement(id="again", source="ci", records=LATE.records)
    with pytest.raises(FrozenStoreError):
        server.record([again])
    with pytest.raises(FrozenStoreError):
        server.erasures.erase(asked("acme:late", parts=ALL))
    assert server.head().size == size
    close(source)


def test_what_is_written_between_signing_and_freezing_is_signed_and_exported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = memory_ledger()
    live(source.ledger)
    sign = source.ledger.custody.checkpoint
    late = [Statement(id=f"late-{at}", source="ci", records=LATE.records) for at in range(3)]

    def sign_and_be_overtaken() -> CheckpointAnswer:
        signed = sign()
        if late:
            source.ledger.record([late.pop()])
        return signed

    monkeypatch.setattr(source.ledger.custody, "checkpoint", sign_and_be_overtaken)
    verdict = read(source.export(final=True))
    assert late == []
    assert verdict.signed_size == verdict.size == source.ledger.head().size


def test_its_sidecar_remembers_what_was_signed_and_erased(
    moved: tuple[Kept, Kept, bytes],
) -> None:
    source, target, _ = moved
    there, here = target.notary.sidecar.read(), source.notary.sidecar.read()
    assert there is not None
    assert here is not None
    assert (there.origin, there.checkpoint, there.erased) == (
        here.origin,
        here.checkpoint,
        here.erased,
    )
    close(source, target)


def test_what_is_exported_again_is_the_same_bytes(moved: tuple[Kept, Kept, bytes]) -> None:
    source, target, body = moved
    assert source.export(final=True) == body
    assert target.export(final=True) == body
    close(source, target)


# --- a copy --------------------------------------------------------------------------------------


def test_any_other_import_is_a_copy_under_a_name_of_its_own(store_location: str) -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    size = source.ledger.head().size
    copy = import_into(body, empty_store(store_location, body), custody_of("copy"))
    assert copy.ledger.origin != source.ledger.origin
    assert copy.ledger.origin.startswith("example.org/moving/copy-")
    assert copy.ledger.basis(size).root == source.ledger.basis(size).root
    with copy.store.read() as reader:
        ((_, former, lost_from, lost_to),) = scan_rows(reader, RECOVERY)
    assert (former, lost_from, lost_to) == (source.ledger.origin, size, size)
    now = copy.ledger.custody.checkpoint()
    named = copy.ledger.custody.keys()
    keys = [parse_verifier_key(one.verifier) for one in named]
    assert open_checkpoint(now.note.encode(), keys[-1:]).checkpoint.origin == copy.ledger.origin
    for ledger in (source.ledger, copy.ledger):
        ledger.record([LATE])
        check_ledger(ledger)
    # What was proved under the old origin is still in the copy, and an auditor finds it there.
    assert copy.ledger.audit(checkpoint=checkpoint_in(body)).findings == ()
    again = copy.export(final=True)
    assert read(again).origin == copy.ledger.origin
    close(source, copy)


def checkpoint_in(body: bytes) -> bytes:
    note: str = json.decode(body.splitlines()[0])["checkpoint"]
    return note.encode()


def test_a_copy_of_a_copy_is_called_after_the_first(tmp_path: Path) -> None:
    source = memory_ledger()
    live(source.ledger)
    first = source.export()
    one = import_into(first, empty_store("memory:", first), custody_of("one"))
    second = one.export()
    other = import_into(second, empty_store(tmp_path / "x.db", second), custody_of("other"))
    assert other.ledger.origin.count("/copy-") == 1
    assert len({source.ledger.origin, one.ledger.origin, other.ledger.origin}) == 3
    check_ledger(other.ledger)
    close(one, other)


def test_a_ledger_that_nobody_signed_is_copied_too() -> None:
    store = MemoryStore("test/origin")
    ledger = Service(store, FakeClock(), SeededRandomness())
    ledger.record([LATE])
    with pytest.raises(PreconditionError, match="does not sign"):
        Kept(ledger, store, custody_of()).export(final=True)
    body = Kept(ledger, store, custody_of()).export()
    assert read(body).signed_size is None
    copy = import_into(body, empty_store("memory:", body), custody_of("copy"))
    assert copy.ledger.show("acme:late")[0].node.name == "late"
    check_ledger(copy.ledger)


# --- keys ----------------------------------------------------------------------------------------


def test_a_final_export_needs_its_key(store_location: str) -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export(final=True)
    with pytest.raises(PreconditionError, match="signing key of this ledger is missing"):
        import_into(body, empty_store("memory:", body), custody_of())
    for wrong in (another_key(), another_key("example.org/other")):
        with pytest.raises(PreconditionError, match="cannot sign here"):
            import_into(body, empty_store("memory:", body), custody_of(), wrong)
    target = import_into(body, empty_store(store_location, body), custody_of(), key_is_lost=True)
    assert target.notary.keys.current() is None
    target.ledger.custody.rotate_key("the key was lost", lost=True)
    assert target.ledger.origin == source.ledger.origin
    target.ledger.record([LATE])
    assert target.ledger.custody.checkpoint().unsigned == 0
    check_ledger(target.ledger)
    close(target)


def test_a_copy_takes_no_key_of_the_log_that_it_was_copied_from() -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    with pytest.raises(PreconditionError, match="not final"):
        import_into(body, empty_store("memory:", body), custody_of(), source.key())
    notary = custody_of()
    notary.keys.keep(source.key())
    with pytest.raises(PreconditionError, match="cannot sign here"):
        import_into(body, empty_store("memory:", body), notary)


def test_a_copy_goes_by_the_name_of_the_key_that_is_there() -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    notary = custody_of()
    notary.keys.keep(another_key("example.org/mine"))
    copy = import_into(body, empty_store("memory:", body), notary)
    assert copy.ledger.origin == "example.org/mine"
    check_ledger(copy.ledger)


# --- places that are not empty -------------------------------------------------------------------


def test_nothing_is_written_over(store_location: str) -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    there = kept(open_store(store_location, TABLES, "example.org/there"))
    there.ledger.record([LATE])
    before = there.ledger.head()
    with pytest.raises(PreconditionError, match="another ledger here"):
        import_into(body, there.store, custody_of())
    assert there.ledger.head() == before
    close(there)


def test_a_place_that_another_ledger_is_remembered_at_is_refused() -> None:
    source = memory_ledger()
    live(source.ledger)
    final = source.export(final=True)
    store = empty_store("memory:", final)
    # Also the very place that it has left: what lies there says that it has gone.
    with pytest.raises(PreconditionError, match="sidecar here"):
        import_into(final, store, source.notary, source.key())
    other = memory_ledger("other")
    live(other.ledger)
    with pytest.raises(PreconditionError, match="sidecar here"):
        import_into(final, store, other.notary, source.key())


def test_what_is_not_finished_is_no_ledger(store_location: str) -> None:
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    store = empty_store(store_location, body)
    cut = body[: body.rindex(b"\n", 0, -1) + 1]
    with pytest.raises(LedgerError, match="cut off"):
        import_into(cut, store, custody_of())
    with store.read() as reader:
        # So few entries are one chunk, and that was never reached: the next test cuts them.
        assert reader.origin().startswith("unfinished-import/")
    with pytest.raises(StoreError, match="no ledger yet"):
        kept(store)
    copy = import_into(body, store, custody_of())
    check_ledger(copy.ledger)
    close(copy)


def test_an_attempt_goes_on_where_the_one_before_was_interrupted(
    store_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.moving.filling.CHUNK_ENTRIES_MAX", 3)
    source = memory_ledger()
    live(source.ledger)
    body = source.export()
    store = empty_store(store_location, body)
    lines = body.splitlines(keepends=True)
    with pytest.raises(LedgerError, match="cut off"):
        import_into(b"".join(lines[:9]), store, custody_of())
    with store.read() as reader:
        assert reader.head().size == 6
        assert reader.is_frozen()
    with pytest.raises(StoreError, match="no ledger yet"):
        kept(store)
    other = memory_ledger("other")
    live(other.ledger, "other")
    with pytest.raises(PreconditionError, match="earlier attempt"):
        import_into(other.export(), store, custody_of())
    copy = import_into(body, store, custody_of())
    check_ledger(copy.ledger)
    close(copy)


# --- backups -------------------------------------------------------------------------------------


def test_a_backup_is_a_ledger_whatever_the_store(store_location: str, tmp_path: Path) -> None:
    source = kept(open_store(store_location, TABLES, "example.org/kept"))
    live(source.ledger)
    source.ledger.custody.checkpoint()
    answer = back_up(source.store, tmp_path / "backup.db")
    assert (answer.origin, answer.size) == (source.ledger.origin, source.ledger.head().size)
    assert answer.unsigned == 0
    assert [one.name for one in tmp_path.iterdir() if "backup" in one.name] == ["backup.db"]
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    copy = open_store(tmp_path / "backup.db", TABLES, "")
    bare = Service(copy, FakeClock(), SeededRandomness())
    assert all_answers(bare, KEYS, WORDS) == all_answers(source.ledger, KEYS, WORDS)
    assert bare.audit().findings == ()
    bare.close()
    beside_it = kept(open_store(tmp_path / "backup.db", TABLES, ""), source.notary)
    beside_it.ledger.record([LATE])
    check_ledger(beside_it.ledger)
    beside_it.ledger.close()
    with pytest.raises(StoreBehindError):
        source.ledger.record([LATE, LATE])
    source.store.close()
