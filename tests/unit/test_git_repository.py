"""A git repository is read as it is, whatever kind it is, and nothing in it ever changes."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dvc_repositories import REPOSITORY, Tools, lock_text, look_at, records_of
from lineage.connectors.dvc.reading import DvcOptions
from lineage.connectors.dvc.remotes import public_address
from lineage.connectors.git import process
from lineage.connectors.git.addresses import canonical_repository
from lineage.connectors.git.objects import parse_commit, parse_tag
from lineage.connectors.git.process import ObjectReader, refusal
from lineage.connectors.git.repository import open_repository, read_references
from lineage.connectors.git.trees import path_bytes, path_text
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import Artifact, Execution
from looks import Remembered

DIGEST = "c" * 32
LOCK = lock_text(("train", {"a.csv": DIGEST}, {"b.bin": "d" * 32}))
DEFINITION = "stages:\n  train:\n    cmd: run\n    deps: [a.csv]\n    outs: [b.bin]\n"


def _small(path: Path, *options: str) -> Tools:
    tools = Tools(path)
    tools.begin("https://example.org/Team/fraud", *options)
    tools.write("dvc.yaml", DEFINITION)
    tools.write("dvc.lock", LOCK)
    tools.commit("First")
    return tools


def _stages(path: Path, options: DvcOptions | None = None) -> list[str]:
    return sorted(
        str(one.key)
        for one in records_of(look_at(path, options=options))
        if isinstance(one, Execution)
    )


def _fingerprint(path: Path) -> dict[str, str]:
    """Return a digest, the mode and the time of change of every file and folder below a path."""
    found: dict[str, str] = {}
    for place in sorted(path.rglob("*")):
        status = place.lstat()
        body = place.read_bytes() if place.is_file() and not place.is_symlink() else b""
        digest = hashlib.sha256(body).hexdigest()
        found[str(place)] = f"{digest} {status.st_mode:o} {status.st_mtime_ns}"
    return found


def test_no_byte_of_a_repository_changes_and_none_of_its_programs_runs(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    tools.tag("model#prod#1")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho ran >> {tmp_path / 'ran'}\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external"):
        tools.run("git", "config", name, str(trap))
    tools.run("git", "config", "core.hooksPath", str(tmp_path))
    tools.run("git", "config", "filter.trap.smudge", str(trap))
    tools.write(".gitattributes", "* filter=trap\n")
    os.utime(tools.path / "dvc.lock")  # a git that refreshed its index would write it now
    before = _fingerprint(tools.path)
    assert look_at(tools.path).batches
    assert _fingerprint(tools.path) == before
    assert not (tmp_path / "ran").exists()


def test_every_kind_of_repository_says_the_same(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    expected = _stages(tools.path)
    assert len(expected) == 1
    bare = Tools(tmp_path / "bare")
    bare.run("git", "clone", "-q", "--bare", str(tools.path), ".")
    bare.run("git", "remote", "set-url", "origin", "ssh://git@example.org:22/Team/fraud.git/")
    tools.run("git", "worktree", "add", "-q", str(tmp_path / "tree"))
    (tools.path / "deep" / "down").mkdir(parents=True)
    for place in (bare.path, tmp_path / "tree", tools.path / "deep" / "down"):
        assert _stages(place) == expected, place


def test_a_repository_of_sha256_is_read(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work", "--object-format=sha256")
    assert open_repository(tools.path).id_bytes == 32
    assert len(_stages(tools.path)) == 1


def test_a_shallow_clone_names_where_it_ends(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    last = tools.commit("Second")
    shallow = Tools(tmp_path / "shallow")
    shallow.run("git", "clone", "-q", "--depth=1", f"file://{tools.path}", ".")
    shallow.run("git", "remote", "set-url", "origin", "https://example.org/Team/fraud")
    look = look_at(shallow.path)
    assert [one.subject for one in look.unread] == [f"commit before/{last}"]
    assert "shallow" in look.unread[0].reason
    assert len(look.documents) == 4


def test_a_partial_clone_names_what_it_lacks_and_fetches_nothing(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    tools.run("git", "config", "uploadpack.allowFilter", "true")
    partial = Tools(tmp_path / "partial")
    url = f"file://{tools.path}"
    partial.run("git", "clone", "-q", "--no-checkout", "--filter=blob:none", url, ".")
    before = _fingerprint(partial.path)
    look = look_at(partial.path, options=DvcOptions(repository=REPOSITORY))
    assert _fingerprint(partial.path) == before
    assert {one.subject.rpartition("/")[0] for one in look.unread} == {
        "file/dvc.lock",
        "file/dvc.yaml",
    }
    assert all("partial" in one.reason for one in look.unread)


def test_an_empty_repository_has_only_itself(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    assert [one.kind for one in look_at(tools.path).documents] == ["repository"]


def test_other_references_are_read_on_request_alone(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    tools.write("dvc.lock", LOCK.replace("d" * 32, "e" * 32))
    tools.commit("An experiment")
    tools.run("git", "update-ref", "refs/exps/one", "HEAD")
    tools.run("git", "reset", "-q", "--hard", "HEAD~1")
    assert len(_stages(tools.path)) == 1
    assert len(_stages(tools.path, DvcOptions(references=("refs/exps",)))) == 2
    with pytest.raises(InvalidInputError, match="written in full"):
        read_references(open_repository(tools.path), ("--exec=touch",))


def test_a_variable_of_git_leads_to_no_other_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = _small(tmp_path / "work")
    other = Tools(tmp_path / "other")
    other.begin("https://example.org/other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    assert len(_stages(tools.path)) == 1


def test_a_graft_does_not_change_a_history(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    last = tools.commit("Second")
    (tools.path / ".git" / "info").mkdir(exist_ok=True)
    (tools.path / ".git" / "info" / "grafts").write_text(f"{last}\n")
    look = look_at(tools.path)
    assert len([one for one in look.documents if one.kind == "commit"]) == 2


def test_objects_of_another_repository_are_told(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    shared = Tools(tmp_path / "shared")
    shared.run("git", "clone", "-q", "--shared", str(tools.path), ".")
    shared.run("git", "worktree", "add", "-q", str(tmp_path / "tree"))
    for place in (shared.path, tmp_path / "tree"):
        look = look_at(place, options=DvcOptions(repository=REPOSITORY))
        assert ["alternates" in one.reason for one in look.unread] == [True]
    assert look_at(tools.path).unread == []


def test_a_git_that_does_not_answer_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    for name in ("COMMAND_SECONDS_MAX", "ANSWER_SECONDS_MAX", "_STOP_SECONDS"):
        monkeypatch.setattr(process, name, 0.1)
    with pytest.raises(InvalidInputError, match="not done after"):
        open_repository(tmp_path)
    with (
        pytest.raises(InvalidInputError, match="not done after"),
        ObjectReader(tmp_path) as objects,
    ):
        list(objects.read(["1" * 40]))
    ObjectReader(tmp_path).close()


def test_what_is_no_repository_is_refused_with_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="no git repository"):
        look_at(tmp_path)
    with pytest.raises(InvalidInputError, match="no such folder"):
        look_at(tmp_path / "nowhere")
    tools = Tools(tmp_path / "work")
    tools.begin(None)
    with pytest.raises(InvalidInputError, match="--repository"):
        look_at(tools.path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInputError, match="Install git"):
        look_at(tools.path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_repository_of_somebody_else_is_told_as_such(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    for place in (tools.path, tools.path / ".git"):
        shutil.chown(place, 12345)
    with pytest.raises(InvalidInputError, match=r"safe\.directory"):
        look_at(tools.path)


def test_the_words_of_git_about_owners_become_a_hint() -> None:
    words = b"fatal: detected dubious ownership in repository at '/srv/model'\nTo add ..."
    assert "safe.directory /srv/model" in refusal(Path("/srv/model"), words).hint


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:Org/model.git",
        "github.com:Org/model",
        "ssh://git@github.com/Org/model.git",
        "ssh://git@GitHub.com:22/Org/model/",
        "https://github.com/Org/model.git/",
        "https://user:t0ken@github.com/Org/model",
        "https://t0ken@GITHUB.COM:443//Org/model.git",
        "git+ssh://git@github.com/Org/model",
        "git://github.com:9418/Org/model",
        "http://github.com/Org/model?x=1",
    ],
)
def test_spellings_of_one_address_are_one_repository(address: str) -> None:
    assert canonical_repository(address) == "github.com/Org/model"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ssh://git@example.org:2222/a/b.git", "ssh://example.org:2222/a/b"),
        ("/srv/git/model.git", "file:///srv/git/model"),
        ("file:///srv/git/model/.git", "file:///srv/git/model"),
        ("../model", "../model"),
        ("our-model", "our-model"),
    ],
)
def test_other_addresses_stay_apart(address: str, expected: str) -> None:
    assert canonical_repository(address) == expected
    assert canonical_repository(expected) == expected


@pytest.mark.parametrize(
    "address",
    [
        "bob:hunter3@h.example:org/repo",
        "b:hunter3@h.example/org/repo",
        "bob:hun/ter3@h.example:org/repo",
        "https:/bob:hunter3@h.example/org/repo",
        "https://oauth2:glpat/hunter4@h.example/org/repo",
        "https://oauth2:hunter5/@h.example/org/repo",
        "https://bob:hunter#6@h.example/org/repo.git",
        "https://bob:7/hunter7@h.example/org/repo?x=a@b/c",
        "https://hunter/8@h.example/org/repo",
    ],
)
def test_no_part_of_a_password_stays_in_a_malformed_address(address: str) -> None:
    assert canonical_repository(address) == "h.example/org/repo"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://h.example/@scope/repo", "h.example/@scope/repo"),
        ("https://h.example/org/repo@v1", "h.example/org/repo@v1"),
        ("git@h.example:@scope/repo", "h.example/@scope/repo"),
        ("https://h.example/org/repo?x=a@b/c", "h.example/org/repo"),
        ("../a:b@c/repo", "../a:b@c/repo"),
    ],
)
def test_an_at_sign_that_ends_no_password_stays(address: str, expected: str) -> None:
    assert canonical_repository(address) == expected


def test_the_address_of_a_remote_holds_no_part_of_a_password() -> None:
    assert public_address("https://bob:hun/ter@h.example/data") == "https://h.example/data"
    assert public_address("s3://key:sec/ret@bucket/data") == "s3://bucket/data"
    assert public_address("s3://bucket/a@b/data") == "s3://bucket/a@b/data"


def test_names_of_people_and_messages_come_in_their_own_encoding() -> None:
    body = (
        b"tree " + b"1" * 40 + b"\nauthor J\xf6rg <j@x> 5 +0000\ncommitter J\xf6rg <j@x> 5 +0000\n"
        b"encoding ISO-8859-1\ngpgsig -----BEGIN PGP SIGNATURE-----\n line\n\n\nGr\xfc\xdfe\nmore\n"
    )
    commit = parse_commit("2" * 40, body)
    assert commit.author is not None
    assert (commit.author.name, commit.subject, commit.is_signed) == ("Jörg", "Grüße", True)
    assert commit.time is not None
    assert commit.time.timestamp() == 5


def test_a_signature_is_no_part_of_a_tags_message() -> None:
    body = (
        b"object " + b"1" * 40 + b"\ntype commit\ntag a@v1.0.0\ntagger A <a@x> 7 +0200\n\nWhy\n"
        b"-----BEGIN SSH SIGNATURE-----\nxx\n-----END SSH SIGNATURE-----\n"
    )
    tag = parse_tag("2" * 40, body)
    assert (tag.message, tag.is_signed, tag.name) == ("Why", True, "a@v1.0.0")


def test_a_path_that_is_no_utf8_is_told_by_its_bytes(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    folder = os.fsencode(tools.path) + b"/caf\xe9"
    os.mkdir(folder)  # noqa: PTH102 - a name in bytes
    with open(folder + b"/x.dvc", "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(f"outs:\n- path: x\n  hash: md5\n  md5: {DIGEST}\n".encode())
    tools.commit("Odd")
    names = [
        str(one.properties.get("display_name"))
        for one in records_of(look_at(tools.path))
        if isinstance(one, Artifact)
    ]
    assert "caf\\xe9/x" in names


@given(st.lists(st.sampled_from([b"\\", b"x", b"ff", b"\\xff", b"\xff", b"\xc3\xa9", b"5c", b"/"])))
@example([b"\\x5cxff"])
def test_a_path_and_its_text_lead_to_each_other(pieces: list[bytes]) -> None:
    path = b"".join(pieces)
    assert path_bytes(path_text(path)) == path


def test_a_name_that_reads_like_a_byte_is_another_name(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    for folder in (b"\xff", b"\\xff"):
        place = os.fsencode(tools.path) + b"/" + folder
        os.mkdir(place)  # noqa: PTH102 - a name in bytes
        body = json.dumps({"folder": len(folder)})
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        declared = "stages:\n  one:\n    cmd: x\n    metrics:\n    - m.json: {cache: false}\n"
        for name, text in (
            (b"m.json", body),
            (b"dvc.lock", lock_text(("one", {}, {"m.json": digest}))),
            (b"dvc.yaml", declared),
        ):
            with open(place + b"/" + name, "w") as file:  # noqa: PTH123 - a name in bytes
                file.write(text)
    tools.commit("Two")
    values = {
        str(one.key): one.properties.get("values")
        for one in records_of(look_at(tools.path))
        if isinstance(one, Artifact) and one.type == "lineage.Metrics"
    }
    assert sorted(map(str, values.values())) == ["{'folder': 1}", "{'folder': 4}"]


def test_known_commits_cost_no_reading_of_files(tmp_path: Path) -> None:
    tools = _small(tmp_path / "work")
    memory = Remembered()
    look_at(tools.path, memory)
    asked = memory.asked
    look = look_at(tools.path, memory)
    assert [one.kind for one in look.documents] == ["repository"]
    assert memory.asked - asked == 1
