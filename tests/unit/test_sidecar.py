"""The sidecar: what it keeps, what it refuses, and who may write it."""

import json
import os
import threading
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE

import pytest

from lineage.anchoring import sidecar as module
from lineage.anchoring.sidecar import (
    SIDECAR_BYTES_MAX,
    SIDECAR_VERSION,
    Anchor,
    ErasedParts,
    Frozen,
    MemorySidecar,
    Sidecar,
    SidecarFile,
    SidecarStore,
    encode_sidecar,
    with_anchor,
    with_erased,
    with_frozen,
)
from lineage_schemas.errors import (
    LimitExceededError,
    SidecarError,
    StoreBusyError,
    StoreError,
)

WAIT_SECONDS = 0.05
LEAF = "9a" * 32
ANCHOR = Anchor(target="directory:/archive", size=3, root="ab" * 32, at_us=7)
FULL = Sidecar(
    origin="example.org/ledger",
    checkpoint="example.org/ledger\n3\nq83v\n\n— example.org/ledger AbCd\n",
    recorded_us=1_767_268_800_000_000,
    erased=(
        ErasedParts(position=0, facts=True, personal=False, leaf=LEAF),
        ErasedParts(position=12, facts=False, personal=True, leaf=LEAF),
    ),
    anchors=(ANCHOR, Anchor(target="timestamp:ACME", size=2, root="0" * 64, at_us=5, token="TU0=")),
)


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SidecarStore:
    if request.param == "memory":
        return MemorySidecar(wait_seconds_max=WAIT_SECONDS)
    return SidecarFile(tmp_path / "ledger.db.sidecar", wait_seconds_max=WAIT_SECONDS)


@pytest.fixture
def file(tmp_path: Path) -> SidecarFile:
    return SidecarFile(tmp_path / "ledger.db.sidecar")


def write(store: SidecarStore, sidecar: Sidecar) -> None:
    with store.locked():
        store.write(sidecar)


def wrapped(inner: bytes) -> bytes:
    """Return a file with this inside, by the definition of the format."""
    return b'{"sha256":"%s","sidecar":%s}\n' % (sha256(inner).hexdigest().encode(), inner)


# --- both kinds ----------------------------------------------------------------------------------


def test_nothing_is_remembered_at_first(store: SidecarStore) -> None:
    assert store.read() is None
    assert store.mark() is None
    assert not store.changed_since(None)


def test_what_was_written_is_read(store: SidecarStore) -> None:
    write(store, Sidecar(origin="o"))
    write(store, FULL)
    assert store.read() == FULL


def test_a_change_is_noticed_and_no_change_is_not(store: SidecarStore) -> None:
    write(store, FULL)
    mark = store.mark()
    assert not store.changed_since(mark)
    assert store.changed_since(None)
    write(store, FULL)
    assert store.changed_since(mark)


def test_no_two_of_many_quick_changes_have_one_mark(store: SidecarStore) -> None:
    marks = []
    for _ in range(60):
        write(store, FULL)
        marks.append(store.mark())
    assert len(set(marks)) == len(marks)


def test_writing_without_the_lock_is_refused(store: SidecarStore) -> None:
    with pytest.raises(RuntimeError, match="locked"):
        store.write(FULL)
    with store.locked():
        pass
    with pytest.raises(RuntimeError, match="locked"):
        store.write(FULL)
    assert store.read() is None


def test_the_lock_of_another_thread_does_not_do(store: SidecarStore) -> None:
    refusals: list[Exception] = []
    with store.locked():
        in_thread(lambda: store.write(FULL), refusals)
    assert [type(one) for one in refusals] == [RuntimeError]


def test_the_lock_cannot_be_taken_twice(store: SidecarStore) -> None:
    with store.locked():
        with pytest.raises(RuntimeError, match="already"), store.locked():
            pytest.fail("it was taken twice")
        store.write(FULL)
    write(store, FULL)


