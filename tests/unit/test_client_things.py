"""What the thin client says of things and values."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from lineage_client import ClientError, Ledger, Thing
from lineage_client.things import thing_of, value_of

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""SHA-256 of ``hello``, as sha256sum prints it."""


def test_a_file_is_its_path_and_its_bytes_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.txt").write_bytes(b"hello")
    thing = thing_of(Path("a b.txt"), "the/source")
    assert thing.identifier == f"client:file/the%2Fsource/a%20b.txt/{HELLO}"
    assert thing.contents == (f"sha256:{HELLO}",)
    assert thing.properties == {
        "display_name": "a b.txt",
        "content_digest": f"sha256:{HELLO}",
        "size_bytes": 5,
    }
    Path("a b.txt").write_bytes(b"")
    empty = thing_of(Path("a b.txt"), "the/source")
    assert empty.identifier != thing.identifier
    assert empty.contents == ()  # two empty files have nothing in common


def test_a_model_keeps_its_digest_where_models_do(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"hello")
    assert thing_of(path, "s", type="model").properties["weights_digest"] == f"sha256:{HELLO}"


@pytest.mark.parametrize("text", ["data.csv", "", "C:\\data.csv", "no scheme"])
def test_a_text_that_is_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"pathlib\.Path"):
        thing_of(text, "s")


def test_a_thing_is_said_with_its_names_and_its_contents() -> None:
    thing = Thing("uri:s3://b/k", "dataset", claims=("my:name",), contents=(f"sha256:{HELLO}",))
    assert thing.records() == [
        {"record": "artifact", "key": "uri:s3://b/k", "type": "lineage.DataSet"},
        {
            "record": "claim",
            "kind": "artifact",
            "node": "uri:s3://b/k",
            "identifier": "my:name",
            "class": "asserted",
        },
        {
            "record": "claim",
            "kind": "artifact",
            "node": "uri:s3://b/k",
            "identifier": f"sha256:{HELLO}",
            "class": "content",
        },
    ]


class Scalar:
    """As NumPy's scalars are."""

    def item(self) -> float:
        return 0.5


class Array:
    """As NumPy's arrays are: ``item`` is for one element."""

    def tolist(self) -> list[list[float]]:
        return [[1.0, math.nan]]

    def item(self) -> float:
        raise ValueError("can only convert an array of size 1 to a Python scalar")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, (2, 3)], {"items": [1, [2, 3]]}),
        (math.inf, {"$float": "Infinity"}),
        (-math.inf, {"$float": "-Infinity"}),
        ({"a": Path("x"), 1: None}, {"a": "x", "1": None}),
        (Scalar(), 0.5),
        (Array(), {"items": [[1.0, "nan"]]}),
        ({"b", "a"}, {"items": ["a", "b"]}),
        ({"$ref": {"$in": 1}}, {"%24ref": {"$in": 1}}),
        (date(2026, 1, 31), "2026-01-31"),
        (Decimal("0.10"), "0.10"),
        (-(2**63) - 1, "-9223372036854775809"),
        ("caf\udce9", "caf?"),
        (True, True),
    ],
)
def test_values_become_what_a_ledger_keeps(value: object, said: object) -> None:
    assert value_of(value) == said


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        value_of(object())


def test_what_is_said_beside_a_thing_is_said_of_it() -> None:
    thing = Thing("uri:s3://b/k", properties={"format": "onnx"})
    told = thing_of(thing, "s", type="model", properties={"size_bytes": 3})
    assert (told.type, told.properties) == ("model", {"format": "onnx", "size_bytes": 3})


@pytest.mark.parametrize("given", [{"token": "a\nb"}, {"namespace": "é"}, {"url": "http://[x"}])
def test_what_no_request_can_carry_is_told_before_anything_is_said(given: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        Ledger(**{"url": "http://127.0.0.1:1", **given})  # type: ignore[arg-type]
    Ledger("http://127.0.0.1:1", token="a key from a file\n")
