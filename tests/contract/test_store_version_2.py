"""A ledger of store version 2 is brought up while it is in use, and loses nothing by it."""

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from checks import check_ledger
from children import open_and_close
from doubles import NOON_US, FakeClock, SeededRandomness
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, Direction, Ledger, Outcome, Statement, TraceQuery, open_ledger
from lineage.stores.sqlite.layout import STORE_VERSION
from lineage_schemas.errors import FrozenStoreError, StoreBehindError

STORES = Path(__file__).parents[1] / "recordings" / "stores"
MODEL, DATA, RUN = "acme:model", "acme:data", "acme:run"
LATER_US = NOON_US + 3_600_000_000

OLD_APPEND = "UPDATE ledger SET size = ?, recorded_us = ?, compact_range = ? WHERE size = ?"
"""How the software of version 2 moves the head: first, and in these words."""

OLD_ERASURE = "UPDATE payload SET personal = NULL, personal_salt = NULL WHERE position = ?"
OLD_RENAMING = "UPDATE ledger SET origin = ?"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a copy of the ledger of store version 2, with its key and sidecar beside it."""
    path = tmp_path / "ledger.db"
    with gzip.open(STORES / "version-2.db.gz") as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    shutil.copyfile(STORES / "version-2.sidecar.json", tmp_path / "ledger.db.sidecar")
    shutil.copyfile(STORES / "version-2.key.txt", tmp_path / "ledger.db.key")
    (tmp_path / "ledger.db.key").chmod(0o600)
    return path


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """Return what the software that wrote it answered."""
    found: dict[str, Any] = json.loads((STORES / "version-2.json").read_text())
    return found


@pytest.fixture
def older(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file before anybody else, as a process of the older software has it open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("SELECT size FROM ledger").fetchone()
        yield connection


def opened(path: Path, seed: str = "seed") -> Ledger:
    return open_ledger(path, clock=FakeClock(LATER_US), randomness=SeededRandomness(seed))


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the file, but for the one of the ledger itself."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            str(name)
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'ledger'"
            )
        ]
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)  # noqa: S608
            for name in names
        }


def answers(ledger: Ledger) -> dict[str, Any]:
    """Ask again what was asked when the ledger was made."""
    answer = ledger.trace(TraceQuery(start=(MODEL,), direction=Direction.BOTH))
    data = ledger.show(DATA)[0].node
    keys = ledger.custody.keys()
    found = {
        "size": ledger.head().size,
        "root": ledger.head().root.hex(),
        "checkpoint": ledger.custody.last_checkpoint().note,
        "keys": [[one.verifier, one.signs_from, one.signs_to] for one in keys],
        "nodes": [[node.kind, node.id, node.key, node.name] for node in answer.nodes],
        "edges": [[one.artifact, one.execution, one.kind, one.path] for one in answer.edges],
        "links": [
            [one.node, one.identifier, one.link_class] for one in ledger.show(MODEL)[0].links
        ],
        "data": data.properties | data.custom_properties,
        "points": ledger.show(RUN)[0].series[0].points,
        "types": [[one.kind, one.id, one.type.name] for one in ledger.types().types],
        "statements": [one.statement for one in ledger.entries(count=100).entries],
        "restraints": [[one.position, one.name] for one in ledger.erasures.restraints()],
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def test_it_answers_as_it_did_and_goes_on(path: Path, said: dict[str, Any]) -> None:
    assert version_of(path) == 2
    with opened(path) as ledger:
        assert answers(ledger) == said
        again = Artifact(key=DATA, name="customers", custom_properties={"note": "said by trent"})
        (receipt,) = ledger.record([Statement(id="2", source="ci", records=(again,))])
        assert receipt.outcome is Outcome.DUPLICATE
        ledger.record([Statement(id="9", source="ci", records=(Artifact(key=DATA, name="now"),))])
        # One entry more: the well-known types that its namespace did not have yet.
        assert ledger.custody.checkpoint().size == said["size"] + 2
        assert ledger.basis(said["size"]).root == said["root"]
        check_ledger(ledger)
    assert version_of(path) == STORE_VERSION


def test_no_row_of_log_or_views_is_changed(path: Path) -> None:
    before = rows_of(path)
    opened(path).close()
    after = rows_of(path)
    # Views that are new since then, or have more columns, are made and folded, and the bookmark
    # names their version.
    del before["bookmark"]
    widths = {name: len(rows[0]) if rows else 0 for name, rows in before.items()}
    shared = {
        name: sorted((row[: widths[name]] for row in after[name]), key=repr) for name in before
    }
    assert shared == before


def test_its_sidecar_is_the_one_that_older_software_reads_too(path: Path) -> None:
    with opened(path) as ledger:
        ledger.record([Statement(id="9", source="ci", records=(Artifact(key=DATA, name="now"),))])
    text = path.with_name("ledger.db.sidecar").read_text()
    assert '"version":1' in text
    assert "frozen" not in text


def test_processes_that_open_it_at_once_bring_it_up_once(path: Path, said: dict[str, Any]) -> None:
    world = get_context("forkserver")
    children = [world.Process(target=open_and_close, args=(path,)) for _ in range(4)]
    for child in children:
        child.start()
    with opened(path) as ledger:
        assert answers(ledger) == said
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    with opened(path) as ledger:
        check_ledger(ledger)


def test_it_is_brought_up_between_two_transactions_of_a_process_that_writes(
    path: Path, older: sqlite3.Connection, said: dict[str, Any]
) -> None:
    older.execute("BEGIN IMMEDIATE")
    older.execute("SELECT size FROM ledger").fetchone()
    older.execute("ROLLBACK")
    with opened(path) as ledger:
        assert answers(ledger) == said
        # What it has prepared is read anew by SQLite, and finds all that it knows where it was.
        assert older.execute("SELECT origin, size FROM ledger").fetchone() == (
            ledger.origin,
            said["size"],
        )
        moved = older.execute(OLD_APPEND, (said["size"], 1, b"", said["size"] + 1))
        assert moved.rowcount == 0


@pytest.mark.parametrize(
    ("sql", "cells"),
    [(OLD_APPEND, (17, 1, b"", 16)), (OLD_ERASURE, (4,)), (OLD_RENAMING, ("mine",))],
    ids=["append", "erase", "rename"],
)
def test_older_software_that_has_it_open_cannot_write_into_a_frozen_store(
    path: Path, older: sqlite3.Connection, sql: str, cells: tuple[object, ...]
) -> None:
    with opened(path) as ledger:
        with ledger._store.write() as writer:
            writer.freeze(frozen=True)
        older.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.IntegrityError, match="the ledger is frozen"):
            older.execute(sql, cells)
        older.execute("ROLLBACK")
        with pytest.raises(FrozenStoreError):
            ledger.record([Statement(id="9", source="ci", records=(Artifact(key=DATA),))])
        check_ledger(ledger)


def test_an_older_state_of_it_is_noticed_by_the_sidecar_of_that_time(path: Path) -> None:
    earlier = path.read_bytes()
    with opened(path) as ledger:
        ledger.record([Statement(id="9", source="ci", records=(Artifact(key=DATA, name="now"),))])
    path.write_bytes(earlier)
    with (
        opened(path, "again") as ledger,
        pytest.raises(StoreBehindError, match="at least 2 are missing"),
    ):
        ledger.record([Statement(id="10", source="ci", records=(Artifact(key=DATA),))])
    sidecar = SidecarFile(path.with_name("ledger.db.sidecar")).read()
    assert sidecar is not None
    assert [one.position for one in sidecar.erased] != []