def test_another_thread_waits_for_so_long_only(store: SidecarStore) -> None:
    refusals: list[Exception] = []
    with store.locked():
        in_thread(lambda: write(store, FULL), refusals)
    assert [type(one) for one in refusals] == [StoreBusyError]
    assert "0.05 seconds" in str(refusals[0])
    write(store, FULL)


def test_the_lock_is_given_back_after_a_failure(store: SidecarStore) -> None:
    with pytest.raises(ZeroDivisionError), store.locked():
        raise ZeroDivisionError
    write(store, FULL)
    assert store.read() == FULL


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_threads_lose_no_update(kind: str, tmp_path: Path) -> None:
    store = MemorySidecar() if kind == "memory" else SidecarFile(tmp_path / "sidecar")
    write(store, Sidecar(origin="o"))
    refusals: list[Exception] = []
    threads = [started(partial(erase_each, store, number), refusals) for number in range(4)]
    for thread in threads:
        thread.join()
    kept = store.read()
    assert refusals == []
    assert kept is not None
    assert [one.position for one in kept.erased] == list(range(40))


def erase_each(store: SidecarStore, number: int) -> None:
    for position in range(number * 10, number * 10 + 10):
        with store.locked():
            there = store.read()
            assert there is not None
            more = ErasedParts(position=position, facts=True, personal=True, leaf=LEAF)
            store.write(with_erased(there, more))


def in_thread(act: Callable[[], None], refusals: list[Exception]) -> None:
    started(act, refusals).join()


def started(act: Callable[[], None], refusals: list[Exception]) -> threading.Thread:
    def run() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 (told to the thread that looks)
            refusals.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "bad",
    [
        Sidecar(origin="o", anchors=(ANCHOR, ANCHOR)),
        Sidecar(origin="o", erased=FULL.erased[::-1]),
        Sidecar(origin="o", erased=(FULL.erased[0], FULL.erased[0])),
        Sidecar(
            origin="o",
            erased=(ErasedParts(position=-1, facts=True, personal=True, leaf=LEAF),),
        ),
        Sidecar(
            origin="o",
            erased=(ErasedParts(position=1, facts=True, personal=True, leaf="9a" * 31),),
        ),
        Sidecar(origin="o", anchors=(Anchor(target="", size=1, root="ab" * 32, at_us=1),)),
        Sidecar(origin="o", anchors=(Anchor(target="t", size=1, root="AB" * 32, at_us=1),)),
        Sidecar(origin="o", anchors=(Anchor(target="t", size=1, root="ab" * 31, at_us=1),)),
        Sidecar(origin="o", version=0),
        Sidecar(origin="o", version=SIDECAR_VERSION + 1),
    ],
)
def test_what_would_not_be_read_is_not_written(store: SidecarStore, bad: Sidecar) -> None:
    write(store, FULL)
    with store.locked(), pytest.raises(SidecarError):
        store.write(bad)
    assert store.read() == FULL


# --- the file ------------------------------------------------------------------------------------


def test_the_file_is_json_with_a_digest_of_the_inner_bytes(file: SidecarFile) -> None:
    write(file, FULL)
    body = file.path.read_bytes()
    read = json.loads(body)
    inner = body[body.index(b'"sidecar":') + len(b'"sidecar":') : -len(b"}\n")]
    assert list(read) == ["sha256", "sidecar"]
    assert read["sha256"] == sha256(inner).hexdigest()
    assert read["sidecar"]["erased"] == [[0, True, False, LEAF], [12, False, True, LEAF]]
    assert read["sidecar"]["anchors"][0]["target"] == "directory:/archive"


def test_it_holds_as_many_erasures_as_it_says() -> None:
    first = 10_000_000
    erased = tuple(
        ErasedParts(position=position, facts=False, personal=True, leaf=f"{position:064x}")
        for position in range(first, first + 1_000)
    )
    body = encode_sidecar(Sidecar(origin="o", erased=erased), "here")
    assert 700 * len(body) < SIDECAR_BYTES_MAX


