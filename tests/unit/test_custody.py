"""Checkpoints, keys, anchors and tiles of a ledger, through its own door."""

from pathlib import Path

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, asked, said
from lineage.anchoring.exports import read_exported
from lineage.anchoring.keys import MemoryKeys, make_signing_key
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.ledger import Artifact, ProofQuery, Shown, Statement, open_ledger
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.growth import verify_growth
from lineage.proofs.tiles import ENTRIES, Tile, decode_bundle
from lineage.proofs.tree import CompactRange, leaf_hash
from lineage.proofs.verifying import open_checkpoint, parse_verifier_key, verify_proofs
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import (
    NotFoundError,
    PreconditionError,
    ProofError,
    StoreBehindError,
    StoreError,
)


@pytest.fixture
def signed(store: Store) -> Ledger:
    """Return an empty ledger over each kind of store that signs."""
    randomness = SeededRandomness()
    notary = Notary(MemorySidecar(), MemoryKeys(SeededRandomness("keys")))
    return Ledger(store, FakeClock(), randomness, notary)


def say(ledger: Ledger, count: int = 1, label: str = "s") -> None:
    ledger.record(
        [
            Statement(
                id=f"{label}-{number}",
                source="ci",
                records=(Artifact(key=f"acme:{label}/{number}", name=f"{label} {number}"),),
            )
            for number in range(count)
        ]
    )


def test_a_signed_ledger_begins_with_its_key(signed: Ledger) -> None:
    say(signed)
    (key,) = signed.custody.keys()
    page = signed.entries(namespace="lineage")
    assert [view.position for view in page.entries] == [0, 1]
    assert key.position == 1
    assert parse_verifier_key(key.verifier).name == signed.origin
    check_ledger(signed)


def test_a_checkpoint_covers_the_head_and_verifies(signed: Ledger) -> None:
    say(signed, 5)
    answer = signed.custody.checkpoint()
    keys = [parse_verifier_key(text) for text in answer.verifiers]
    opened = open_checkpoint(answer.note.encode(), keys).checkpoint
    head = signed.head()
    assert (opened.origin, opened.size, opened.root) == (signed.origin, head.size, head.root)
    assert (answer.unsigned, answer.anchored_size, answer.anchors) == (0, None, ())


def test_the_same_head_is_signed_with_the_same_words(signed: Ledger) -> None:
    say(signed)
    assert signed.custody.checkpoint() == signed.custody.checkpoint()


def test_checkpoints_follow_the_writing_at_most_once_a_second(store: Store) -> None:
    clock = FakeClock(step_us=300_000)
    notary = Notary(MemorySidecar(), MemoryKeys(SeededRandomness("keys")))
    ledger = Ledger(store, clock, SeededRandomness(), notary)
    sizes = []
    for number in range(12):
        say(ledger, label=f"n{number}")
        sizes.append(ledger.custody.last_checkpoint().size)
    assert len(set(sizes)) < len(sizes)
    assert ledger.head().size - sizes[-1] <= 4
    ledger.custody.catch_up()
    assert ledger.custody.last_checkpoint().unsigned == 0


def test_a_process_without_a_key_serves_the_checkpoint_of_another(
    signed: Ledger, store: Store
) -> None:
    other = Ledger(store, FakeClock(), SeededRandomness("other"))
    with pytest.raises(NotFoundError, match="No checkpoint"):
        other.custody.checkpoint()
    say(signed)
    answer = signed.custody.checkpoint()
    say(other, label="o")
    assert not other.custody.signs
    assert other.custody.checkpoint().note == answer.note
    assert other.custody.checkpoint().unsigned > 0
    with pytest.raises(PreconditionError, match="does not sign"):
        other.custody.rotate_key("no")


