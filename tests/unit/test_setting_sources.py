"""Where settings come from: flags before the environment, before a file, before the defaults."""

import itertools
import re
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from lineage_api.configuration.marks import SECRET
from lineage_api.configuration.reading import DEFAULT, as_struct
from lineage_api.configuration.showing import shown, without_password
from lineage_api.configuration.sources import from_environment, from_file
from lineage_api.settings import Settings, read_settings, read_sourced
from lineage_schemas.errors import InvalidInputError

PLANTED = "planted-secret-word"


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a list of tables, with a secret inside."""

    url: str
    audiences: tuple[str, ...] = ()
    word: Annotated[str, Meta(extra=SECRET)] = ""


class Some(Struct, frozen=True, kw_only=True):
    """Settings with every kind of value."""

    issuers: tuple[Issuer, ...] = ()
    names: tuple[str, ...] = ()
    on: bool = False
    word: Annotated[str, Meta(extra=SECRET)] = ""


def from_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("there", list(itertools.product([True, False], repeat=3)), ids=str)
def test_the_first_source_that_says_a_setting_is_believed(
    tmp_path: Path, there: tuple[bool, bool, bool]
) -> None:
    flag, variable, file = there
    config = from_text(tmp_path / "a.toml", "port = 3\n" if file else "")
    environ = {"LINEAGE_PORT": "2"} if variable else {}
    sourced = read_sourced(environ, config=config, port=1 if flag else None)
    expected = [
        (1, "--port"),
        (2, "LINEAGE_PORT"),
        (3, f"{config}: port"),
        (8470, DEFAULT),
    ]
    index = [*there, True].index(True)
    assert (sourced.settings.port, sourced.came_from["port"]) == expected[index]


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    config = from_text(tmp_path / "a.toml", "port = 3\n")
    assert read_settings({"LINEAGE_CONFIG": str(config)}).port == 3
    other = from_text(tmp_path / "b.toml", "port = 4\n")
    assert read_settings({"LINEAGE_CONFIG": str(config)}, config=other).port == 4


def test_a_table_is_the_beginning_of_a_name(tmp_path: Path) -> None:
    config = from_text(tmp_path / "a.toml", '[anchor]\ndirectory = "/archive"\nseconds = 5\n')
    found = read_settings({}, config=config)
    assert (found.anchor_directory, found.anchor_seconds) == ("/archive", 5.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "prot.*Did you mean port"),
        ("[anchor]\ndirctory = '/a'", "anchor_directory"),
        ("port = '9'", "port.*from 0 to 65,535"),
        ("port = 70000", "port.*70000"),
        ("port = 1\nport = 2\nhost = '::1'", "no TOML.*line 2"),
        ("[anchor]\nseconds = 2\n[anchor.seconds]\nx = 1", "no TOML"),
        ("anchor_seconds = 1\n[anchor]\nseconds = 2", "there twice"),
        ("port = [1]", "port"),
        ("store = 5", "store"),
        ("=", "no TOML"),
    ],
)
def test_what_a_file_says_wrong_is_told_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    config = from_text(tmp_path / "wrong.toml", text)
    with pytest.raises(InvalidInputError, match=told) as caught:
        read_settings({}, config=config)
    assert "wrong.toml" in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InvalidInputError, match=re.escape(str(path))):
            read_settings({}, config=path)
    long = from_text(tmp_path / "long.toml", "#" * 1_048_577)
    with pytest.raises(InvalidInputError, match="CONFIG_BYTES_MAX"):
        read_settings({}, config=long)


@pytest.mark.parametrize(
    ("variable", "near"),
    [("LINEAGE_STOER", "store"), ("LINEAGE_SIDECARS", "sidecar"), ("LINEAGE_port", "port")],
)
def test_an_unknown_variable_is_told_with_its_nearest(variable: str, near: str) -> None:
    with pytest.raises(InvalidInputError, match=f"environment.*{variable}.*{near}"):
        read_settings({variable: "x"})


def test_what_tests_are_told_is_no_setting() -> None:
    assert read_settings({"LINEAGE_TEST_POSTGRES": "x"}) == Settings()


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    word = from_text(tmp_path / "word", f"https://example.org/{PLANTED}\n")
    expected = f"https://example.org/{PLANTED}"
    found = read_settings({"LINEAGE_ANCHOR_WEBHOOK_FILE": str(word)})
    assert found.anchor_webhook == expected
    config = from_text(tmp_path / "a.toml", f'anchor_webhook_file = "{word}"\n')
    sourced = read_sourced({}, config=config)
    assert sourced.settings.anchor_webhook == expected
    assert PLANTED not in f"{sourced}"
    with pytest.raises(InvalidInputError, match="there twice"):
        read_settings({"LINEAGE_ANCHOR_WEBHOOK_FILE": str(word), "LINEAGE_ANCHOR_WEBHOOK": "x"})
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_settings({"LINEAGE_ANCHOR_WEBHOOK_FILE": str(tmp_path / "none")})
    with pytest.raises(InvalidInputError, match="no such setting"):
        read_settings({"LINEAGE_PORT_FILE": str(word)})


def test_the_file_of_a_secret_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_bytes(PLANTED.encode() + b"\xff")
    with pytest.raises(InvalidInputError) as caught:
        read_settings({"LINEAGE_ANCHOR_WEBHOOK_FILE": str(path)})
    assert PLANTED not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_secret_of_the_wrong_type_is_not_quoted(tmp_path: Path) -> None:
    config = from_text(tmp_path / "a.toml", f'anchor_webhook = ["{PLANTED}"]\n')
    with pytest.raises(InvalidInputError) as caught:
        read_settings({}, config=config)
    assert PLANTED not in str(caught.value)
    broken = from_text(tmp_path / "b.toml", f'anchor_webhook = "{PLANTED}\n')
    with pytest.raises(InvalidInputError) as caught:
        read_settings({}, config=broken)
    assert PLANTED not in str(caught.value)


def read_some(environ: dict[str, str], config: Path | None = None) -> Some:
    sources = [from_environment(Some, environ, "LINEAGE_", ())]
    if config is not None:
        sources.append(from_file(Some, config))
    return as_struct(Some, sources).settings


def test_lists_of_tables_come_from_the_file_or_as_json(tmp_path: Path) -> None:
    expected = (Issuer("https://a", ("x", "y")), Issuer("https://b", word=PLANTED))
    text = f"""
