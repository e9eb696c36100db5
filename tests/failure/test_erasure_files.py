"""No file of a ledger holds the bytes of what was erased, whatever happens on the way.

What is searched for are pieces of the erased parts, and their salts; left out are pieces that the
ledger still has to say elsewhere.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from checks import check_ledger
from erasing import ALL, PERSONAL, asked, entry_at, view_bytes
from erasure_children import careless, erase_and_die, opened
from lineage.ledger import (
    Artifact,
    Event,
    EventKind,
    Ledger,
    PartsErased,
    StatedTime,
    Statement,
)
from lineage.stores.sqlite.store import SqliteStore
from lineage_api.cli.documents import Ingestion
from lineage_api.demo.story import open_story
from lineage_schemas.values import JsonValue
from strategies import DAWN

PIECE, STRIDE = 24, 100
WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["children", "sidecar_children", "erasure_children"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder in which the ledger lies, and nothing else."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds of SQLite overwrite what is deleted, others do not: let ours be of the latter."""
    monkeypatch.setattr(SqliteStore, "_connect", careless(SqliteStore._connect))


def files_of(folder: Path) -> bytes:
    """Return every byte of every file, one file after another."""
    return b"\n--\n".join(path.read_bytes() for path in sorted(folder.rglob("*")))


def pieces_of(ledger: Ledger, positions: Sequence[int], parts: PartsErased) -> set[bytes]:
    """Return pieces of the parts that are about to be erased, and their salts."""
    found: set[bytes] = set()
    with ledger._store.read() as reader:
        for position in positions:
            facts, personal = reader.payload(position)
            for part in (facts if parts is ALL else None, personal):
                if part is not None:
                    found.add(part.salt)
                    starts = range(0, max(1, len(part.body) - PIECE), STRIDE)
                    found.update(part.body[start : start + PIECE] for start in starts)
    return found


def said_of(ledger: Ledger) -> bytes:
    """Return all that the ledger still says: envelopes, payload parts, views."""
    with ledger._store.read() as reader:
        entries = reader.entries(0, reader.head().size)
    parts = [part.body for one in entries for part in (one.facts, one.personal) if part]
    return b"\n".join([*(one.envelope for one in entries), *parts, view_bytes(ledger)])


def left_in(folder: Path, pieces: set[bytes]) -> set[bytes]:
    bodies = files_of(folder)
    return {piece for piece in pieces if piece in bodies}


def check_gone(ledger: Ledger, folder: Path, pieces: set[bytes]) -> None:
    """Demand that what is left of the pieces in the files is what the ledger still says."""
    said = said_of(ledger)
    erased = {piece for piece in pieces if piece not in said}
    assert len(erased) > len(pieces) / 3
    assert left_in(folder, erased) == set()
    ledger.close()
    assert left_in(folder, erased) == set()


def check_there(folder: Path, pieces: set[bytes]) -> None:
    """Demand that nearly all pieces are in the files: some lie over the edge of a page."""
    assert len(left_in(folder, pieces)) > len(pieces) * 0.95


# --- the story -----------------------------------------------------------------------------------


def told(folder: Path) -> Ledger:
    ledger = opened(folder / "ledger.db")
    ingestion = Ingestion(ledger, namespace="default")
    with open_story() as stream:
        ingestion.take(stream, lambda *_: None)
    assert ingestion.report().appended == 46
    return ledger


@pytest.mark.parametrize("parts", list(PartsErased))
def test_of_a_whole_story_no_byte_is_left_that_was_erased(folder: Path, parts: PartsErased) -> None:
    ledger = told(folder)
    positions = ledger.erasures.plan(range_of(ledger), parts).positions
    assert len(positions) >= 80
    pieces = pieces_of(ledger, positions, parts)
    owner = b'"value":"training"'
    check_there(folder, pieces)
    assert owner in files_of(folder)
    answer = ledger.erasures.erase(asked(*positions, parts=parts))
    assert answer.scrubbed
    assert owner not in files_of(folder)
    check_ledger(ledger)
    check_gone(ledger, folder, pieces)