def test_it_is_for_its_owner_and_leaves_only_its_lock_beside_it(file: SidecarFile) -> None:
    mask = os.umask(0)
    try:
        write(file, FULL)
    finally:
        os.umask(mask)
    assert S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(one.name for one in file.path.parent.iterdir()) == [
        "ledger.db.sidecar",
        "ledger.db.sidecar.lock",
    ]


def test_every_damaged_byte_is_noticed(file: SidecarFile) -> None:
    write(file, FULL)
    body = file.path.read_bytes()
    for at in range(len(body) - 1):
        file.path.write_bytes(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
        with pytest.raises(SidecarError):
            file.read()


def test_every_cut_is_noticed_but_that_of_the_last_line_end(file: SidecarFile) -> None:
    write(file, FULL)
    body = file.path.read_bytes()
    for length in range(len(body) - 1):
        file.path.write_bytes(body[:length])
        with pytest.raises(SidecarError):
            file.read()
    file.path.write_bytes(body[:-1])
    assert file.read() == FULL


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"SQLite format 3\x00",
        b"\xff\xfe",
        b'{"version":1,"origin":"o"}',
        wrapped(b"{}"),
        wrapped(b'{"version":1}'),
        wrapped(b'{"version":"1","origin":"o"}'),
        wrapped(b'{"version":1,"origin":"o","more":1}'),
        wrapped(b'{"version":1,"origin":"o","anchors":[{"target":"t"}]}'),
    ],
)
def test_a_foreign_file_is_refused_and_left_as_it_is(file: SidecarFile, body: bytes) -> None:
    file.path.write_bytes(body)
    with pytest.raises(SidecarError) as caught:
        file.read()
    assert caught.value.code == "sidecar_unusable"
    assert caught.value.where == str(file.path)
    assert caught.value.hint
    assert file.path.read_bytes() == body


def test_one_of_a_later_version_is_refused_whatever_it_holds(file: SidecarFile) -> None:
    file.path.write_bytes(wrapped(b'{"version":3,"origin":"o","new":[1]}'))
    with pytest.raises(SidecarError, match="later version"):
        file.read()


def test_a_folder_in_its_place_is_refused(file: SidecarFile) -> None:
    file.path.mkdir()
    with pytest.raises(StoreError):
        file.read()
    with file.locked(), pytest.raises(StoreError) as caught:
        file.write(FULL)
    assert str(file.path) in caught.value.where


def test_a_pipe_in_its_place_keeps_nobody_waiting(file: SidecarFile) -> None:
    os.mkfifo(file.path)
    with pytest.raises(SidecarError):
        file.read()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    file = SidecarFile(tmp_path / "missing" / "sidecar")
    assert file.read() is None
    assert file.mark() is None
    with pytest.raises(StoreError, match="folder"), file.locked():
        pytest.fail("there is nothing to lock")


def test_behind_a_link_the_file_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "kept", tmp_path / "sidecar"
    link.symlink_to(target)
    write(SidecarFile(link), FULL)
    assert link.is_symlink()
    assert SidecarFile(target).read() == FULL


def test_what_a_crash_left_is_cleared_away(file: SidecarFile) -> None:
    left = file.path.with_name(file.path.name + ".tmp")
    left.write_bytes(b"half")
    left.chmod(0o444)
    write(file, FULL)
    assert file.read() == FULL
    assert not left.exists()


def test_a_clock_that_was_turned_back_hides_no_change(file: SidecarFile) -> None:
    write(file, FULL)
    later_ns = 4_000_000_000_000_000_000
    os.utime(file.path, ns=(later_ns, later_ns))
    mark = file.mark()
    write(file, FULL)
    after = file.mark()
    assert mark is not None
    assert after is not None
    assert after.mtime_ns > mark.mtime_ns == later_ns


