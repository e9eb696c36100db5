"""A backup is put back, or two copies were written to: what was erased stays erased, nobody signs.

The sidecar stays where it was each time, as it must.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from checks import check_ledger
from doubles import SeededRandomness
from erasing import ALL, PERSONAL, all_answers, asked, entry_at, records_of, view_bytes
from erasure_children import opened
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, Ledger, ProofQuery, Statement
from lineage.proofs.signing import new_signing_key
from lineage.proofs.tree import root_at
from lineage.proofs.verifying import open_checkpoint, parse_verifier_key, verify_proofs
from lineage.recovery import RESTATED, Recoverer
from lineage_schemas.errors import (
    PreconditionError,
    ProofError,
    StoreBehindError,
)

SECRET = "acme:secret"
WORD = b"secretword"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder in which the ledger lies, and nothing else."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    return folder


def path_in(folder: Path) -> Path:
    return folder / "ledger.db"


def files_of(folder: Path) -> bytes:
    return b"\n--\n".join(path.read_bytes() for path in sorted(folder.rglob("*")))


def tell(
    ledger: Ledger, first: int, count: int, key: str = SECRET, word: str = "secretword"
) -> int:
    """Record statements about one node; return where the first of them stands."""
    receipts = ledger.record(
        Statement(
            id=f"{word} {number}",
            source="ci",
            records=(
                Artifact(
                    key=key,
                    name=f"{word} name {number}",
                    custom_properties={"note": f"{word} note {number}"},
                    personal=("note",),
                ),
            ),
        )
        for number in range(first, first + count)
    )
    assert receipts[0].position is not None
    return receipts[0].position


def recoverer(ledger: Ledger) -> Recoverer:
    assert ledger.recovery is not None
    return ledger.recovery


def copied_file(ledger: Ledger, path: Path, backup: Path) -> None:
    """Copy the file once the ledger is closed, and all of it lies in one file."""
    ledger.close()
    shutil.copyfile(path, backup)


def copied_open(ledger: Ledger, path: Path, backup: Path) -> None:
    """Copy the ledger with SQLite's own means while it is open."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    ledger.close()


