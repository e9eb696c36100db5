"""Checkpoints are posted as Standard Webhooks has it, to a receiver of our own on this machine."""

import hashlib
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lineage_api.webhooks import WebhookError, parse_secret, post_checkpoint, signature_of
from receivers import SECRET, Receiver, receiving

NOTE = "example.org/ledger\n3\nq83v\n\n— example.org/ledger AbCd\n".encode()
AT_US = 1_767_268_800_999_999


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(monkeypatch) as receiver:
        yield receiver


def post(url: str, secret: bytes | None = SECRET, timeout_seconds: float = 10) -> None:
    post_checkpoint(
        url,
        NOTE,
        message_id="checkpoint-3",
        at_us=AT_US,
        secret=secret,
        timeout_seconds=timeout_seconds,
    )


def refusal(url: str, timeout_seconds: float = 10) -> WebhookError:
    with pytest.raises(WebhookError) as caught:
        post(url, timeout_seconds=timeout_seconds)
    assert caught.value.code == "webhook_failed"
    assert caught.value.hint
    # Nor is it told by whoever prints what led to this.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the HMAC by its definition (RFC 2104), for keys up to a block of 64 bytes."""
    block = key.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def test_the_note_arrives_signed(receiver: Receiver) -> None:
    post(f"http://{receiver.host}/hooks/ledger?token=abc#part")
    (seen,) = receiver.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/hooks/ledger?token=abc", NOTE)
    assert seen.headers["host"] == receiver.host
    assert seen.headers["content-type"] == "text/plain; charset=utf-8"
    assert seen.headers["webhook-id"] == "checkpoint-3"
    assert seen.headers["webhook-timestamp"] == "1767268800"
    version, _, signature = seen.headers["webhook-signature"].partition(",")
    assert version == "v1"
    expected = hmac_sha256(SECRET, b"checkpoint-3.1767268800." + NOTE)
    assert b64decode(signature, validate=True) == expected
    assert "authorization" not in seen.headers


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    post(f"http://{receiver.host}/", secret=None)
    assert "webhook-signature" not in receiver.seen[0].headers
    assert receiver.seen[0].headers["webhook-id"] == "checkpoint-3"


def test_the_definition_of_hmac_above_is_that_of_its_specification() -> None:
    # RFC 4231, test cases 1 and 2.
    assert hmac_sha256(b"\x0b" * 20, b"Hi There").hex() == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_the_signature_covers_id_time_and_body() -> None:
    signatures = {
        signature_of(SECRET, "a", 1, b"x"),
        signature_of(SECRET, "b", 1, b"x"),
        signature_of(SECRET, "a", 2, b"x"),
        signature_of(SECRET, "a", 1, b"y"),
        signature_of(SECRET[::-1], "a", 1, b"x"),
    }
    assert len(signatures) == 5


def test_the_user_in_a_url_goes_into_a_header(receiver: Receiver) -> None:
    post(f"http://ada:p%40ss@{receiver.host}/")
    scheme, _, pair = receiver.seen[0].headers["authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"ada:p@ss")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_one(receiver: Receiver, status: int) -> None:
    receiver.status = status
    post(f"http://{receiver.host}/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.status = status
    receiver.answer_headers = {"Location": f"http://{receiver.host}/elsewhere"}
    error = refusal(f"http://{receiver.host}/")
    assert str(status) in error.what
    assert "Redirects are not followed" in error.hint
    assert [seen.path for seen in receiver.seen] == ["/"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_a_refusal_says_status_and_host_and_nothing_secret(receiver: Receiver, status: int) -> None:
    receiver.status = status
    receiver.answer = b"\x1b[2Jwords of the receiver"
    error = refusal(f"http://ada:sesame@{receiver.host}/path-token?query=hidden")
    assert str(status) in error.what
    assert error.where == receiver.host
    for word in ("ada", "sesame", "path-token", "hidden", "words", "\x1b"):
        assert word not in str(error)


def test_an_answer_without_end_holds_nobody(receiver: Receiver) -> None:
    receiver.status = 200
    receiver.answer_headers = {"Content-Length": "1000000000"}
    receiver.answer = b"x" * 100_000
    receiver.is_endless.set()
    post(f"http://{receiver.host}/", timeout_seconds=30)
    assert not receiver.has_ended.is_set()


def test_silence_is_told_after_the_time_that_was_given(receiver: Receiver) -> None:
    receiver.is_silent.set()
    error = refusal(f"http://{receiver.host}/?query=hidden", timeout_seconds=0.1)
    assert "0.1 seconds" in error.what
    assert error.where == receiver.host


@contextmanager
def answering(line: bytes) -> Iterator[str]:
    """Answer one connection with these bytes, and close it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(line)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize("line", [b"", b"\x1b[2J not HTTP\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_not_http_is_told(line: bytes) -> None:
    with answering(line) as host:
        error = refusal(f"http://{host}/")
    assert error.where == host
    assert "\x1b" not in str(error)


@pytest.mark.usefixtures("receiver")
def test_a_closed_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refusal(f"http://ada:sesame@127.0.0.1:{port}/?query=hidden")
    assert "reached" in error.what
    assert error.where == f"127.0.0.1:{port}"
    assert "sesame" not in str(error)


def test_https_to_what_speaks_http_is_told(receiver: Receiver) -> None:
    assert refusal(f"https://{receiver.host}/").where == receiver.host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/hook",
        "file:///etc/passwd",
        "ftp://example.org/",
        "data:text/plain,x",
        "http://",
        "http:///path",
        "http://example.org:port/",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://[::1/",
        "http://\x1b[2J/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    error = refusal(url)
    assert str(error).isprintable()
    assert "http://" in error.what


@pytest.mark.parametrize("path", ["a b", "a\r\nX: y", "a\x00"])
def test_a_path_that_would_be_two_lines_is_no_request(receiver: Receiver, path: str) -> None:
    try:
        post(f"http://{receiver.host}/{path}")
    except WebhookError:
        assert receiver.seen == []
    else:
        assert "x" not in receiver.seen[0].headers


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\r\nX: y", "ä", "a" * 257])
def test_an_id_that_would_blur_what_is_signed_is_refused(message_id: str) -> None:
    with pytest.raises(WebhookError, match="id"):
        post_checkpoint(
            "http://127.0.0.1:9/",
            NOTE,
            message_id=message_id,
            at_us=AT_US,
            secret=None,
            timeout_seconds=1,
        )


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_is_read(length: int) -> None:
    assert parse_secret("whsec_" + b64encode(bytes(range(length))).decode()) == bytes(range(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        b64encode(SECRET).decode(),
        "whsk_" + b64encode(SECRET).decode(),
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsec_" + b64encode(SECRET).decode().rstrip("="),
        "whsec_" + b64encode(SECRET).decode() + "\n",
        "whsec_" + "ä" * 44,
    ],
)
def test_another_secret_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(WebhookError) as caught:
        parse_secret(text)
    assert len(text) < 8 or text[6:] not in str(caught.value)
    assert caught.value.__suppress_context__