[[issuers]]
url = "https://a"
audiences = ["x", "y"]
[[issuers]]
url = "https://b"
word = "{PLANTED}"
"""
    assert read_some({}, from_text(tmp_path / "a.toml", text)).issuers == expected
    as_json = (
        '[{"url": "https://a", "audiences": ["x", "y"]}, '
        f'{{"url": "https://b", "word": "{PLANTED}"}}]'
    )
    found = read_some({"LINEAGE_ISSUERS": as_json, "LINEAGE_ON": "true"})
    assert (found.issuers, found.on) == (expected, True)
    assert PLANTED not in str(shown(found))
    for wrong in ('[{"url": 1}]', '[{"url": "a", "surprise": 1}]', "nonsense", "{}"):
        with pytest.raises(InvalidInputError, match="issuers"):
            read_some({"LINEAGE_ISSUERS": wrong})
    for wrong in (f'[{{"word": "{PLANTED}"}}]', f'[{{"word": "{PLANTED}"', f"{PLANTED}"):
        with pytest.raises(InvalidInputError, match="issuers") as caught:
            read_some({"LINEAGE_ISSUERS": wrong})
        assert PLANTED not in str(caught.value)


def test_lists_of_names_are_divided_by_commas() -> None:
    assert read_some({"LINEAGE_NAMES": "a, b,,c"}).names == ("a", "b", "c")
    assert read_some({"LINEAGE_NAMES": '["a,b"]'}).names == ("a,b",)
    assert read_some({"LINEAGE_NAMES": ""}).names == ()


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ada:{PLANTED}@db.example/ledger",
        f"postgresql://db.example/ledger?user=ada&password={PLANTED}",
        f"host=db.example password={PLANTED} dbname=ledger",
        f"postgresql://ada:{PLANTED}@[::1]:5432/ledger?sslmode=verify-full",
        f"postgresql://ada:{PLANTED}@[broken/ledger",
    ],
)
def test_a_url_is_shown_without_its_password(text: str) -> None:
    assert PLANTED not in without_password(text)
    assert PLANTED not in repr(Settings(store=text))


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(min_size=1))
def test_a_path_is_shown_as_it_is(before: str, after: str) -> None:
    text = f"{before}/{after}".replace("://", "").replace("=", "")
    assert without_password(text) == text


def test_no_setting_is_named_as_a_file_of_another() -> None:
    """Or the file of a secret could not be told from a setting of its own."""
    names = Settings.__struct_fields__
    assert [one for one in names if f"{one}_file" in names] == []
