"""A repository that was made to cost much costs little, and what is beyond a limit is named."""

from contextlib import closing
from pathlib import Path

import pytest

from dvc_repositories import Tools, lock_text, look_at, plain, records_of
from lineage.connectors.dvc import files
from lineage.connectors.dvc.templates import Templates
from lineage.connectors.dvc.values import refuse_unreadable
from lineage.connectors.git import process
from lineage.connectors.git.process import ObjectReader
from lineage.connectors.git.trees import FOUND_FILES_MAX, TREE_DEPTH_MAX
from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.mlmd import Execution
from lineage_schemas.outside.dvc import Pipeline
from lineage_schemas.values import JsonValue
from looks import Look, Remembered

LOCK = lock_text(("one", {"in": "a" * 32}, {"out": "b" * 32}))
DEFINITION = "stages:\n  one:\n    cmd: run one\n    deps: [in]\n    outs: [out]\n"


def _begin(path: Path) -> Tools:
    tools = Tools(path / "work")
    tools.begin()
    tools.write("dvc.yaml", DEFINITION)
    tools.write("dvc.lock", LOCK)
    tools.commit("Good")
    return tools


def _tree(tools: Tools, entries: str) -> str:
    return tools.run("git", "mktree", feed=entries.encode()).strip()


def _commit_tree(tools: Tools, tree: str) -> str:
    """Commit a tree above what is checked out, after the last commit."""
    commit = tools.run("git", "commit-tree", tree, "-p", "HEAD", "-m", "Made").strip()
    tools.run("git", "update-ref", "refs/heads/main", commit)
    return commit


def _stages(look: Look) -> int:
    return sum(isinstance(one, Execution) and one.type == "lineage.Run" for one in records_of(look))


def _entry(tools: Tools, name: str, folder: str) -> str:
    """Return the entries of the last commit's tree, with one folder more."""
    return tools.run("git", "ls-tree", "HEAD") + f"040000 tree {folder}\t{name}\n"


def _within(tools: Tools, levels: int, names: tuple[str, ...]) -> str:
    """Return a tree of a lock that lies within so many levels of folders of these names."""
    blob = tools.run("git", "rev-parse", "HEAD:dvc.lock").strip()
    tree = _tree(tools, f"100644 blob {blob}\tdvc.lock\n")
    for _ in range(levels):
        tree = _tree(tools, "".join(f"040000 tree {tree}\t{name}\n" for name in names))
    return tree


@pytest.mark.parametrize(
    ("levels", "names", "limit"),
    [
        (7, tuple(f"d{n}" for n in range(10)), f"{FOUND_FILES_MAX} files"),
        (TREE_DEPTH_MAX + 60, ("d",), f"deeper than {TREE_DEPTH_MAX}"),
        (18, ("d" * 240,), "longer than"),
    ],
    ids=["one tree again and again", "too deep", "too long"],
)
def test_a_folder_beyond_a_limit_is_named_and_the_rest_is_read(
    tmp_path: Path, levels: int, names: tuple[str, ...], limit: str
) -> None:
    tools = _begin(tmp_path)
    commit = _commit_tree(tools, _tree(tools, _entry(tools, "made", _within(tools, levels, names))))
    memory = Remembered()
    look = look_at(tools.path, memory)
    assert look.unread
    assert all(limit in one.reason for one in look.unread)
    assert all(one.subject.startswith("tree/made") for one in look.unread)
    assert _stages(look) == 1
    told = [one for one in plain(records_of(look)) if one.get("key") == f"git:commit/{commit}"]
    assert any("dvc.unread" in repr(one.get("custom_properties")) for one in told)
    assert look_at(tools.path, memory).unread == look.unread


def test_objects_that_are_too_large_are_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = _begin(tmp_path)
    files = "".join(f"100644 blob {'1' * 40}\tfile{n}\n" for n in range(100))
    tree = tools.run("git", "mktree", "--missing", feed=files.encode()).strip()
    _commit_tree(tools, _tree(tools, _entry(tools, "made", tree)))
    long = tools.commit("x" * 4_000)
    tools.tag("model@v1.0.0", message="x" * 4_000)
    tools.tag("model@v1.0.1", "HEAD~1")
    monkeypatch.setattr(process, "OBJECT_BYTES_MAX", 3_000)
    look = look_at(tools.path)
    assert {one.subject for one in look.unread} == {
        f"tree/made/{tree}",
        f"commit/{long}",
        "tag/model%40v1.0.0",
    }
    assert all("too large" in one.reason for one in look.unread)
    assert _stages(look) == 1
    assert [one.subject for one in look.documents if one.kind == "tag"] == ["tag/model%40v1.0.1"]


def test_large_files_are_read_one_by_one_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = _begin(tmp_path)
    for n in range(12):
        padding = f"# {n}\n" + f"# {'x' * 1_000}\n" * 100
        lock = LOCK.replace("b" * 32, f"f{n:031x}") + padding
        tools.write(f"part{n}/dvc.lock", lock)
    tools.commit("Large")
    expected = _stages(look_at(tools.path))
    assert expected == 13
    monkeypatch.setattr(files, "_KEPT_BYTES", 150_000)
    assert _stages(look_at(tools.path)) == expected
    monkeypatch.setattr(files, "YAML_BYTES_MAX", 50_000)
    look = look_at(tools.path)
    assert _stages(look) == 1
    assert all("too large" in one.reason for one in look.unread)
    assert len(look.unread) == 12


def test_objects_that_nobody_waits_for_do_not_answer_the_next_question(tmp_path: Path) -> None:
    tools = _begin(tmp_path)
    ids = [tools.run("git", "rev-parse", f"HEAD:dvc.{one}").strip() for one in ("lock", "yaml")]
    with ObjectReader(tools.path) as objects:
        with closing(objects.read(ids)) as waiting:
            next(waiting)
        (found,) = objects.read(ids[1:])
    assert found is not None
    assert (found.id, found.body.decode()) == (ids[1], DEFINITION)


@pytest.mark.parametrize(
    ("stages", "name"),
    [
        ({"s": {"cmd": "r", "wdir": "${x}" * 5_000}}, "s"),
        ({"s": {"cmd": "r", "outs": ["${x}" * 5_000]}}, "s"),
        ({"s": {"matrix": {"a": ["${x}"], "b": ["${x}"] * 9_000}, "cmd": "r"}}, "s@a"),
        ({"s": {"foreach": ["_${y}"] * 9_000, "do": {"cmd": "r"}}}, "s@a"),
    ],
    ids=["folder", "output", "matrix", "foreach"],
)
def test_templates_make_no_long_text_of_a_short_one(
    stages: dict[str, dict[str, JsonValue]], name: str
) -> None:
    values: JsonValue = {"x": "x" * 200_000, "y": "y" * 4_000}
    templates = Templates(Pipeline(stages=stages), "", lambda _: values)
    for _ in range(2):
        with pytest.raises(LimitExceededError, match="characters"):
            templates.stage(name)


def test_marks_of_a_conflict_are_looked_for_once_however_many_there_are() -> None:
    marks = b"<<<<<<< a\n" * 50_000 + b"=======\n" * 50_000
    refuse_unreadable(marks)
    with pytest.raises(DecodeError, match="merge conflict"):
        refuse_unreadable(marks + b">>>>>>> b\n")
    with pytest.raises(DecodeError, match="merge conflict"):
        refuse_unreadable(b"<<<<<<< a\r\nx\r\n=======\r\ny\r\n>>>>>>> b\r\n")
