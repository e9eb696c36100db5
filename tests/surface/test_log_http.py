"""The log over HTTP: a reader with nothing but hashlib and a verifier key checks all of it."""

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.settings import Settings
from surface_client import SurfaceClient, problem, running
from terminal import PERSON, Terminal, more

ENTRIES = 600
TILE = 256
STAYS = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Return a terminal of a ledger of so many entries."""
    terminal = Terminal(tmp_path_factory.mktemp("filled") / "ledger.db")
    terminal.tell()
    terminal.tell(*(more(number) for number in range(ENTRIES - terminal.size())))
    assert terminal.size() == ENTRIES
    return terminal


@pytest.fixture
def log(filled: Terminal) -> Iterator[SurfaceClient]:
    """Serve that ledger."""
    with filled.open() as ledger, running(create_app(ledger, Settings())) as client:
        yield client


# --- the reader, by the specifications alone -----------------------------------------------------


def leaf(entry: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def tile_name(index: int, width: int) -> str:
    """C2SP tlog-tiles: three digits an element; below a thousand that is one of them."""
    return f"{index:03}" + ("" if width == TILE else f".p/{width}")


def tiles_of(count: int) -> list[tuple[int, int]]:
    """Return index and width of each tile over so many hashes."""
    return [(start // TILE, min(TILE, count - start)) for start in range(0, count, TILE)]


def entries_in(bundle: bytes) -> list[bytes]:
    """C2SP tlog-tiles: each entry behind its length in 16 bits."""
    found: list[bytes] = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def check_signature(note: bytes, verifier: str) -> tuple[str, int, bytes]:
    """C2SP signed-note and tlog-checkpoint: check the one signature; return what was signed."""
    name, key_id, key = verifier.split("+", 2)
    text, _, signatures = note.partition(b"\n\n")
    dash, signer, signature = signatures.decode().removesuffix("\n").split(" ")
    assert (dash, signer) == ("\u2014", name)
    body = b64decode(signature, validate=True)
    assert body[:4].hex() == key_id
    public = b64decode(key, validate=True)
    assert public[0] == 1
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(body[4:], text + b"\n")
    origin, size, encoded = text.decode().split("\n")
    return origin, int(size), b64decode(encoded, validate=True)


def read_entries(client: SurfaceClient, size: int) -> list[bytes]:
    """Return every entry of the log, from its bundles."""
    return [
        entry
        for index, width in tiles_of(size)
        for entry in entries_in(client.get(f"/log/tile/entries/{tile_name(index, width)}").content)
    ]


def test_the_whole_log_can_be_checked_from_outside(log: SurfaceClient, filled: Terminal) -> None:
    verifier = log.surface.ledger.custody.keys()[-1].verifier
    note = log.get("/log/checkpoint").content
    origin, size, signed = check_signature(note, verifier)
    assert (origin, size) == (log.surface.ledger.origin, ENTRIES)
    entries = read_entries(log, size)
    assert root([leaf(entry) for entry in entries]) == signed
    assert PERSON.encode() not in b"".join(entries)
    with pytest.raises(InvalidSignature):
        check_signature(note.replace(b"\n600\n", b"\n601\n"), verifier)
    assert filled.store.exists()


def test_tiles_hold_the_hashes_of_the_tree(log: SurfaceClient) -> None:
    leaves = [leaf(entry) for entry in read_entries(log, ENTRIES)]
    for index, width in tiles_of(ENTRIES):
        answer = log.get(f"/log/tile/0/{tile_name(index, width)}")
        assert answer.content == b"".join(leaves[index * TILE :][:width])
    full = ENTRIES // TILE
    above = [root(leaves[at * TILE :][:TILE]) for at in range(full)]
    assert log.get(f"/log/tile/1/000.p/{full}").content == b"".join(above)


def test_narrower_tiles_than_the_widest_stay_there(log: SurfaceClient) -> None:
    whole = log.get("/log/tile/0/001").content
    for width in (1, 100, 255):
        part = log.get(f"/log/tile/0/001.p/{width}")
        assert part.content == whole[: 32 * width]
        assert part.headers["cache-control"] == STAYS


# --- what is not there ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["0/002", "0/002.p/89", "0/003.p/1", "1/000", "1/000.p/3", "2/000.p/1", "entries/002"]
)
def test_what_no_checkpoint_covers_is_not_there(log: SurfaceClient, path: str) -> None:
    problem(log.get(f"/log/tile/{path}"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "0/1", "0/0001", "00/000", "64/000", "-1/000", "data/000"),
        *("0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/1/2", "entries/000.p/x"),
        *("0/x000/000", "0/000/extra"),
    ],
)
def test_a_malformed_path_is_bad_input(log: SurfaceClient, path: str) -> None:
    problem(log.get(f"/log/tile/{path}"), 400, "invalid_argument")


def test_what_was_written_since_waits_for_a_checkpoint(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "ledger.db")
    terminal.tell()
    settings = Settings(publish_seconds=3_600)
    with terminal.open() as ledger, running(create_app(ledger, settings)) as client:
        first = int(client.get("/log/checkpoint").text.split("\n")[1])
        terminal.clock.step_us = 0
        ledger.record([more(1)])
        ledger.record([more(2)])
        size = ledger.head().size
        signed = int(client.get("/log/checkpoint").text.split("\n")[1])
        assert first <= signed < size
        problem(client.get(f"/log/tile/0/000.p/{size}"), 404, "not_found")
        ledger.custody.checkpoint()
        assert client.get(f"/log/tile/0/000.p/{size}").status_code == 200


def test_a_new_ledger_signs_when_it_is_first_asked(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "ledger.db")
    with terminal.open() as ledger, running(create_app(ledger, Settings())) as client:
        note = client.get("/log/checkpoint")
        assert note.status_code == 200
        check_signature(note.content, ledger.custody.keys()[-1].verifier)


def test_a_ledger_that_nobody_signs_has_no_checkpoint(
    client: SurfaceClient, ledger: Ledger
) -> None:
    assert not ledger.custody.signs
    problem(client.get("/log/checkpoint"), 404, "not_found")
    problem(client.get("/log/tile/0/000.p/1"), 404, "not_found")


# --- headers -------------------------------------------------------------------------------------


def test_the_checkpoint_is_never_kept_and_tiles_for_ever(log: SurfaceClient) -> None:
    note = log.get("/log/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.headers["cache-control"] == "no-cache"
    for path in ("0/000", "entries/000", "0/002.p/88"):
        tile = log.get(f"/log/tile/{path}")
        assert tile.headers["content-type"] == "application/octet-stream"
        assert tile.headers["cache-control"] == STAYS


def test_who_has_it_already_is_told_so(log: SurfaceClient) -> None:
    for path in ("/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000"):
        tag = log.get(path).headers["etag"]
        again = log.get(path, **{"if-none-match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert log.get(path, **{"if-none-match": '"other"'}).status_code == 200


def test_bundles_are_compressed_for_who_asks(log: SurfaceClient) -> None:
    path = "/log/tile/entries/000"
    plain = log.get(path, **{"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    refused = log.get(path, **{"accept-encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in refused.headers
    packed = log.get(path, **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    # The client unpacks it; that it was packed, its length on the wire says.
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.headers["etag"] != plain.headers["etag"]
    tile = log.get("/log/tile/0/000", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in tile.headers


def test_head_says_what_get_would(log: SurfaceClient) -> None:
    for path in ("/log/checkpoint", "/log/tile/0/000"):
        asked, got = log.send("HEAD", path), log.get(path)
        assert asked.status_code == 200
        assert asked.headers["content-length"] == str(len(got.content))
        assert asked.headers["etag"] == got.headers["etag"]
    problem(log.send("POST", "/log/checkpoint"), 405, "method_not_allowed")