def test_a_changed_key_is_vouched_for_by_the_one_before(signed: Ledger) -> None:
    say(signed)
    before = signed.custody.checkpoint()
    current = signed.custody.rotate_key("once a year")
    after = signed.custody.checkpoint()
    first, second = signed.custody.keys()
    assert (second.verifier, second.is_current) == (current.verifier, True)
    assert first.signs_to == second.position + 1
    assert before.verifiers == (first.verifier,)
    assert after.verifiers[-1] == second.verifier
    # Whoever has only the old key can follow: it has signed the size that covers the new one.
    old = [parse_verifier_key(first.verifier)]
    with pytest.raises(ProofError):
        open_checkpoint(after.note.encode(), old)
    assert signed.entries(second.position, namespace="lineage").entries[0].records is not None
    say(signed, 3, "later")
    growth = signed.custody.prove_growth(before.note.encode())
    both = [*old, parse_verifier_key(second.verifier)]
    assert verify_growth(growth, before.note.encode(), both).new.key == both[1]
    check_ledger(signed)


def test_a_lost_key_is_replaced_only_when_it_is_said_to_be_lost(signed: Ledger) -> None:
    say(signed)
    signed.custody.checkpoint()
    notary = signed.custody._notary
    assert notary is not None
    notary.keys = MemoryKeys(SeededRandomness("new"))
    with pytest.raises(StoreError, match="no signing key"):
        signed.custody.checkpoint()
    with pytest.raises(StoreError, match="no signing key"):
        signed.custody.rotate_key("gone")
    signed.custody.rotate_key("gone", lost=True)
    say(signed, label="on")
    assert signed.custody.checkpoint().unsigned == 0
    check_ledger(signed)


def test_a_strange_key_signs_nothing(signed: Ledger) -> None:
    say(signed)
    signed.custody.checkpoint()
    notary = signed.custody._notary
    assert notary is not None
    notary.keys = MemoryKeys(SeededRandomness("strange"))
    notary.keys.make(signed.origin)
    say(signed, label="more")
    with pytest.raises(StoreError, match="not the one that the log names"):
        signed.custody.checkpoint()


def test_tiles_hold_what_the_last_checkpoint_covers(signed: Ledger) -> None:
    say(signed, 300)
    answer = signed.custody.checkpoint()
    size = answer.size
    bundles = [Tile(ENTRIES, 0, 256), Tile(ENTRIES, 1, size - 256)]
    envelopes = [one for tile in bundles for one in decode_bundle(signed.custody.tile(tile))]
    tree = CompactRange()
    for envelope in envelopes:
        tree.append(leaf_hash(envelope))
    assert tree.size == size
    assert tree.root().hex() == answer.root
    hashes = b"".join(leaf_hash(one) for one in envelopes)
    assert signed.custody.tile(Tile(0, 0, 256)) == hashes[: 256 * 32]
    assert signed.custody.tile(Tile(0, 1, 3)) == hashes[256 * 32 : 259 * 32]
    assert len(signed.custody.tile(Tile(1, 0, 1))) == 32
    for tile in (Tile(0, 1, size - 255), Tile(0, 2, 1), Tile(1, 0, 2), Tile(ENTRIES, 1, 256)):
        with pytest.raises(NotFoundError):
            signed.custody.tile(tile)


def test_an_anchor_is_remembered_and_named(signed: Ledger, tmp_path: Path) -> None:
    say(signed)
    anchor = signed.custody.anchor_in_directory(tmp_path)
    say(signed, 4, "later")
    answer = signed.custody.checkpoint()
    assert answer.anchored_size == anchor.size < answer.size
    assert [one.target for one in answer.anchors] == [f"directory:{tmp_path}"]
    (note,) = read_exported(tmp_path, signed.origin)
    assert read_checkpoint(note).size == anchor.size


def test_a_growth_proof_from_another_history_is_refused(signed: Ledger) -> None:
    say(signed, 3)
    note = signed.custody.checkpoint().note.encode()
    other = Ledger(
        MemoryStore(signed.origin),
        FakeClock(),
        SeededRandomness("other"),
        Notary(MemorySidecar(), MemoryKeys(SeededRandomness("keys"))),
    )
    say(other, 9, "other")
    with pytest.raises(StoreBehindError, match="does not continue"):
        other.custody.prove_growth(note)


