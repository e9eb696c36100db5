"""A document means to us what it means to the YAML reader that DVC uses."""

import json
import subprocess
from pathlib import Path

import pytest

from dvc_repositories import Tools, lock_text, look_at, records_of
from lineage.connectors.dvc.files import stage_pieces
from lineage.connectors.yaml_documents import YAML_NODES_MAX, read_yaml
from lineage_schemas.errors import DecodeError, LimitExceededError
from lineage_schemas.mlmd import Execution
from lineage_schemas.outside.dvc import read_lock
from peers import peer

pytestmark = pytest.mark.peers

ORACLE = """
import datetime, json, math, sys
from ruamel.yaml import YAML

def plain(value):
    if isinstance(value, dict):
        return {written(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {"$float": name}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"time": True}
    return value

def written(key):
    return key if isinstance(key, str) else json.dumps(key)

print(json.dumps([plain(YAML(typ="safe").load(text)) for text in json.load(sys.stdin)]))
"""

_SCALARS = """
true True TRUE yes no on off y n false ~ null Null NULL nUll 0 -0 +1 007 0o17 0x1F 0b101 1_000 1e3
1E-3 1.5 -1.5 .5 -.5 5. 1.e2 .inf -.inf +.Inf .NAN .nan 12:30 1:2:3 0.1.2 1,000 v1 = << -- -1_0 0_1
12e03 1e 0x 1__0 +.5e+3 9223372036854775807 -9223372036854775808 e5 1.2.3 abc@x a:b 0755 08 _1
"""
SCALARS = _SCALARS.split()

DOCUMENTS = [
    *(f"a: {scalar}\n" for scalar in SCALARS if scalar not in {"<<", "="}),
    "a: 'true'\nb: \"1\"\nc: !!str 5\nd: !!int '5'\n",
    "base: &base {x: 1, y: 2}\nother:\n  <<: *base\n  y: 3\n",
    "one: &one {x: 1}\ntwo: &two {x: 2, z: 3}\nall:\n  <<: [*one, *two]\n",
    "list:\n- 1\n- [a, {b: c}]\n-\n  d: |\n    line\n    more\n  e: >-\n    folded\n    text\n",
    "# only a comment\n",
    "a:\n  - x\n  -\n",
    "quoted: 'it''s'\nescaped: \"tab\\tand \\u00e9\"\n",
    "time: 2020-01-01\n",
    "---\na: 1\n...\n",
    "plain text\n",
    "a: {b: [1, 2, {c: d}], e: }\n",
]


def test_documents_mean_what_they_mean_to_dvc() -> None:
    done = subprocess.run(
        [str(peer("dvc") / "bin" / "python"), "-c", ORACLE],
        input=json.dumps(DOCUMENTS),
        capture_output=True,
        text=True,
        check=True,
    )
    for text, expected in zip(DOCUMENTS, json.loads(done.stdout), strict=True):
        ours = read_yaml(text.encode())
        if text.startswith("time:"):  # a time is text here, as it was written
            ours = {"time": {"time": isinstance(ours, dict) and ours["time"] == "2020-01-01"}}
        # As text, because 1 is not True, and not 1.0. A merged key may stand elsewhere.
        assert json.dumps(ours, sort_keys=True) == json.dumps(expected, sort_keys=True), text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"a: 1\na: 2\n", "twice"),
        (b"a: &a {}\nb: {<<: *a, <<: *a}\n", "twice"),
        (b"a: *b\n", "nothing|undefined"),
        (b"a: 1\n---\nb: 2\n", "more than one"),
        (b"? [a]\n: b\n", "key"),
        (b"\xff", "UTF-8"),
        (b"a: [", "YAML"),
        (b"<<: 5\n", "merges"),
        (b"a: \x07\n", "YAML"),
    ],
)
def test_what_is_no_document_is_refused(body: bytes, word: str) -> None:
    with pytest.raises(DecodeError, match=word):
        read_yaml(body)


def test_aliases_cannot_make_a_small_document_large() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(LimitExceededError, match=str(YAML_NODES_MAX)):
        read_yaml("\n".join(lines).encode())


def test_merging_again_and_again_cannot_either() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(1_000)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join(['*a0'] * 50)}]}}" for n in range(1, 100)]
    with pytest.raises(LimitExceededError, match=str(YAML_NODES_MAX)):
        read_yaml("\n".join(lines).encode())


def test_numbers_beyond_the_log_are_kept_as_they_were_written() -> None:
    big, long = "9" * 19, "1" * 5_000
    assert read_yaml(f"- {big}\n- {long}\n- 1e999\n- 0x\n".encode()) == [big, long, "1e999", "0x"]


HEAD = "schema: '2.0'\nstages:\n"
LOCKS = {
    "usual": lock_text(("a", {"x": "1" * 32}, {"y": "f" * 32}), ("b", {"y": "f" * 32}, {})),
    "folded_command": HEAD + "  a:\n    cmd: one two\n      three\n  b:\n    cmd: x\n",
    "block_command": HEAD + "  a:\n    cmd: |\n      one\n\n      two\n  b:\n    cmd: x\n",
    "comment": HEAD + "  # first\n  a:\n    cmd: x\n  # second\n  b:\n    cmd: y\n",
    "quoted_far_left": HEAD + "  a:\n    cmd: 'one\n  b: two'\n  c:\n    cmd: x\n",
    "alias": HEAD + "  a: &a\n    cmd: x\n  b: *a\n",
    "quoted_name": HEAD + "  'a b':\n    cmd: x\n  \"c\":\n    cmd: y\n",
    "datasets": HEAD + "  a:\n    cmd: x\ndatasets:\n- name: d\n  type: dvc\n",
    "empty": HEAD,
    "wide": HEAD + "    a:\n        cmd: x\n    b:\n        cmd: y\n",
    "flow": HEAD + "  {a: {cmd: x}}\n",
    "carriage_returns": "schema: '2.0'\r\nstages:\r\n  a:\r\n    cmd: x\r\n",
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_read_in_pieces_is_the_lock_read_whole(name: str, tmp_path: Path) -> None:
    body = LOCKS[name].encode()
    whole = read_lock(read_yaml(body))
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write("dvc.lock", body)
    tools.commit("Lock")
    look = look_at(tools.path)
    assert look.unread == []
    ours = {
        str(one.properties["display_name"]): one.properties.get("entry_point")
        for one in records_of(look)
        if isinstance(one, Execution)
    }
    assert ours == {one.name: one.cmd for one in whole.stages}


def test_the_usual_lock_is_read_in_pieces() -> None:
    pieces = stage_pieces(LOCKS["usual"].encode())
    assert pieces is not None
    assert len(pieces) == 2
    assert stage_pieces(LOCKS["datasets"].encode()) is None
