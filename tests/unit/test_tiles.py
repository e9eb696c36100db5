"""Tile paths, widths and entry bundles, as C2SP tlog-tiles has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.proofs.tiles import (
    ENTRIES,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    width_at,
)
from lineage_schemas.errors import DecodeError, InvalidInputError, LimitExceededError

PATHS = {
    # The specification's own example of an index.
    "0/x001/x234/067": Tile(0, 1_234_067, 256),
    "0/000": Tile(0, 0, 256),
    "1/000.p/1": Tile(1, 0, 1),
    "0/273.p/112": Tile(0, 273, 112),
    "entries/000.p/3": Tile(ENTRIES, 0, 3),
    "entries/x001/000": Tile(ENTRIES, 1_000, 256),
    "63/999.p/255": Tile(63, 999, 255),
    "8/x999/x999/x999/x999/x999/999": Tile(8, 10**18 - 1, 256),
}

REFUSED = (
    "",
    "0",
    "0/",
    "/000",
    "00/000",
    "01/000",
    "64/000",
    "-1/000",
    "+1/000",
    " 1/000",
    "\u0661/000",
    "1/\u0660\u0660\u0660",
    "data/000",
    "Entries/000",
    "0/0",
    "0/00",
    "0/0000",
    "0/1234",
    "0/x001",
    "0/001/234",
    "0/x000/001",
    "0/x001/x234",
    "0/X001/234",
    "0/xx01/234",
    "0/x1/234",
    "0/x0001/234",
    "0//000",
    "0/000/",
    "0/000 ",
    "0/000\n",
    "0/000.p",
    "0/000.p/",
    "0/000.p/0",
    "0/000.p/01",
    "0/000.p/256",
    "0/000.p/257",
    "0/000.p/-1",
    "0/000.p/1/",
    "0/000.p/1.p/1",
    "0/x001.p/1",
    "0/000.P/1",
    "0/../000",
    "tile/0/000",
    "0/" + "x001/" * 400 + "000",
    "0/" + "9" * 5_000,
    "9" * 5_000 + "/000",
    "0/000.p/" + "9" * 5_000,
)


@pytest.mark.parametrize(("path", "tile"), PATHS.items())
def test_a_path_is_read_and_written_as_specified(path: str, tile: Tile) -> None:
    assert parse_tile_path(path) == tile
    assert tile_path(tile) == path


@pytest.mark.parametrize("path", REFUSED)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_tile_path(path)
    assert len(str(refused.value)) < 400


@given(
    level=st.integers(-1, 63),
    index=st.integers(0, 10**21 - 1),
    width=st.integers(1, 256),
)
def test_every_tile_has_its_path(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile_path(tile_path(tile)) == tile


@given(st.text(alphabet="0123x/.pentris", max_size=20))
def test_no_two_paths_are_one_tile(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except InvalidInputError:
        return
    assert tile_path(tile) == path


def test_a_tree_of_70000_leaves_has_the_tiles_that_the_specification_counts() -> None:
    size = 70_000
    level0 = [width_at(0, index, size) for index in range(275)]
    assert level0 == [256] * 273 + [112, 0]
    assert [width_at(1, index, size) for index in range(3)] == [256, 17, 0]
    assert [width_at(2, index, size) for index in range(2)] == [1, 0]
    assert width_at(3, 0, size) == 0
    assert [width_at(ENTRIES, index, size) for index in range(275)] == level0


def test_a_tree_of_256_leaves_has_a_full_tile_and_one_of_one() -> None:
    assert width_at(0, 0, 256) == 256
    assert width_at(0, 1, 256) == 0
    assert width_at(1, 0, 256) == 1
    assert width_at(0, 0, 0) == 0


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_048, 70_000])
def test_widths_are_what_counting_gives(size: int) -> None:
    complete = [1] * size
    for level in range(4):
        tiles = [complete[at : at + 256] for at in range(0, len(complete), 256)]
        for index in range(len(tiles) + 2):
            counted = len(tiles[index]) if index < len(tiles) else 0
            assert width_at(level, index, size) == counted
        complete = [1 for tile in tiles if len(tile) == 256]


def test_a_bundle_states_each_length_in_two_bytes() -> None:
    assert encode_bundle([b"one", b"", b"x" * 258]) == b"\0\3one" + b"\0\0" + b"\1\2" + b"x" * 258
    assert encode_bundle([]) == b""
    assert decode_bundle(b"") == []


@given(st.lists(st.binary(max_size=600), max_size=256))
def test_a_bundle_comes_back_as_it_was(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_a_bundle_that_ends_inside_an_entry_is_refused() -> None:
    body = encode_bundle([b"first", b"second"])
    for end in range(len(body)):
        if end in {0, 7}:
            assert decode_bundle(body[:end]) == [b"first"] * (end // 7)
        else:
            with pytest.raises(DecodeError, match=f"entry {int(end > 7)}"):
                decode_bundle(body[:end])


def test_the_limits_of_a_bundle_are_named() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535] * 2)) == [b"x" * 65_535] * 2
    with pytest.raises(LimitExceededError, match=r"BUNDLED_BYTES_MAX.*entry 1"):
        encode_bundle([b"", b"x" * 65_536])
    with pytest.raises(LimitExceededError, match="TILE_WIDTH"):
        encode_bundle([b""] * 257)
    with pytest.raises(DecodeError, match="TILE_WIDTH"):
        decode_bundle(b"\0\0" * 257)