@pytest.fixture(params=[copied_file, copied_open], ids=["file", "open"])
def restored(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Make a backup of six entries beside the first two, write, erase, and put the backup back."""
    copy: Callable[[Ledger, Path, Path], None] = request.param
    path, backup = path_in(folder), tmp_path / "backup.db"
    ledger = opened(path)
    assert tell(ledger, 0, 4) == 4
    copy(ledger, path, backup)
    ledger = opened(path, "second")
    tell(ledger, 4, 3)
    tell(ledger, 0, 2, "acme:other", "otherword")
    ledger.erasures.erase(asked(4, 8, parts=ALL))
    ledger.erasures.erase(asked(5, 6))
    ledger.close()
    assert b"secretword name 0" in backup.read_bytes()
    shutil.copyfile(backup, path)
    assert b"secretword name 0" in path.read_bytes()
    return folder


# --- what was erased stays erased ----------------------------------------------------------------


def test_what_was_erased_is_erased_again_before_anything_is_served(restored: Path) -> None:
    ledger = opened(path_in(restored), "third")
    everything = b"".join(all_answers(ledger, (SECRET,))) + view_bytes(ledger)
    for body in (everything, files_of(restored)):
        for gone in (b"word name 0", b"word note 0", b"word note 1", b"word note 2"):
            assert gone not in body
        for kept in (b"word name 1", b"word name 2", b"word name 3", b"word note 3"):
            assert kept in body
    assert [entry_at(ledger, at).erased for at in (4, 5, 6, 7)] == [ALL, PERSONAL, PERSONAL, None]
    (redaction, *_) = ledger.show(SECRET)[0].redactions
    assert (redaction.position, redaction.erased_by) == (4, None)
    ledger.close()
    assert b"word note 1" not in files_of(restored)


def test_a_store_that_is_behind_can_be_read_and_takes_nothing(restored: Path) -> None:
    ledger = opened(path_in(restored), "third")
    head, before = ledger.head(), SidecarFile(path_in(restored).with_suffix(".db.sidecar")).read()
    assert head.size == 8
    assert ledger.show(SECRET)[0].node.name == "secretword name 3"
    refused: list[Callable[[], object]] = [
        lambda: tell(ledger, 10, 1),
        lambda: ledger.erasures.erase(asked(7)),
        lambda: ledger.erasures.hold(None, authority="court"),
        ledger.custody.checkpoint,
        lambda: ledger.custody.rotate_key("old"),
        lambda: ledger.prove(ProofQuery(target=7)),
    ]
    for act in refused:
        with pytest.raises(StoreBehindError):
            act()
    assert ledger.head() == head
    ledger.close()
    assert SidecarFile(path_in(restored).with_suffix(".db.sidecar")).read() == before


# --- going on ------------------------------------------------------------------------------------


def test_a_declared_loss_goes_on_under_a_new_origin_and_states_what_is_lost(
    restored: Path,
) -> None:
    ledger = opened(path_in(restored), "third")
    former = ledger.origin
    old = SidecarFile(path_in(restored).with_suffix(".db.sidecar")).read()
    assert old is not None
    signed = int((old.checkpoint or "").split("\n")[1])
    answer = recoverer(ledger).declare_loss("the disk failed")
    assert (answer.former, answer.lost_from, answer.lost_to) == (former, 8, signed)
    assert answer.origin == ledger.origin
    assert answer.origin.startswith(f"{former}/recovered-")
    (record,) = [
        one
        for entry in ledger.entries(8, count=100, namespace="lineage").entries
        for one in records_of(entry)
        if one["record"] == "recovery"
    ]
    assert (record["former"], record["checkpoint"]) == (former, old.checkpoint)
    assert (record["lost_from"], record["lost_to"]) == (8, signed)
    assert record["reason"] == "the disk failed"
    check_ledger(ledger)
    ledger.close()
    again = opened(path_in(restored), "fourth")
    tell(again, 10, 3)
    check_ledger(again)
    again.close()


def test_erasures_that_were_lost_are_stated_again(restored: Path) -> None:
    ledger = opened(path_in(restored), "third")
    recoverer(ledger).declare_loss("the disk failed")
    redactions = ledger.show(SECRET)[0].redactions
    assert [(one.position, one.parts) for one in redactions] == [
        (4, ALL),
        (5, PERSONAL),
        (6, PERSONAL),
    ]
    assert {one.legal_basis for one in redactions} == {RESTATED}
    assert {one.requester for one in redactions} == {""}
    assert all(one.erased_by is not None for one in redactions)
    check_ledger(ledger)
    ledger.close()
    assert b"word note 1" not in files_of(restored)


def test_what_takes_the_place_of_an_entry_that_was_erased_and_lost_is_not_erased(
    restored: Path,
) -> None:
    ledger = opened(path_in(restored), "third")
    # Position 8 was erased, and then lost.
    recoverer(ledger).declare_loss("the disk failed")
    tell(ledger, 0, 20, "acme:new", "newword")
    before = [(one.position, one.erased) for one in ledger.entries(0, count=1_000).entries]
    ledger.close()
    again = opened(path_in(restored), "fourth")
    assert [(one.position, one.erased) for one in again.entries(0, count=1_000).entries] == before
    assert [at for at, erased in before if erased] == [4, 5, 6]
    check_ledger(again)
    again.close()


def test_old_proofs_hold_under_the_old_key_and_new_ones_under_the_new(
    folder: Path, tmp_path: Path
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    proof, note = ledger.prove(ProofQuery(target=5)), ledger.custody.last_checkpoint()
    old_key = parse_verifier_key(ledger.custody.keys()[0].verifier)
    copied_file(ledger, path_in(folder), tmp_path / "backup.db")
    ledger = opened(path_in(folder), "second")
    tell(ledger, 4, 2)
    ledger.close()
    shutil.copyfile(tmp_path / "backup.db", path_in(folder))
    ledger = opened(path_in(folder), "third")
    recoverer(ledger).declare_loss("the disk failed")
    (entry,) = verify_proofs(proof.proofs.encode(), [old_key])
    with ledger._store.read() as reader:
        assert [entry.envelope] == reader.envelopes(5, 1)
        assert root_at(note.size, reader.hashes).hex() == note.root
    now = ledger.custody.checkpoint()
    new_key = parse_verifier_key(ledger.custody.keys()[-1].verifier)
    assert (now.origin, new_key.name) == (ledger.origin, ledger.origin)
    assert old_key.name != new_key.name
    assert open_checkpoint(now.note.encode(), [new_key]).checkpoint.size == now.size
    with pytest.raises(ProofError):
        open_checkpoint(now.note.encode(), [old_key])
    later = ledger.prove(ProofQuery(target=5))
    assert verify_proofs(later.proofs.encode(), [new_key])[0].position == 5
    ledger.close()


def test_a_second_loss_is_declared_like_the_first(restored: Path, tmp_path: Path) -> None:
    ledger = opened(path_in(restored), "third")
    first = recoverer(ledger).declare_loss("the disk failed")
    tell(ledger, 10, 2)
    copied_file(ledger, path_in(restored), tmp_path / "later.db")
    ledger = opened(path_in(restored), "fourth")
    at = tell(ledger, 20, 2)
    ledger.erasures.erase(asked(7, at, parts=ALL))
    ledger.close()
    shutil.copyfile(tmp_path / "later.db", path_in(restored))
    ledger = opened(path_in(restored), "fifth")
    second = recoverer(ledger).declare_loss("and again")
    assert (second.former, second.lost_from) == (first.origin, at)
    assert second.origin.count("/recovered-") == 1
    assert [one.position for one in ledger.show(SECRET)[0].redactions] == [4, 5, 6, 7]
    check_ledger(ledger)
    ledger.close()
    check_ledger(opened(path_in(restored), "sixth"))


def test_a_loss_during_a_change_of_the_key_goes_on_under_a_key_of_its_own(
    folder: Path, tmp_path: Path
) -> None:
    origins: list[str] = []
    # The second time the log has been recovered before, and its name says so.
    for number in range(2):
        ledger = opened(path_in(folder), f"{number} first")
        tell(ledger, 10 * number, 4)
        copied_file(ledger, path_in(folder), tmp_path / "backup.db")
        ledger = opened(path_in(folder), f"{number} second")
        tell(ledger, 10 * number + 4, 2)
        # A change of the key that was begun, and went no further.
        staged = new_signing_key(ledger.origin, SeededRandomness(f"staged {number}"))
        recoverer(ledger)._notary.keys.stage(staged)
        ledger.close()
        shutil.copyfile(tmp_path / "backup.db", path_in(folder))
        ledger = opened(path_in(folder), f"{number} third")
        answer = recoverer(ledger).declare_loss("the disk failed")
        origins += [answer.former, answer.origin]
        notary = recoverer(ledger)._notary
        assert notary.keys.pending() is None
        assert notary.signing_key().name == answer.origin
        check_ledger(ledger)
        ledger.close()
    assert origins[1] == origins[2]
    assert len(set(origins)) == 3


def test_an_erasure_and_a_hold_are_signed_before_they_are_answered(
    folder: Path, tmp_path: Path
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    copied_file(ledger, path_in(folder), tmp_path / "backup.db")
    ledger = opened(path_in(folder), "second")
    ledger.erasures.erase(asked(4, parts=ALL))
    assert ledger.custody.last_checkpoint().unsigned == 0
    view = ledger.erasures.hold(None, authority="court")
    assert ledger.custody.last_checkpoint().unsigned == 0
    assert ledger.erasures.erase(asked(5)).refused
    assert ledger.custody.last_checkpoint().unsigned == 0
    ledger.erasures.release(view.position, reason="closed")
    assert ledger.custody.last_checkpoint().unsigned == 0
    ledger.close()
    shutil.copyfile(tmp_path / "backup.db", path_in(folder))
    ledger = opened(path_in(folder), "third")
    assert entry_at(ledger, 4).erased is ALL
    with pytest.raises(StoreBehindError):
        tell(ledger, 10, 1)
    ledger.close()


# --- refusals ------------------------------------------------------------------------------------


def test_a_ledger_that_is_what_was_signed_has_nothing_to_recover(folder: Path) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    note = ledger.custody.checkpoint().note.encode()
    head = ledger.head()
    with pytest.raises(PreconditionError, match="nothing to recover"):
        recoverer(ledger).declare_loss("nothing")
    with pytest.raises(PreconditionError, match="nothing to recover"):
        recoverer(ledger).adopt(note)
    assert ledger.head() == head
    ledger.close()


def test_a_store_that_is_behind_does_not_adopt_an_older_checkpoint(
    folder: Path, tmp_path: Path
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    note = ledger.custody.checkpoint().note.encode()
    copied_file(ledger, path_in(folder), tmp_path / "backup.db")
    ledger = opened(path_in(folder), "second")
    tell(ledger, 4, 2)
    ledger.close()
    shutil.copyfile(tmp_path / "backup.db", path_in(folder))
    ledger = opened(path_in(folder), "third")
    with pytest.raises(PreconditionError, match="remembers"):
        recoverer(ledger).adopt(note)
    with pytest.raises(StoreBehindError):
        tell(ledger, 10, 1)
    ledger.close()


# --- a sidecar that was lost ---------------------------------------------------------------------


@pytest.fixture
def bereft(folder: Path) -> tuple[Path, bytes]:
    """Return a folder whose sidecar was lost, and a checkpoint that somebody kept."""
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    ledger.erasures.erase(asked(4, parts=ALL))
    ledger.erasures.erase(asked(5))
    note = ledger.custody.checkpoint().note.encode()
    tell(ledger, 4, 2)
    ledger.close()
    sidecar_in(folder).unlink()
    return folder, note


def sidecar_in(folder: Path) -> Path:
    return folder / "ledger.db.sidecar"


def test_a_lost_sidecar_is_begun_anew_from_a_checkpoint_that_was_kept(
    bereft: tuple[Path, bytes],
) -> None:
    folder, note = bereft
    ledger = opened(path_in(folder), "second")
    assert ledger.show(SECRET)[0].node.name == "secretword name 5"
    with pytest.raises(StoreBehindError):
        tell(ledger, 10, 1)
    answer = recoverer(ledger).adopt(note)
    assert (answer.origin, answer.former) == (ledger.origin, ledger.origin)
    sidecar = SidecarFile(sidecar_in(folder)).read()
    assert sidecar is not None
    assert [(one.position, one.facts, one.personal) for one in sidecar.erased] == [
        (4, True, True),
        (5, False, True),
    ]
    tell(ledger, 10, 1)
    check_ledger(ledger)
    ledger.close()
    check_ledger(opened(path_in(folder), "third"))


def test_without_any_checkpoint_the_loss_is_declared_with_an_open_end(
    bereft: tuple[Path, bytes],
) -> None:
    folder, _ = bereft
    ledger = opened(path_in(folder), "second")
    size = ledger.head().size
    answer = recoverer(ledger).declare_loss("nobody kept a checkpoint")
    assert (answer.lost_from, answer.lost_to) == (size, None)
    tell(ledger, 10, 1)
    check_ledger(ledger)
    ledger.close()


def test_a_checkpoint_of_another_key_or_ledger_is_not_adopted(
    bereft: tuple[Path, bytes], tmp_path: Path
) -> None:
    folder, note = bereft
    with opened(tmp_path / "another.db", "another") as another:
        tell(another, 0, 4)
        foreign = another.custody.checkpoint().note.encode()
    ledger = opened(path_in(folder), "second")
    changed = note.replace(b"\n", b"0\n", 2).replace(b"0\n", b"\n", 1)
    for wrong in (foreign, changed, b"", b"note"):
        with pytest.raises(ProofError):
            recoverer(ledger).adopt(wrong)
        assert not sidecar_in(folder).exists()
    ledger.close()


def test_a_store_that_is_shorter_than_the_checkpoint_does_not_adopt_it(
    folder: Path, tmp_path: Path
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    copied_file(ledger, path_in(folder), tmp_path / "backup.db")
    ledger = opened(path_in(folder), "second")
    tell(ledger, 4, 2)
    note = ledger.custody.checkpoint().note.encode()
    ledger.close()
    shutil.copyfile(tmp_path / "backup.db", path_in(folder))
    sidecar_in(folder).unlink()
    ledger = opened(path_in(folder), "third")
    with pytest.raises(StoreBehindError, match="missing"):
        recoverer(ledger).adopt(note)
    assert not sidecar_in(folder).exists()
    ledger.close()


# --- two copies ----------------------------------------------------------------------------------


def fork(folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the whole folder."""
    other = tmp_path / "fork"
    shutil.copytree(folder, other)
    return other


@pytest.mark.parametrize("more", [2, 3, 4])
def test_of_two_copies_that_were_written_to_the_second_is_refused_and_nothing_is_signed(
    folder: Path, tmp_path: Path, more: int
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    ledger.close()
    other = fork(folder, tmp_path)
    with opened(path_in(folder), "mine") as mine:
        tell(mine, 4, 3)
    with opened(path_in(other), "theirs") as theirs:
        tell(theirs, 4, more, "acme:theirs", "theirword")
    shutil.copyfile(path_in(other), path_in(folder))
    before = sidecar_in(folder).read_bytes()
    ledger = opened(path_in(folder), "third")
    assert ledger.show("acme:theirs")[0].node.id is not None
    with ledger._store.read() as reader:
        kept = reader.checkpoint()
    for act in (
        lambda: tell(ledger, 10, 1),
        ledger.custody.checkpoint,
        ledger.custody.last_checkpoint,
    ):
        with pytest.raises(StoreBehindError):
            act()
    with ledger._store.read() as reader:
        assert reader.checkpoint() == kept
    ledger.close()
    assert sidecar_in(folder).read_bytes() == before
    ledger = opened(path_in(folder), "fourth")
    answer = recoverer(ledger).declare_loss("two copies were written to")
    # Nobody outside vouches for any part of it; a copy that is shorter may be a mere backup.
    assert (answer.lost_from, answer.lost_to) == (10 if more == 2 else 0, 11)
    check_ledger(ledger)
    ledger.close()


def test_a_fork_is_not_made_unreadable_by_what_was_erased_of_the_other(
    folder: Path, tmp_path: Path
) -> None:
    ledger = opened(path_in(folder))
    tell(ledger, 0, 4)
    ledger.close()
    other = fork(folder, tmp_path)
    with opened(path_in(folder), "mine") as mine:
        at = tell(mine, 4, 3)
        mine.erasures.erase(asked(at, parts=ALL))
    with opened(path_in(other), "theirs") as theirs:
        one = Statement(id="1", source="ci", records=(Artifact(key="acme:x", name="x"),))
        theirs.record([one], namespace="another")
        # The types of the new namespace stand where the erased entry stood.
        assert entry_at(theirs, at, "another").statement == "types/1"
    shutil.copyfile(path_in(other), path_in(folder))
    ledger = opened(path_in(folder), "third")
    assert entry_at(ledger, at, "another").erased is None
    assert ledger.types(namespace="another").types
    with pytest.raises(StoreBehindError):
        tell(ledger, 10, 1)
    recoverer(ledger).declare_loss("two copies were written to")
    check_ledger(ledger)
    ledger.close()
