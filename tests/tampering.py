"""What somebody who can write the files of a ledger could do to them, one deed a function."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copy, copyfile
from typing import Final, NamedTuple

from msgspec.structs import replace

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import KeyFile, make_signing_key
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import Sidecar, SidecarFile
from lineage.audit import AuditLevel, AuditReport, AuditRequest, audit_log, recall
from lineage.folding import rebuild_views
from lineage.intake import Append
from lineage.ledger import Artifact, ErasureRequest, Ledger, Statement, open_ledger
from lineage.projections.views import TABLES
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.tree import CompactRange, Subtree, leaf_hash
from lineage.stores.base import Writer
from lineage.stores.opening import open_store
from lineage.writing.governing import governance_batch
from lineage.writing.submission import Principal
from lineage_schemas.governance import Erasure, PartsErased

VICTIM: Final = 200
"""The entry that is changed; a whole tile covers it, and there is a ragged end behind that."""

ERASED: Final = 4
"""The first entry that a producer said; its personal part was erased."""

SIZE: Final = 307
STATEMENTS: Final = 300


class Scene(NamedTuple):
    """The files of a ledger, closed; and of the same ledger earlier, before its last entries."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def key(self) -> Path:
        return self.folder / "ledger.db.key"

    @property
    def sidecar(self) -> Path:
        return self.folder / "ledger.db.sidecar"

    @property
    def earlier(self) -> Path:
        return self.folder / "earlier.db"

    @property
    def kept_elsewhere(self) -> bytes:
        return (self.folder / "kept.checkpoint").read_bytes()

    def open(self, seed: str = "again") -> Ledger:
        clock = FakeClock(now_us=1_800_000_000_000_000)
        return open_ledger(self.store, clock=clock, randomness=SeededRandomness(seed))

    def copy_to(self, folder: Path) -> "Scene":
        folder.mkdir()
        for file in self.folder.iterdir():
            copy(file, folder)
        return Scene(folder)

    def audit(self, level: AuditLevel, checkpoint: bytes | None = None) -> AuditReport:
        """Audit the files as they are: opening the ledger itself would put some things right."""
        store = open_store(self.store, TABLES, "")
        notary = Notary(SidecarFile(self.sidecar), KeyFile(self.key, SeededRandomness()))
        request = AuditRequest(level=level, checkpoint=checkpoint)
        memory = recall(notary)
        try:
            with store.read() as reader:
                return audit_log(reader, request, memory)
        finally:
            store.close()


def story(name: str = "rows", count: int = STATEMENTS) -> Iterator[Statement]:
    """Say a little about many things, and something personal first."""
    for number in range(count):
        personal = ("owner",) if number == 0 else ()
        yield Statement(
            id=f"s-{number}",
            source="ci",
            records=(
                Artifact(
                    key=f"acme:x/{number}",
                    name=f"{name} {number}",
                    custom_properties={"owner": "eve"},
                    personal=personal,
                ),
            ),
        )


def set_the_scene(folder: Path) -> Scene:
    """Make the ledger, and keep a checkpoint of it elsewhere."""
    scene = Scene(folder)
    clock, randomness = FakeClock(), SeededRandomness()
    with open_ledger(scene.store, clock=clock, randomness=randomness) as ledger:
        ledger.record(story(count=STATEMENTS - 2))
    copyfile(scene.store, scene.earlier)
    with open_ledger(scene.store, clock=clock, randomness=randomness) as ledger:
        ledger.record(list(story())[-2:])
        ledger.erasures.erase(
            ErasureRequest(
                targets=(ERASED,), legal_basis="asked for", requester="eve", approver="bob"
            )
        )
        note = ledger.custody.checkpoint().note
    (folder / "kept.checkpoint").write_text(note)
    return scene