def test_another_object_over_the_same_file_is_kept_out(file: SidecarFile) -> None:
    other = SidecarFile(file.path, wait_seconds_max=0.02)
    with file.locked(), pytest.raises(StoreBusyError), other.locked():
        pytest.fail("two hold it")
    with other.locked():
        pass


def test_a_sidecar_over_the_limit_is_refused(
    file: SidecarFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, FULL)
    length = file.path.stat().st_size
    monkeypatch.setattr(module, "SIDECAR_BYTES_MAX", length)
    write(file, FULL)
    monkeypatch.setattr(module, "SIDECAR_BYTES_MAX", length - 1)
    with file.locked(), pytest.raises(LimitExceededError, match="SIDECAR_BYTES_MAX"):
        file.write(FULL)
    with pytest.raises(SidecarError, match="SIDECAR_BYTES_MAX"):
        file.read()


# --- what is remembered --------------------------------------------------------------------------


def anchor(target: str, size: int, at_us: int) -> Anchor:
    return Anchor(target=target, size=size, root="cd" * 32, at_us=at_us)


def test_of_each_target_the_largest_size_is_kept_and_of_one_size_the_latest() -> None:
    sidecar = Sidecar(origin="o")
    for target, size, at_us in (
        ("b", 5, 10),
        ("a", 5, 10),
        ("b", 4, 99),
        ("b", 5, 9),
        ("a", 6, 1),
        ("b", 5, 11),
        ("timestamp:x", 5, 1),
        ("timestamp:x", 6, 2),
    ):
        sidecar = with_anchor(sidecar, anchor(target, size, at_us))
    assert [(one.target, one.size, one.at_us) for one in sidecar.anchors] == [
        ("a", 6, 1),
        ("b", 5, 11),
        ("timestamp:x", 6, 2),
    ]


def test_what_was_erased_stays_erased() -> None:
    sidecar = with_erased(
        FULL,
        ErasedParts(position=12, facts=True, personal=False, leaf=LEAF),
        ErasedParts(position=3, facts=False, personal=True, leaf=LEAF),
        ErasedParts(position=0, facts=False, personal=False, leaf=LEAF),
    )
    assert [(one.position, one.facts, one.personal) for one in sidecar.erased] == [
        (0, True, False),
        (3, False, True),
        (12, True, True),
    ]
    assert with_erased(sidecar) == sidecar


def test_two_entries_of_one_position_lose_what_was_erased_of_each(store: SidecarStore) -> None:
    """After a recovery another entry has the position, and must not lose the facts of the first."""
    other = "bc" * 32
    sidecar = with_erased(
        FULL,
        ErasedParts(position=0, facts=False, personal=True, leaf=other),
        ErasedParts(position=0, facts=True, personal=True, leaf="00" * 32),
    )
    write(store, sidecar)
    assert store.read() == sidecar
    assert [(one.leaf, one.facts, one.personal) for one in sidecar.erased[:3]] == [
        ("00" * 32, True, True),
        (LEAF, True, False),
        (other, False, True),
    ]


# --- a ledger that was exported for good ---------------------------------------------------------


def test_that_it_is_frozen_is_remembered_in_a_form_that_older_software_refuses(
    file: SidecarFile,
) -> None:
    write(file, FULL)
    assert b'"version":1' in file.path.read_bytes()
    assert b"frozen" not in file.path.read_bytes()
    frozen = with_frozen(FULL, Frozen(size=7, to="elsewhere"))
    write(file, frozen)
    assert file.read() == frozen
    assert b'"version":2' in file.path.read_bytes()
    assert with_erased(frozen).frozen == Frozen(size=7, to="elsewhere")


def test_a_frozen_one_says_so_in_its_version_too(store: SidecarStore) -> None:
    with store.locked(), pytest.raises(SidecarError):
        store.write(Sidecar(origin="o", frozen=Frozen(size=7)))