def range_of(ledger: Ledger) -> list[int]:
    """Return the positions of what producers said."""
    page = ledger.entries(0, count=1_000)
    return [one.position for one in page.entries if one.source != "lineage"]


def test_the_names_of_actors_go_too(folder: Path) -> None:
    ledger = told(folder)
    first = ledger.erasures.erase(asked(*range_of(ledger)[:2]))
    own = [one for one in ledger.entries(0, count=1_000).entries if "Ada" in str(one.records)]
    assert b'"Ada"' in files_of(folder)
    ledger.erasures.erase(asked(own[0].position))
    assert entry_at(ledger, first.position or 0).erased is None
    ledger.close()
    # The second request was hers as well, so her name came back with it, under a new pseudonym.
    assert files_of(folder).count(b'"Ada"') == 1


# --- long histories ------------------------------------------------------------------------------


def described(number: int, key: str, word: str) -> Statement:
    """Return about two kilobytes that say the word in every place."""
    filler: dict[str, JsonValue] = {f"filler {at}": f"{number}-{at} " * 12 for at in range(20)}
    one = Artifact(
        key=key,
        type="lineage.DataSet",
        name=f"{word} name {number}",
        uri=f"file:///{word}/{number}",
        properties={"owner": f"{word} owner {number}", "display_name": f"{word} {number}"},
        custom_properties=filler | {"word": f"{word} {number}"},
    )
    joined = Event(
        artifact=key, execution="acme:run", kind=EventKind.INPUT, path=(word, number % 5)
    )
    stated = StatedTime(start=DAWN + timedelta(seconds=number))
    return Statement(id=f"s{number}", source="ci", records=(one, joined), stated=stated)


def write_long(ledger: Ledger) -> dict[str, list[int]]:
    """Write about 10 MB, one node over and over among others, with free pages in between."""
    positions: dict[str, list[int]] = {"secretword": [], "otherword": []}
    for start in range(0, 1_000, 250):
        batch = []
        for number in range(start, start + 250):
            is_secret = number % 8 == 0
            word = "secretword" if is_secret else "otherword"
            key = "acme:secret" if is_secret else f"acme:other/{number % 50}"
            batch.append(described(number, key, word))
        receipts = ledger.record(batch)
        for statement, receipt in zip(batch, receipts, strict=True):
            assert receipt.position is not None
            word = "secretword" if "secretword" in str(statement.records) else "otherword"
            positions[word].append(receipt.position)
    assert ledger.rebuild().identical
    return positions


def test_in_a_long_history_with_free_pages_nothing_is_left_of_one_node(folder: Path) -> None:
    ledger = opened(folder / "ledger.db")
    positions = write_long(ledger)
    ledger.close()
    assert (folder / "ledger.db").stat().st_size > 9_000_000
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        # As an older software's view that is made no more: its pages are free, and still full.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE old AS SELECT * FROM state_past ORDER BY vertex")
        connection.execute("DROP TABLE old")
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] > 50
    ledger = opened(folder / "ledger.db", "again")
    pieces = pieces_of(ledger, positions["secretword"][::20], ALL)
    check_there(folder, pieces)
    assert files_of(folder).count(b"secretword name 800") >= 3
    answer = ledger.erasures.erase(asked("acme:secret", parts=ALL))
    assert list(answer.positions) == positions["secretword"]
    assert b"secretword" not in files_of(folder)
    assert b"otherword name 801" in files_of(folder)
    assert ledger.find("otherword").nodes
    assert ledger.audit().findings == ()
    check_gone(ledger, folder, pieces)
    assert b"secretword" not in files_of(folder)


# --- somebody in the way -------------------------------------------------------------------------


