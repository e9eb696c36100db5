"""Exported checkpoints: one file a size, never written twice, never two histories."""

import os
from base64 import b64encode
from pathlib import Path
from stat import S_IMODE
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles import SeededRandomness
from lineage.anchoring.exports import export_checkpoint, folder_name, read_exported
from lineage.proofs.checkpoints import sign_checkpoint
from lineage.proofs.signing import new_signing_key
from lineage.proofs.verifying import Checkpoint
from lineage_schemas.errors import (
    CorruptLogError,
    InvalidInputError,
    LimitExceededError,
    ProofError,
    StoreError,
)

ORIGIN = "example.org/ledger"


def note(size: int, root: int = 1, seed: str = "key", origin: str = ORIGIN) -> bytes:
    checkpoint = Checkpoint(origin, size, bytes([root]) * 32)
    return sign_checkpoint(checkpoint, new_signing_key(origin, SeededRandomness(seed)))


def test_a_checkpoint_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    path = export_checkpoint(tmp_path, ORIGIN, 12, note(12))
    assert path == tmp_path / "example.org_ledger" / "00000000000000000012.checkpoint"
    assert path.read_bytes() == note(12)
    assert path.read_bytes().split(b"\n")[:3] == [
        b"example.org/ledger",
        b"12",
        b64encode(b"\x01" * 32),
    ]
    assert S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert [one.name for one in path.parent.iterdir() if one.name != ".lock"] == [path.name]


def test_the_same_again_is_kept_as_it_is(tmp_path: Path) -> None:
    path = export_checkpoint(tmp_path, ORIGIN, 12, note(12))
    before = path.stat()
    assert export_checkpoint(tmp_path, ORIGIN, 12, note(12)) == path
    assert export_checkpoint(tmp_path, ORIGIN, 12, note(12, seed="rotated")) == path
    assert path.read_bytes() == note(12)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_two_histories_are_told_with_both_roots(tmp_path: Path) -> None:
    path = export_checkpoint(tmp_path, ORIGIN, 12, note(12, root=1))
    with pytest.raises(CorruptLogError) as caught:
        export_checkpoint(tmp_path, ORIGIN, 12, note(12, root=2))
    assert "01" * 32 in caught.value.what
    assert "02" * 32 in caught.value.what
    assert caught.value.where == str(path)
    assert path.read_bytes() == note(12, root=1)


@pytest.mark.parametrize("body", [b"", b"half", note(13), note(12, origin="other.example")])
def test_a_file_that_is_not_that_checkpoint_is_told_and_kept(tmp_path: Path, body: bytes) -> None:
    path = export_checkpoint(tmp_path, ORIGIN, 12, note(12))
    path.chmod(0o600)
    path.write_bytes(body)
    with pytest.raises(CorruptLogError):
        export_checkpoint(tmp_path, ORIGIN, 12, note(12))
    assert path.read_bytes() == body


def test_a_note_of_something_else_is_refused(tmp_path: Path) -> None:
    for body in (note(13), note(12, origin="other.example")):
        with pytest.raises(InvalidInputError):
            export_checkpoint(tmp_path, ORIGIN, 12, body)
    with pytest.raises(ProofError):
        export_checkpoint(tmp_path, ORIGIN, 12, b"no note\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        export_checkpoint(tmp_path / "archive", ORIGIN, 12, note(12))
    assert not (tmp_path / "archive").exists()


def test_notes_are_read_by_size_and_nothing_else_is(tmp_path: Path) -> None:
    assert read_exported(tmp_path, ORIGIN) == []
    for size in (100, 9, 0, 20):
        export_checkpoint(tmp_path, ORIGIN, size, note(size))
    export_checkpoint(tmp_path, "other.example", 5, note(5, origin="other.example"))
    for name in ("9.checkpoint", "README", "00000000000000000001.checkpoint.tmp"):
        (tmp_path / "example.org_ledger" / name).write_text("else")
    assert read_exported(tmp_path, ORIGIN) == [note(size) for size in (0, 9, 20, 100)]


def test_what_cannot_be_a_checkpoint_is_told_when_read(tmp_path: Path) -> None:
    path = export_checkpoint(tmp_path, ORIGIN, 1, note(1))
    for spoil in (lambda: path.write_bytes(b"x" * 70_000), lambda: os.mkfifo(path)):
        path.unlink()
        spoil()
        with pytest.raises(CorruptLogError, match="EXPORT_BYTES_MAX"):
            read_exported(tmp_path, ORIGIN)


# --- the name of an origin's folder --------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("example.org/ledger", "example.org_ledger"),
        ("a_b", "a%5Fb"),
        ("a%2Fb", "a%252Fb"),
        (".", "%2E"),
        ("..", "%2E."),
        ("../../etc", "%2E._.._etc"),
        ("/etc", "_etc"),
        ("Grüße", "Gr%C3%BC%C3%9Fe"),
        ("a:b\\c", "a%3Ab%5Cc"),
        ("nul\x00", "nul%00"),
    ],
)
def test_an_origin_has_this_folder(origin: str, name: str) -> None:
    assert folder_name(origin) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_the_origin_can_be_told_from_the_folder(origin: str) -> None:
    name = folder_name(origin)
    assert unquote(name.replace("_", "/")) == origin
    assert "/" not in name
    assert not name.startswith(".")


def test_origins_without_a_folder_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        folder_name("")
    assert len(folder_name("a" * 255)) == 255
    with pytest.raises(LimitExceededError):
        folder_name("a" * 256)
