"""The file of the signing key: made once, for its owner alone, and never quoted."""

import os
import traceback
from pathlib import Path
from stat import S_IMODE

import pytest

from doubles import SeededRandomness
from lineage.anchoring.durable import Disk
from lineage.anchoring.keys import (
    KEY_BYTES_MAX,
    load_signing_key,
    make_signing_key,
    pending_signing_key,
    replace_signing_key,
    stage_signing_key,
)
from lineage.proofs.signing import SigningKey, format_signing_key, new_signing_key
from lineage_schemas.errors import InvalidInputError, StoreError

NAME = "example.org/ledger"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.key"


def key(seed: str) -> SigningKey:
    return new_signing_key(NAME, SeededRandomness(seed))


def text_of(found: SigningKey | None) -> str | None:
    return None if found is None else format_signing_key(found)


def test_without_a_file_there_is_no_key(path: Path) -> None:
    assert load_signing_key(path) is None
    assert pending_signing_key(path) is None


def test_a_made_key_is_one_line_for_its_owner_and_is_loaded(path: Path) -> None:
    mask = os.umask(0)
    try:
        made = make_signing_key(path, NAME, SeededRandomness("a"))
    finally:
        os.umask(mask)
    assert S_IMODE(path.stat().st_mode) == 0o600
    # The seed is SeededRandomness by its definition; the form is that of Go's note package.
    assert path.read_text().startswith(f"PRIVATE+KEY+{NAME}+")
    assert path.read_text().count("\n") == 1
    assert path.read_text() == f"{text_of(key('a'))}\n"
    assert text_of(load_signing_key(path)) == text_of(made)
    assert sorted(one.name for one in path.parent.iterdir()) == ["ledger.key", "ledger.key.lock"]


def test_a_key_that_is_there_is_never_made_again(path: Path) -> None:
    first = make_signing_key(path, NAME, SeededRandomness("a"))
    again = make_signing_key(path, "other.example", SeededRandomness("b"))
    assert text_of(again) == text_of(first)


class Overtaking(Disk):
    """Somebody who knows of no lock makes the key just before we do."""

    def link(self, source: Path, target: Path) -> None:
        target.write_text(f"{text_of(key('theirs'))}\n")
        target.chmod(0o600)
        super().link(source, target)


def test_a_key_that_somebody_made_meanwhile_is_taken(path: Path) -> None:
    made = make_signing_key(path, NAME, SeededRandomness("ours"), disk=Overtaking())
    assert text_of(made) == text_of(load_signing_key(path)) == text_of(key("theirs"))
    assert not path.with_name("ledger.key.tmp").exists()


class NoHardLinks(Disk):
    """A file system without hard links."""

    def link(self, source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(source), None, str(target))


def test_a_key_is_made_where_there_are_no_hard_links(path: Path) -> None:
    made = make_signing_key(path, NAME, SeededRandomness("a"), disk=NoHardLinks())
    assert text_of(load_signing_key(path)) == text_of(made)
    again = make_signing_key(path, NAME, SeededRandomness("b"), disk=NoHardLinks())
    assert text_of(again) == text_of(made)


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o644, 0o660, 0o666, 0o777])
def test_a_key_that_others_may_use_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    make_signing_key(path, NAME, SeededRandomness("a"))
    path.chmod(mode)
    with pytest.raises(StoreError) as caught:
        load_signing_key(path)
    assert caught.value.where == str(path)
    assert f"chmod 600 {path}" in caught.value.hint
    with pytest.raises(StoreError, match="open to others"):
        make_signing_key(path, NAME, SeededRandomness("a"))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_of_its_owner_alone_is_taken(path: Path, mode: int) -> None:
    make_signing_key(path, NAME, SeededRandomness("a"))
    path.chmod(mode)
    assert load_signing_key(path) is not None


def test_a_folder_and_a_pipe_are_refused(path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        load_signing_key(path.parent)
    assert str(path.parent) in caught.value.where
    os.mkfifo(path, 0o600)
    with pytest.raises(StoreError, match="plain file"):
        load_signing_key(path)


def test_a_malformed_key_is_refused_and_never_quoted(path: Path) -> None:
    good = format_signing_key(key("a")).encode()
    secret = good.rpartition(b"+")[2].decode()
    for body in (
        b"",
        b"\n",
        good[:-1],
        good + b"\n\n",
        b" " + good,
        good + b"A",
        good.replace(b"+KEY+", b"-KEY-"),
        good.replace(b"example.org", b"example.com"),
        good + b"\xff",
        good + b"\x00",
        good * 2,
        good + b" " * KEY_BYTES_MAX,
    ):
        path.write_bytes(body)
        path.chmod(0o600)
        with pytest.raises(StoreError) as caught:
            load_signing_key(path)
        told = "".join(traceback.format_exception(caught.value))
        assert str(path) in told
        assert secret not in told
        assert secret[:20] not in told


def test_a_name_that_no_key_can_have_makes_no_file(path: Path) -> None:
    with pytest.raises(InvalidInputError):
        make_signing_key(path, "with space", SeededRandomness("a"))
    assert not path.exists()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        make_signing_key(tmp_path / "missing" / "key", NAME, SeededRandomness("a"))


# --- rotation ------------------------------------------------------------------------------------


def files_with(folder: Path, secret: str) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if secret in one.read_text())


def test_a_replaced_key_is_gone_from_every_file(path: Path) -> None:
    old = format_signing_key(make_signing_key(path, NAME, SeededRandomness("old")))
    # What a crash in the middle of making the key leaves: a second name of the same file.
    path.with_name("ledger.key.tmp").hardlink_to(path)
    replace_signing_key(path, key("new"))
    assert text_of(load_signing_key(path)) == text_of(key("new"))
    assert S_IMODE(path.stat().st_mode) == 0o600
    assert pending_signing_key(path) is None
    assert files_with(path.parent, old) == []
    assert files_with(path.parent, format_signing_key(key("new"))) == ["ledger.key"]


def test_a_staged_key_waits_beside_the_old_one(path: Path) -> None:
    make_signing_key(path, NAME, SeededRandomness("old"))
    stage_signing_key(path, key("new"))
    stage_signing_key(path, key("new"))
    assert text_of(load_signing_key(path)) == text_of(key("old"))
    assert text_of(pending_signing_key(path)) == text_of(key("new"))
    assert S_IMODE(path.with_name("ledger.key.next").stat().st_mode) == 0o600
    replace_signing_key(path, key("new"))
    assert text_of(load_signing_key(path)) == text_of(key("new"))
    assert pending_signing_key(path) is None


def test_a_key_that_waits_is_not_lost_to_another_one(path: Path) -> None:
    make_signing_key(path, NAME, SeededRandomness("old"))
    stage_signing_key(path, key("new"))
    for change in (stage_signing_key, replace_signing_key):
        with pytest.raises(StoreError, match="begun with another key"):
            change(path, key("newer"))
    assert text_of(load_signing_key(path)) == text_of(key("old"))
    assert text_of(pending_signing_key(path)) == text_of(key("new"))


def test_behind_a_link_the_file_itself_is_replaced(path: Path, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    real = tmp_path / "vault" / "key"
    path.symlink_to(real)
    old = format_signing_key(make_signing_key(path, NAME, SeededRandomness("old")))
    replace_signing_key(path, key("new"))
    assert path.is_symlink()
    assert text_of(load_signing_key(real)) == text_of(key("new"))
    assert files_with(real.parent, old) == []