def test_what_a_proof_shows_is_stated_before_it_is_shown(signed: Ledger) -> None:
    secret = Artifact(
        key="acme:secret",
        type="lineage.DataSet",
        custom_properties={"who": "Eve", "open": 1},
        personal=("who",),
    )
    signed.record([Statement(id="x", source="ci", records=(secret,))])
    keys = [parse_verifier_key(text) for text in signed.custody.checkpoint().verifiers]
    bare = signed.prove(ProofQuery(target="acme:secret", shown=Shown(facts=False, personal=False)))
    assert bare.disclosure is None
    (entry,) = verify_proofs(bare.proofs.encode(), keys)
    assert (entry.facts, entry.personal) == (None, None)
    facts = signed.prove(ProofQuery(target="acme:secret"))
    (entry,) = verify_proofs(facts.proofs.encode(), keys)
    assert entry.facts is not None
    assert b"Eve" not in facts.proofs.encode() + entry.facts
    whole = signed.prove(
        ProofQuery(
            target=entry.position,
            shown=Shown(facts=True, personal=True),
            recipient="Ada",
            purpose="an audit",
        )
    )
    (entry,) = verify_proofs(whole.proofs.encode(), keys)
    assert b"Eve" in (entry.personal or b"")
    assert whole.disclosure == signed.head().size - 1
    stated = signed.entries(whole.disclosure).entries[0].records
    assert stated is not None
    assert stated[0]["positions"] == [entry.position]  # type: ignore[index, call-overload]
    copies = signed.erasures.plan(["acme:secret"]).copies
    assert [(copy.recipient, copy.personal) for copy in copies] == [("Ada", True)]


def test_nothing_is_proved_that_is_not_there(signed: Ledger) -> None:
    say(signed)
    for target in ("acme:nobody", 10_000, -1):
        with pytest.raises(NotFoundError):
            signed.prove(ProofQuery(target=target))


def test_a_ledger_whose_file_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:
        say(ledger)
    path.unlink()
    with pytest.raises(StoreBehindError, match="was here, and is gone"):
        open_ledger(path)
    assert not path.exists()
    (tmp_path / "ledger.db.sidecar").unlink()
    (tmp_path / "ledger.db.key").unlink()
    with open_ledger(path) as ledger:
        say(ledger)


def test_a_given_key_names_the_ledger_and_must_be_there(tmp_path: Path) -> None:
    key = tmp_path / "given.key"
    with pytest.raises(StoreError, match="no signing key where one was named"):
        open_ledger(tmp_path / "ledger.db", key=key)
    make_signing_key(key, "example.org/ledger", SeededRandomness())
    with open_ledger(tmp_path / "ledger.db", key=key) as ledger:
        say(ledger)
        assert ledger.origin == "example.org/ledger"
        assert read_checkpoint(ledger.custody.checkpoint().note.encode()).origin == ledger.origin
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix == ".key") == [
        "given.key"
    ]


def test_what_was_written_is_signed_when_the_ledger_is_closed(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        say(ledger, 3)
        size = ledger.head().size
    with open_ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.custody.last_checkpoint().size == size
        assert ledger.custody.last_checkpoint().unsigned == 0


def test_what_a_process_that_does_not_sign_erased_is_remembered_when_it_is_signed(
    store: Store,
) -> None:
    sidecar = MemorySidecar()
    notary = Notary(sidecar, MemoryKeys(SeededRandomness("keys")))
    signing = Ledger(store, FakeClock(), SeededRandomness(), notary)
    another = Ledger(store, FakeClock(), SeededRandomness("another"))
    first = signing.record([said("1", OWNED)])[0].position
    second = signing.record([said("2", OWNED)])[0].position
    for position in (first, second):
        assert position is not None
        another.erasures.erase(asked(position))
        signing.custody.checkpoint()
        remembered = sidecar.read()
        assert remembered is not None
        assert remembered.erased[-1].position == position