def small(folder: Path) -> tuple[Ledger, list[int]]:
    """Return a ledger in which one node was described often, and where."""
    ledger = opened(folder / "ledger.db")
    receipts = ledger.record([described(at, "acme:secret", "secretword") for at in range(40)])
    ledger.record([described(at, "acme:other", "otherword") for at in range(40, 60)])
    return ledger, [one.position for one in receipts if one.position is not None]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no scrub wait long for a reader."""
    for name in ("BUSY_WAIT_SECONDS_MAX", "SCRUB_WAIT_SECONDS_MAX"):
        monkeypatch.setattr(f"lineage.stores.sqlite.store.{name}", 0.05)


@pytest.mark.usefixtures("impatient")
def test_a_reader_in_the_way_is_told_and_the_next_opening_scrubs(folder: Path) -> None:
    ledger, positions = small(folder)
    pieces = pieces_of(ledger, positions, ALL)
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as reading:
        reading.execute("BEGIN")
        assert reading.execute("SELECT count(*) FROM entry").fetchone()[0] > 60
        answer = ledger.erasures.erase(asked(*positions, parts=ALL))
        assert (answer.refused, answer.scrubbed) == (False, False)
        assert not ledger._store.is_scrubbed
        assert b"secretword" in files_of(folder)
        assert b"secretword" not in view_bytes(ledger)
        ledger.close()
    again = opened(folder / "ledger.db", "again")
    assert again._store.is_scrubbed
    check_ledger(again)
    check_gone(again, folder, pieces)


@pytest.mark.usefixtures("impatient")
def test_a_reader_that_is_still_there_at_the_next_opening_keeps_it_due(folder: Path) -> None:
    ledger, positions = small(folder)
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as reading:
        reading.execute("BEGIN")
        assert reading.execute("SELECT count(*) FROM entry").fetchone()[0] > 60
        ledger.erasures.erase(asked(*positions[:20], parts=ALL))
        second = opened(folder / "ledger.db", "second")
        assert not second._store.is_scrubbed
        assert not second.erasures.erase(asked(*positions[20:30], parts=ALL)).scrubbed
        reading.rollback()
        # The next erasure cleans up after those before it.
        assert second.erasures.erase(asked(*positions[30:], parts=ALL)).scrubbed
    assert b"secretword" not in files_of(folder)
    check_ledger(ledger)
    second.close()
    ledger.close()


def test_a_ledger_that_is_open_elsewhere_is_scrubbed_all_the_same(folder: Path) -> None:
    ledger, positions = small(folder)
    with opened(folder / "ledger.db", "second") as second:
        assert second.find("secretword").nodes
        assert ledger.erasures.erase(asked(*positions, parts=ALL)).scrubbed
        assert b"secretword" not in files_of(folder)
        assert second.find("secretword").nodes == ()
        assert second.show("acme:secret")[0].node.id is None
    assert b"secretword" not in files_of(folder)
    ledger.close()


# --- killed on the way ---------------------------------------------------------------------------


@pytest.fixture
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.usefixtures("_quick_children")
@pytest.mark.parametrize(
    ("where", "nth"),
    [
        ("before the scrub", 0),
        *(("during the scrub", nth) for nth in (1, 20, 60, 100)),
        ("before the log is cut", 0),
        ("after the log is cut", 0),
    ],
)
def test_whoever_is_killed_after_erasing_leaves_it_to_the_next_opening(
    folder: Path, where: str, nth: int
) -> None:
    ledger, positions = small(folder)
    pieces = pieces_of(ledger, positions, ALL)
    ledger.close()
    arguments = (folder / "ledger.db", tuple(positions), where, nth)
    child = WORLD.Process(target=erase_and_die, args=arguments)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (b"secretword" in files_of(folder)) == (where != "after the log is cut")
    again = opened(folder / "ledger.db", "again")
    assert again._store.is_scrubbed
    assert b"secretword" not in files_of(folder)
    assert entry_at(again, positions[0]).erased is ALL
    check_ledger(again)
    check_gone(again, folder, pieces)


def test_what_is_personal_alone_goes_from_the_files_and_the_rest_stays(folder: Path) -> None:
    ledger, positions = small(folder)
    assert b"secretword owner 7" in files_of(folder)
    ledger.erasures.erase(asked("acme:secret", parts=PERSONAL))
    assert b"secretword owner" not in files_of(folder)
    assert b"secretword name 7" in files_of(folder)
    assert entry_at(ledger, positions[7]).erased is PERSONAL
    ledger.close()
    assert b"secretword owner" not in files_of(folder)