@contextmanager
def behind_its_back(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger's file as anybody can."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS entry_is_never_changed")
        connection.execute("DROP TRIGGER IF EXISTS entry_is_never_deleted")
        yield connection
        connection.commit()


# --- the log -------------------------------------------------------------------------------------


def edit_envelope(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        _forge(connection)


def edit_envelope_and_leaf(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        _forge(connection)
        _hash_leaves(connection)


def edit_envelope_and_tree(scene: Scene) -> None:
    edit_envelope_and_leaf(scene)
    _rebuild(scene)


def delete_entry(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        _delete(connection, [VICTIM])


def swap_entries(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        for table in ("entry", "payload"):
            for old, new in [(VICTIM, -1), (VICTIM + 1, VICTIM), (-1, VICTIM + 1)]:
                connection.execute(
                    f"UPDATE {table} SET position = ? WHERE position = ?",  # noqa: S608
                    (new, old),
                )


def truncate(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        _delete(connection, [_size(connection) - 1])


def truncate_carefully(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        size = _size(connection)
        sql = "SELECT position FROM entry WHERE position >= ?"
        last = [row[0] for row in connection.execute(sql, (size - _last_batch(connection),))]
        _delete(connection, last)
        connection.execute("UPDATE ledger SET checkpoint = NULL")
    _rebuild(scene)


def restore_old_file(scene: Scene) -> None:
    copyfile(scene.earlier, scene.store)


def fork(scene: Scene) -> None:
    twin = scene.copy_to(scene.folder.with_name("twin"))
    for one, name in ((twin, "mine"), (scene, "theirs")):
        with one.open(name) as ledger:
            ledger.record([Statement(id=name, source="ci", records=(Artifact(key="acme:new"),))])
    copyfile(twin.sidecar, scene.sidecar)


# --- payloads, subtrees, views -------------------------------------------------------------------


def change_payload(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        _replace(connection, "payload", "facts", b"rows 1", b"cows 1")


def erase_without_a_word(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        connection.execute(
            "UPDATE payload SET facts = NULL, facts_salt = NULL WHERE position = ?", (VICTIM,)
        )
    _fold_anew(scene)


def put_an_erased_part_back(scene: Scene) -> None:
    sql = "SELECT personal, personal_salt FROM payload WHERE position = ?"
    with behind_its_back(scene.earlier) as connection:
        (personal, salt) = connection.execute(sql, (ERASED,)).fetchone()
    assert personal is not None
    with behind_its_back(scene.store) as connection:
        assert connection.execute(sql, (ERASED,)).fetchone() == (None, None)
        sql = "UPDATE payload SET personal = ?, personal_salt = ? WHERE position = ?"
        connection.execute(sql, (personal, salt, ERASED))
    _fold_anew(scene)


def put_half_of_an_erased_part_back(scene: Scene) -> None:
    sql = "SELECT personal FROM payload WHERE position = ?"
    with behind_its_back(scene.earlier) as connection:
        (personal,) = connection.execute(sql, (ERASED,)).fetchone()
    assert personal is not None
    with behind_its_back(scene.store) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        sql = "UPDATE payload SET personal = ? WHERE position = ?"
        connection.execute(sql, (personal, ERASED))


def add_payload_of_no_entry(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        sql = "INSERT INTO payload SELECT ?, facts_salt, facts, NULL, NULL FROM payload LIMIT 1"
        connection.execute(sql, (SIZE,))


def erase_what_is_held(scene: Scene) -> None:
    """Say so in the log, and sign that: as a program would that does not ask what is held."""
    with scene.open() as ledger:
        ledger.erasures.hold(VICTIM, authority="court")
        record = Erasure(
            positions=(VICTIM,),
            parts=PartsErased.ALL,
            legal_basis="none",
            requester="actor-1",
            approver="actor-2",
        )

        def work(writer: Writer, append: Append, _: int) -> None:
            principal = Principal("forger", is_local=True)
            append(governance_batch("default", principal, record, randomness=SeededRandomness()))
            writer.erase([VICTIM], PartsErased.ALL)
            rebuild_views(writer)

        ledger._intake.govern(work)
        ledger.custody.remember_erasures()


def change_subtree(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        connection.execute("UPDATE subtree SET root = zeroblob(32)")


def change_view(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        connection.execute("UPDATE node SET key = key || '!' WHERE since = ?", (VICTIM,))


# --- checkpoints and keys ------------------------------------------------------------------------


def change_stored_checkpoint(scene: Scene) -> None:
    with behind_its_back(scene.store) as connection:
        (note,) = connection.execute("SELECT checkpoint FROM ledger").fetchone()
        forged = note.replace(b"\n%d\n" % _size(connection), b"\n%d\n" % (_size(connection) - 1))
        assert forged != note
        connection.execute("UPDATE ledger SET checkpoint = ?", (forged,))


def change_remembered_checkpoint(scene: Scene) -> None:
    sidecar = _read_sidecar(scene)
    assert sidecar.checkpoint is not None
    size = read_checkpoint(sidecar.checkpoint.encode()).size
    forged = sidecar.checkpoint.replace(f"\n{size}\n", f"\n{size - 1}\n")
    _write_sidecar(scene, replace(sidecar, checkpoint=forged))


def replace_key(scene: Scene) -> None:
    sidecar = _read_sidecar(scene)
    key = _another_key(scene, sidecar.origin)
    assert sidecar.checkpoint is not None
    note = sign_checkpoint(read_checkpoint(sidecar.checkpoint.encode()), key)
    with behind_its_back(scene.store) as connection:
        connection.execute("UPDATE ledger SET checkpoint = ?", (note,))
    _write_sidecar(scene, replace(sidecar, checkpoint=note.decode()))


def replace_key_and_history(scene: Scene) -> None:
    _another_key(scene, _read_sidecar(scene).origin)
    rewrite_history(scene)


def rewrite_history(scene: Scene) -> None:
    """Say something else from the beginning, with the key that is there and its own origin."""
    origin = _read_sidecar(scene).origin
    for file in (scene.store, scene.sidecar):
        file.unlink()
    clock, randomness = FakeClock(), SeededRandomness("forger")
    with open_ledger(
        scene.store, clock=clock, randomness=randomness, key=scene.key, sidecar=scene.sidecar
    ) as ledger:
        assert ledger.origin == origin
        ledger.record(story("cows", count=STATEMENTS + 10))


# --- how it is done ------------------------------------------------------------------------------


def _forge(connection: sqlite3.Connection) -> None:
    _replace(connection, "entry", "envelope", b'"source":"ci"', b'"source":"me"')


def _replace(
    connection: sqlite3.Connection, table: str, column: str, old: bytes, new: bytes
) -> None:
    sql = f"SELECT {column} FROM {table} WHERE position = ?"  # noqa: S608
    (body,) = connection.execute(sql, (VICTIM,)).fetchone()
    assert old in body
    sql = f"UPDATE {table} SET {column} = ? WHERE position = ?"  # noqa: S608
    connection.execute(sql, (body.replace(old, new), VICTIM))


def _delete(connection: sqlite3.Connection, positions: Iterable[int]) -> None:
    for position in positions:
        for table in ("entry", "payload"):
            sql = f"DELETE FROM {table} WHERE position = ?"  # noqa: S608
            assert connection.execute(sql, (position,)).rowcount == 1


def _size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT size FROM ledger").fetchone()[0])


def _last_batch(connection: sqlite3.Connection) -> int:
    (body,) = connection.execute(
        "SELECT envelope FROM entry ORDER BY position DESC LIMIT 1"
    ).fetchone()
    return int(body.partition(b'"batch":[')[2].partition(b"]")[0].partition(b",")[2])


def _hash_leaves(connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT position, envelope FROM entry").fetchall()
    connection.executemany(
        "UPDATE entry SET leaf = ? WHERE position = ?",
        [(leaf_hash(envelope), position) for position, envelope in rows],
    )


def _rebuild(scene: Scene) -> None:
    """Recompute everything that needs no key: subtrees, head, views."""
    with behind_its_back(scene.store) as connection:
        tree = CompactRange()
        subtrees: list[Subtree] = []
        recorded_us = 0
        sql = "SELECT leaf, envelope FROM entry ORDER BY position"
        for leaf, envelope in connection.execute(sql).fetchall():
            subtrees += tree.append(leaf)
            recorded_us = int(envelope.partition(b'"recorded_us":')[2].partition(b",")[0])
        connection.execute("DELETE FROM subtree")
        connection.executemany("INSERT INTO subtree VALUES (?, ?, ?)", subtrees)
        connection.execute(
            "UPDATE ledger SET size = ?, recorded_us = ?, compact_range = ?",
            (tree.size, recorded_us, tree.to_bytes()),
        )
    _fold_anew(scene)


def _fold_anew(scene: Scene) -> None:
    store = open_store(scene.store, TABLES, "")
    try:
        with store.write() as writer:
            rebuild_views(writer)
    finally:
        store.close()


def _another_key(scene: Scene, origin: str) -> SigningKey:
    scene.key.unlink()
    key = new_signing_key(origin, SeededRandomness("forger's key"))
    made = make_signing_key(scene.key, origin, lambda _: key.secret_seed())
    assert made.public == key.public
    return key


def _read_sidecar(scene: Scene) -> Sidecar:
    sidecar = SidecarFile(scene.sidecar).read()
    assert sidecar is not None
    return sidecar


def _write_sidecar(scene: Scene, sidecar: Sidecar) -> None:
    file = SidecarFile(scene.sidecar)
    with file.locked():
        file.write(sidecar)


def stored_size(scene: Scene) -> int:
    """Return how many entries the store says there are."""
    with behind_its_back(scene.store) as connection:
        return _size(connection)
