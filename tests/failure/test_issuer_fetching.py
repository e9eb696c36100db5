"""A document of an issuer is fetched whole and in time, or not at all."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from time import perf_counter

import pytest

from issuers import KEYS, Handler, IssuerDouble, Misbehaviour, issuing
from lineage_api.identity.fetching import IssuerUnavailableError, fetch_document
from tokens import ec_key

SECONDS = 0.4
WAIT_SECONDS = 10


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerDouble]:
    with issuing(monkeypatch) as server:
        server.keys = {"k": ec_key()}
        yield server


def refuse(issuer: IssuerDouble, match: str, misbehaves: Misbehaviour | None = None) -> float:
    """Demand that fetching fails; return how long it took."""
    issuer.misbehaves = misbehaves
    begun = perf_counter()
    with pytest.raises(IssuerUnavailableError, match=match) as caught:
        fetch_document(issuer.name + KEYS, bytes_max=10_000, seconds=SECONDS)
    assert caught.value.where == "127.0.0.1"
    return perf_counter() - begun


def test_a_document_is_fetched_whole(issuer: IssuerDouble) -> None:
    assert fetch_document(issuer.name + KEYS) == issuer.document(KEYS)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(issuer: IssuerDouble, status: int) -> None:
    target = f"{issuer.name}{KEYS}?again"
    refuse(issuer, "with status 3", lambda handler: handler.answer(status, b"", Location=target))
    assert issuer.asked == [KEYS]


@pytest.mark.parametrize("status", [204, 206, 400, 401, 404, 500, 503])
def test_an_answer_of_another_status_is_none(issuer: IssuerDouble, status: int) -> None:
    refuse(issuer, "with status", lambda handler: handler.answer(status, b""))


def test_an_answer_without_end_is_cut(issuer: IssuerDouble) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):  # the other side hangs up
            while True:
                handler.wfile.write(b" " * 4_096)

    refuse(issuer, "more than 10000 bytes", endless)


def test_an_answer_that_says_it_is_long_is_cut_too(issuer: IssuerDouble) -> None:
    refuse(issuer, "more than 10000 bytes", lambda handler: handler.answer(200, b" " * 10_001))
    issuer.misbehaves = lambda handler: handler.answer(200, b" " * 10_000)
    assert len(fetch_document(issuer.name + KEYS, bytes_max=10_000)) == 10_000


def test_an_answer_that_stops_in_the_middle_is_none(issuer: IssuerDouble) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.hang_up()

    refuse(issuer, "stopped in the middle", half)


def test_an_issuer_that_hangs_up(issuer: IssuerDouble) -> None:
    refuse(issuer, "could not be read", lambda handler: handler.hang_up())


def drip(issuer: IssuerDouble, letters: bytes) -> Misbehaviour:
    """Send one letter at a time, so that no single wait is long."""

    def dripping(handler: Handler) -> None:
        with contextlib.suppress(OSError):  # the other side hangs up
            for letter in letters:
                handler.wfile.write(bytes([letter]))
                handler.wfile.flush()
                if issuer.let_go.wait(SECONDS / 8):
                    return

    return dripping


@pytest.mark.parametrize(
    "letters",
    [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1_000],
    ids=["headers", "body"],
)
def test_an_answer_that_drips_is_cut(issuer: IssuerDouble, letters: bytes) -> None:
    assert refuse(issuer, "more than 0.4 seconds", drip(issuer, letters)) < WAIT_SECONDS


def test_an_issuer_that_says_nothing(issuer: IssuerDouble) -> None:
    def silent(_: Handler) -> None:
        issuer.let_go.wait(WAIT_SECONDS)

    assert refuse(issuer, "more than 0.4 seconds", silent) < WAIT_SECONDS


def test_an_issuer_that_is_not_there(issuer: IssuerDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/keys"
    with pytest.raises(IssuerUnavailableError, match="could not be read"):
        fetch_document(url)
    assert issuer.asked == []


def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that speaks no TLS at all stands for every one that cannot prove who it is."""
    with issuing(monkeypatch) as server, pytest.raises(IssuerUnavailableError):
        fetch_document(f"https://127.0.0.1:{server.server_port}/keys", seconds=SECONDS)


def test_a_fetch_leaves_no_thread_behind(issuer: IssuerDouble) -> None:
    fetch_document(issuer.name + KEYS)
    alarms = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    for alarm in alarms:
        alarm.join(WAIT_SECONDS)
    assert not any(one.is_alive() for one in alarms)
