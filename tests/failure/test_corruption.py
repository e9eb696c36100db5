"""A byte is changed behind the ledger's back: the audit says where."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.audit import AuditLevel, AuditReport
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Claim,
    Context,
    ErasureRequest,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Mode,
    ParentContext,
    ProofQuery,
    Role,
    StatedTime,
    Statement,
)
from lineage.projections.governance import KEY, RECOVERY
from lineage.projections.views import BOOKMARK, TABLES, VIEW_TABLES
from lineage.proofs.tree import leaf_hash
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.opening import open_store
from lineage.stores.tables import Table
from lineage_schemas.records import AnyRecord
from lineage_schemas.sources import SourceExpectation, SourceScan
from strategies import DAWN, SHAPE_TYPES

SIZE = 300
GOVERNED = 19
"""How many of these entries the ledger itself states, at the end."""

LOOKED = SourceScan(
    tool="shelf",
    address="file:///shelf",
    started=DAWN,
    finished=DAWN,
    is_whole=True,
    there={"thing": 1},
    here={"thing": 1},
)
VIEWS = {table.name: table for table in VIEW_TABLES}
ERASABLE = "acme:x/eve"
CELLS = [(table.name, column.name) for table in VIEW_TABLES for column in table.columns]


def story() -> list[list[Statement]]:
    """Return batches that leave rows in every view."""
    a, b, run, context = "acme:a", "acme:b", "acme:run", "acme:experiment"
    observed: tuple[AnyRecord, ...] = (
        Artifact(key=a, type="lineage.DataSet", name="rows", properties={"owner": "eve"}),
        Artifact(key=b, type="lineage.Model", uri="file:///model"),
        Execution(key=run, type="lineage.Train"),
        Context(key=context, type="lineage.Experiment"),
        Event(artifact=a, execution=run, kind=EventKind.INPUT, path=("in", 0), time=DAWN),
        Event(artifact=b, execution=run, kind=EventKind.OUTPUT),
        Attribution(context=context, artifact=a),
        Association(context=context, execution=run),
        ParentContext(child=context, parent="acme:project"),
        Claim(kind=Kind.ARTIFACT, node=a, identifier=b, link_class=LinkClass.ASSERTED),
        MetricSeries(execution=run, metric="loss", chunk=0, points=((0, 0.5, None),)),
    )
    changed = (Artifact(key=a, name="rows again", custom_properties={"p": 1}),)
    commanded = (*SHAPE_TYPES, Artifact(type="Shape", name="square", properties={"sides": 4}))
    late = (Artifact(key=a, name="rows"),)
    before = StatedTime(start=DAWN - timedelta(hours=1))
    first = [
        Statement(id="observed", source="ci", records=observed, stated=StatedTime(start=DAWN)),
        Statement(id="changed", source="dvc", records=changed),
        Statement(id="late", source="ci", records=late, stated=before),
        Statement(id="commanded", source="client", mode=Mode.COMMAND, records=commanded),
        Statement(id="scan", source="shelf", records=(LOOKED,)),
        Statement(
            id="expected",
            source="ci",
            records=(SourceExpectation(source="dvc", due_seconds=60),),
        ),
    ]
    rest = [
        Statement(id=f"s-{number}", source="ci", records=(Artifact(key=f"acme:x/{number}"),))
        for number in range(SIZE - GOVERNED - 3 - len(first))
    ]
    erasable = Artifact(key=ERASABLE, type="lineage.DataSet", properties={"owner": "eve"})
    rest.append(Statement(id="erasable", source="ci", records=(erasable,)))
    return [first, rest[:100], *([one] for one in rest[100:])]


def govern(store: Store) -> None:
    """Have the ledger state something of every kind: keys, erasures, a loss."""
    keys = MemoryKeys(SeededRandomness("keys"))

    def opened() -> Ledger:
        notary = Notary(MemorySidecar(), keys)
        return Ledger(store, FakeClock(), SeededRandomness("governance"), notary)

    ledger = opened()
    ledger.custody.rotate_key("yearly")
    ledger.prove(ProofQuery(target=5))
    ledger.erasures.erase(
        ErasureRequest(
            targets=(ERASABLE,), legal_basis="asked for", requester="eve", approver="bob"
        )
    )
    hold = ledger.erasures.hold("acme:a", authority="court")
    ledger.erasures.retain(5, retention_class="logs", keep_days=30, legal_basis="law")
    ledger.erasures.release(hold.position, reason="settled")
    ledger.erasures.propose(["acme:a"], legal_basis="asked for")
    ledger.access.grant("ada", Role.READER, ["*"])
    ledger.access.make_key("ada")
    again = opened()  # what was remembered of it is lost
    assert again.recovery is not None
    again.recovery.declare_loss("The disk of the sidecar broke")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a ledger of 300 entries, closed."""
    path = tmp_path_factory.mktemp("original") / "ledger.db"
    store = open_store(path, TABLES, "test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    deliveries = [ledger.prepare(batch) for batch in story()]
    assert not any(isinstance(one, Exception) for one in ledger.commit(deliveries))
    govern(store)
    assert ledger.head().size == SIZE
    ledger.close()
    return path


class Victim:
    """A ledger that is open, and a way behind its back."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(open_store(path, TABLES, ""), FakeClock(), SeededRandomness())
        self._path = path

    @contextmanager
    def behind_its_back(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("DROP TRIGGER IF EXISTS entry_is_never_changed")
            connection.execute("DROP TRIGGER IF EXISTS entry_is_never_deleted")
            yield connection
            connection.commit()

    def change(self, sql: str, *cells: object) -> None:
        with self.behind_its_back() as connection:
            changed = connection.execute(sql, cells).rowcount
        assert changed == 1

    def flip(self, table: str, column: str, position: int, at: int = 0) -> None:
        """Flip one bit of a cell of bytes."""
        key = "rowid" if table in {"entry", "payload"} else "position"
        with self.behind_its_back() as connection:
            sql = f"SELECT {column} FROM {table} WHERE {key} = ?"  # noqa: S608
            (body,) = connection.execute(sql, (position,)).fetchone()
            flipped = bytearray(body)
            flipped[at % len(flipped)] ^= 1 << at % 8
            sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"  # noqa: S608
            connection.execute(sql, (bytes(flipped), position))

    def report(self) -> AuditReport:
        return self.ledger.audit()

    def findings(self) -> list[tuple[int | None, str]]:
        return [(one.position, one.what) for one in self.report().findings]

    def exact_places(self) -> set[int]:
        """Return the entries that findings name, and not only as one of many."""
        return {
            one.position
            for one in self.report().findings
            if one.position is not None and one.upto is None
        }


@pytest.fixture
def victim(original: Path, tmp_path: Path) -> Iterator[Victim]:
    copyfile(original, tmp_path / "ledger.db")
    victim = Victim(tmp_path / "ledger.db")
    yield victim
    victim.ledger.close()


def test_an_untouched_ledger_is_clean(victim: Victim) -> None:
    assert victim.findings() == []
    for table in VIEW_TABLES:
        with victim.ledger._store.read() as reader:
            assert reader.scan(table, None, 1) != [], table.name


# --- the log -------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 2, 150, 255, 256, SIZE - 1])
@pytest.mark.parametrize(
    ("table", "column"),
    [("entry", "envelope"), ("entry", "leaf"), ("payload", "facts"), ("payload", "facts_salt")],
)
def test_a_flipped_bit_is_found_at_its_position(
    victim: Victim, table: str, column: str, position: int
) -> None:
    victim.flip(table, column, position, at=5)
    assert victim.report().first_bad_position == position
    # And one wrong entry is no reason to doubt all that follow.
    assert {position} <= victim.exact_places() <= {position, position + 1}


@pytest.mark.parametrize("column", ["personal", "personal_salt"])
def test_a_flipped_bit_of_the_personal_part_is_found(victim: Victim, column: str) -> None:
    # Entry 1 names the actor, entry 2 the owner.
    victim.flip("payload", column, 2)
    assert victim.exact_places() == {2}


@pytest.mark.parametrize("at", range(0, 700, 37))
def test_any_bit_of_an_envelope_counts(victim: Victim, at: int) -> None:
    victim.flip("entry", "envelope", 2, at)
    assert (2, "The leaf is not the hash of the envelope") in victim.findings()
    assert {2} <= victim.exact_places() <= {2, 3}


def test_an_envelope_that_was_rewritten_with_its_leaf_is_found_in_the_head(victim: Victim) -> None:
    with victim.behind_its_back() as connection:
        (body,) = connection.execute("SELECT envelope FROM entry WHERE position = 200").fetchone()
        forged = body.replace(b'"source":"ci"', b'"source":"me"')
        assert forged != body
        connection.execute(
            "UPDATE entry SET envelope = ?, leaf = ? WHERE position = 200",
            (forged, leaf_hash(forged)),
        )
    found = [one for one in victim.report().findings if one.level is AuditLevel.TREE]
    assert [(one.position, one.what) for one in found] == [
        (0, "The stored root of a subtree of level 1 is wrong"),
        (0, "The first 300 entries are not those of the checkpoint in the ledger"),
        (None, "The head is not that of the tree over the stored entries"),
    ]


def test_a_flipped_bit_of_a_subtree_is_found_with_the_entries_it_covers(victim: Victim) -> None:
    victim.flip("subtree", "root", 0)
    report = victim.report()
    assert report.findings[-1].what == "The stored root of a subtree of level 1 is wrong"
    assert (report.findings[-1].position, report.findings[-1].upto) == (0, 255)
    assert {one.level for one in report.findings} == {AuditLevel.SIGNATURE, AuditLevel.TREE}


def test_a_subtree_that_is_gone_or_too_much_is_found(victim: Victim) -> None:
    victim.change("DELETE FROM subtree")
    assert (0, "The stored root of a subtree of level 1 is wrong") in victim.findings()
    victim.change("INSERT INTO subtree VALUES (1, 7, zeroblob(32))")
    assert (None, "There are stored subtrees of level 1 beyond the head") in victim.findings()


@pytest.mark.parametrize("first", [2, 150, SIZE - 2])
def test_two_entries_that_changed_places_are_found(victim: Victim, first: int) -> None:
    with victim.behind_its_back() as connection:
        for table in ("entry", "payload"):
            for old, new in [(first, -1), (first + 1, first), (-1, first + 1)]:
                connection.execute(
                    f"UPDATE {table} SET position = ? WHERE position = ?",  # noqa: S608
                    (new, old),
                )
    assert victim.findings() != []
    assert victim.exact_places() <= {first, first + 1, first + 2}


@pytest.mark.parametrize("table", ["entry", "payload"])
@pytest.mark.parametrize("position", [0, 100, SIZE - 1])
def test_an_entry_that_is_gone_is_found(victim: Victim, table: str, position: int) -> None:
    victim.change(f"DELETE FROM {table} WHERE position = ?", position)  # noqa: S608
    assert (position, "The entry is missing") in victim.findings()


@pytest.mark.parametrize("first", range(8, 13))
@pytest.mark.parametrize("gap", range(1, 6))
def test_leaves_alone_show_which_entry_is_gone(
    victim: Victim, monkeypatch: pytest.MonkeyPatch, first: int, gap: int
) -> None:
    monkeypatch.setattr("lineage.audit.trees.LEAVES_PER_READ", 4)
    with victim.behind_its_back() as connection:
        connection.execute("DELETE FROM entry WHERE position IN (?, ?)", (first, first + gap))
    report = victim.ledger.audit(level=AuditLevel.TREE)
    assert report.first_bad_position == first
    assert (first, "The entry is missing") in [(one.position, one.what) for one in report.findings]


def test_a_part_that_is_gone_is_found(victim: Victim) -> None:
    victim.change("UPDATE payload SET facts = NULL, facts_salt = NULL WHERE position = 7")
    assert victim.findings() == [(7, "The facts part is missing, and no entry says it was erased")]


@pytest.mark.parametrize(("table", "column"), [("entry", "envelope"), ("payload", "facts")])
@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 5_000, b'{"version":99}', b"\xff"])
def test_bytes_that_are_something_else_are_found(
    victim: Victim, table: str, column: str, body: bytes
) -> None:
    victim.change(f"UPDATE {table} SET {column} = ? WHERE position = 9", body)  # noqa: S608
    assert victim.report().first_bad_position == 9


def test_an_entry_beyond_the_head_is_found(victim: Victim) -> None:
    with victim.behind_its_back() as connection:
        for table in ("entry", "payload"):
            connection.execute(
                f"UPDATE {table} SET position = {SIZE} WHERE position = {SIZE - 1}"  # noqa: S608
            )
    assert (SIZE - 1, "The entry is missing") in victim.findings()
    assert (SIZE, "There are entries beyond the head") in victim.findings()


def test_a_last_entry_that_is_gone_with_its_place_in_the_head_is_found(victim: Victim) -> None:
    with victim.behind_its_back() as connection:
        connection.execute(f"DELETE FROM entry WHERE position = {SIZE - 1}")  # noqa: S608
        connection.execute(f"UPDATE ledger SET size = {SIZE - 1}")  # noqa: S608
    assert victim.findings() != []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger SET size = size + 1",
        "UPDATE ledger SET size = size - 1",
        "UPDATE ledger SET compact_range = zeroblob(length(compact_range))",
        "UPDATE ledger SET compact_range = x''",
        "UPDATE ledger SET recorded_us = recorded_us + 1",
        "UPDATE ledger SET recorded_us = 0",
    ],
)
def test_a_head_that_was_changed_is_found(victim: Victim, sql: str) -> None:
    victim.change(sql)
    assert victim.findings() != []


# --- views ---------------------------------------------------------------------------------------


def somewhere(table: Table, column: str) -> str:
    """Return the condition that names one row in which the cell is filled, where there is one."""
    key = ", ".join(f'"{name}"' for name in table.key)
    return (
        f'({key}) = (SELECT {key} FROM "{table.name}" '  # noqa: S608
        f'ORDER BY "{column}" IS NULL, {key} LIMIT 1)'
    )


@pytest.mark.parametrize(("name", "column"), CELLS)
def test_a_changed_cell_of_a_view_is_found(victim: Victim, name: str, column: str) -> None:
    table = VIEWS[name]
    kind = table.columns[table.column(column)].type
    changed = {
        int: f'coalesce("{column}", 0) + 1099511627776',
        str: f"coalesce(\"{column}\", '') || 'x'",
        bytes: f"CAST(coalesce(\"{column}\", x'') || x'20' AS BLOB)",
    }[kind]
    victim.change(
        f'UPDATE "{name}" SET "{column}" = {changed} WHERE {somewhere(table, column)}'  # noqa: S608
    )
    found = victim.report().findings
    assert [one.what for one in found if one.level is AuditLevel.VIEWS] == [
        f"The view {name} is not what the log folds into"
    ]
    # What these two say is held against the entries at once.
    assert len(found) == 1 or name in {KEY.name, RECOVERY.name}


@pytest.mark.parametrize("name", VIEWS)
def test_a_row_that_is_gone_from_a_view_is_found_and_a_rebuild_brings_it_back(
    victim: Victim, name: str
) -> None:
    table = VIEWS[name]
    victim.change(f'DELETE FROM "{name}" WHERE {somewhere(table, table.key[0])}')  # noqa: S608
    assert (None, f"The view {name} is not what the log folds into") in victim.findings()
    assert not victim.ledger.rebuild().identical
    assert victim.findings() == []


@pytest.mark.parametrize("sql", ["size = size - 1", "version = 'views/0'"])
def test_a_bookmark_that_was_moved_is_found_and_put_right_at_the_next_start(
    victim: Victim, tmp_path: Path, sql: str
) -> None:
    victim.change(f"UPDATE {BOOKMARK.name} SET {sql}")  # noqa: S608
    assert [place for place, _ in victim.findings()] == [None]
    again = Victim(tmp_path / "ledger.db")
    assert again.findings() == []
    again.ledger.close()
