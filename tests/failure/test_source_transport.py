"""A source is asked over HTTP within bounds, and what opens it is told nobody."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from ssl import SSLContext
from time import perf_counter

import pytest

from asked_servers import (
    AskedHandler,
    AskedServer,
    answering,
    asked_server,
    dripping,
    raw,
    silent,
)
from certificates import certify
from lineage.clock import system_clock
from lineage.connectors.transport import (
    SourceAnswerError,
    SourceError,
    SourceMissingError,
    SourceRefusedError,
    SourceSlowError,
    SourceUnreachableError,
)
from lineage_api.outbound.connecting import Proxy, proxy_of, tls_context
from lineage_api.outbound.origins import read_origin
from lineage_api.outbound.patience import Patience
from lineage_api.outbound.transport import Access, HttpTransport
from lineage_schemas.instants import instant_of

NOW = 1_764_331_200_000_000  # 2025-11-28T12:00:00Z
SECRET = "tok-9f3b77"
PATIENCE = Patience(
    connect_seconds=2,
    read_seconds=0.4,
    total_seconds=0.8,
    attempts_max=3,
    wait_seconds_max=20,
    answer_bytes_max=10_000,
)
LONG_SECONDS = 8


class Slept(list[float]):
    """Remembers how long somebody meant to sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def slept() -> Slept:
    return Slept()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AskedServer]:
    with asked_server(monkeypatch) as running:
        yield running


def to(
    url: str, slept: Slept, *, tls: SSLContext | None = None, proxy: Proxy | None = None
) -> HttpTransport:
    """Return a transport with a token."""
    access = Access({"Authorization": f"Bearer {SECRET}"}, tls)
    return HttpTransport(
        read_origin(url),
        access,
        proxy=proxy,
        clock=lambda: NOW,
        sleep=slept,
        patience=PATIENCE,
    )


@pytest.fixture
def transport(server: AskedServer, slept: Slept) -> Iterator[HttpTransport]:
    made = to(f"http://{server.place}/base/", slept)
    yield made
    made.close()


def refuse(transport: HttpTransport, kind: type[SourceError], match: str) -> SourceError:
    """Demand that asking fails so, without the token in what is said."""
    with pytest.raises(kind, match=match) as caught:
        transport.get("/api/x", {"q": "who"})
    assert SECRET not in str(caught.value)
    assert "who" not in str(caught.value)
    assert "/base/api/x" in caught.value.where
    return caught.value


def test_questions_go_below_the_address_over_one_connection(
    server: AskedServer, transport: HttpTransport
) -> None:
    server.plays += [answering(200, b"one"), answering(200, b"two"), answering(404, b"no")]
    assert transport.get("/a", {"x": "1 & 2", "ids": ["3", "4"]}) == b"one"
    assert transport.post("/b", b'{"max":1}') == b"two"
    with pytest.raises(SourceMissingError):
        transport.get("/c", {})
    assert transport.get("/d", {}) == b"{}"
    assert [(one.method, one.path, one.body) for one in server.seen] == [
        ("GET", "/base/a?x=1+%26+2&ids=3&ids=4", b""),
        ("POST", "/base/b", b'{"max":1}'),
        ("GET", "/base/c", b""),
        ("GET", "/base/d", b""),
    ]
    assert {one.headers["authorization"] for one in server.seen} == {f"Bearer {SECRET}"}
    assert server.seen[1].headers["content-type"] == "application/json"
    assert len(server.peers) == 1
    assert transport.traffic.requests == 4
    assert transport.traffic.repeats == 0


def test_compressed_answers_are_read_within_the_limit(
    server: AskedServer, transport: HttpTransport
) -> None:
    def packed(content: bytes) -> None:
        server.plays.append(answering(200, gzip.compress(content), Content_Encoding="gzip"))

    packed(b"x" * 10_000)
    assert transport.get("/", {}) == b"x" * 10_000
    packed(b"x" * 10_001)
    refuse(transport, SourceAnswerError, "over the limit of 10000")
    server.plays.append(answering(200, b"no gzip", Content_Encoding="gzip"))
    refuse(transport, SourceAnswerError, "is not gzip")
    server.plays.append(answering(200, gzip.compress(b"x" * 999)[:-9], Content_Encoding="gzip"))
    refuse(transport, SourceAnswerError, "or was cut")
    server.plays.append(answering(200, b"?", Content_Encoding="br"))
    refuse(transport, SourceAnswerError, "not known here")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", id="announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000, id="sent"),
    ],
)
def test_an_answer_over_the_limit_is_not_read(
    server: AskedServer, transport: HttpTransport, content: bytes
) -> None:
    server.plays.append(raw(content))
    refuse(transport, SourceAnswerError, "over the limit")
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_source_that_lets_us_not_in_is_asked_once(
    server: AskedServer, transport: HttpTransport, status: int
) -> None:
    server.plays.append(answering(status, b"secrets of theirs"))
    error = refuse(transport, SourceRefusedError, "does not let us")
    assert "theirs" not in str(error)
    assert error.answer == b"secrets of theirs"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, SourceMissingError) for status in (404, 405, 410, 501)),
        *((status, SourceAnswerError) for status in (304, 400, 418)),
    ],
)
def test_other_refusals_are_told_apart(
    server: AskedServer, transport: HttpTransport, status: int, kind: type[SourceError]
) -> None:
    server.plays.append(answering(status, b"" if status == 304 else b'{"error_code":"X"}'))
    assert refuse(transport, kind, f"status {status}").status == status
    assert len(server.seen) == 1


def test_after_429_it_is_asked_again_when_it_says(
    server: AskedServer, transport: HttpTransport, slept: Slept
) -> None:
    server.plays += [answering(429, b"", Retry_After="7"), answering(503, b"")]
    assert transport.get("/", {}) == b"{}"
    assert slept == [7.0, 1.0]
    assert transport.traffic.repeats == 2


def test_a_date_to_ask_again_at_is_understood(
    server: AskedServer, transport: HttpTransport, slept: Slept
) -> None:
    at = instant_of(NOW + 9_000_000).strftime("%a, %d %b %Y %H:%M:%S GMT")
    server.plays.append(answering(429, b"", Retry_After=at))
    assert transport.get("/", {}) == b"{}"
    assert slept == [9.0]


def test_a_source_that_wants_a_long_pause_is_left_alone(
    server: AskedServer, transport: HttpTransport, slept: Slept
) -> None:
    server.plays.append(answering(429, b"", Retry_After="21"))
    assert refuse(transport, SourceSlowError, "status 429").status == 429
    assert slept == []


@pytest.mark.parametrize(("status", "times"), [(429, 3), (502, 3), (503, 3), (504, 3), (500, 2)])
def test_a_source_that_cannot_is_asked_so_often(
    server: AskedServer, transport: HttpTransport, slept: Slept, status: int, times: int
) -> None:
    server.plays += [answering(status, b"")] * 9
    refuse(transport, SourceSlowError, f"status {status}")
    assert len(server.seen) == times
    assert slept == [0.5, 1.0][: times - 1]


def test_a_connection_that_breaks_is_made_anew(
    server: AskedServer, transport: HttpTransport, slept: Slept
) -> None:
    server.plays += [raw(b""), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")]
    assert transport.get("/", {}) == b"{}"
    assert slept == [0.5, 1.0]
    server.plays += [raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")] * 3
    refuse(transport, SourceAnswerError, "stopped in the middle")
    server.plays += [raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{")] * 3
    refuse(transport, SourceUnreachableError, "broke the connection")
    server.plays += [raw(b"")] * 3
    refuse(transport, SourceUnreachableError, "broke the connection")


def test_a_connection_that_was_closed_while_idle_costs_no_patience(
    server: AskedServer, transport: HttpTransport, slept: Slept
) -> None:
    def last(handler: AskedHandler) -> None:
        answering(200, b"last")(handler)
        handler.hang_up()

    server.plays.append(last)
    assert transport.get("/", {}) == b"last"
    assert transport.get("/", {}) == b"{}"
    assert slept == []
    assert len(server.peers) == 2


def test_what_is_left_of_an_answer_is_not_the_next_one(
    server: AskedServer, transport: HttpTransport
) -> None:
    def refusing_at_length(handler: AskedHandler) -> None:
        answering(404, b"x" * 1_024 + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlies")(handler)

    server.plays.append(refusing_at_length)
    refuse(transport, SourceMissingError, "nothing at this address")
    assert transport.get("/", {}) == b"{}"


def test_what_is_no_http_is_told(server: AskedServer, transport: HttpTransport) -> None:
    server.plays.append(raw(b"220 mail.example.org ESMTP\r\n"))
    refuse(transport, SourceAnswerError, "cannot be read")
    server.plays.append(raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"))
    refuse(transport, SourceAnswerError, "cannot be read")


def test_a_source_that_says_nothing(server: AskedServer, transport: HttpTransport) -> None:
    server.plays.append(silent)
    begun = perf_counter()
    refuse(transport, SourceSlowError, "within 0.4 seconds")
    assert perf_counter() - begun < LONG_SECONDS
    assert transport.get("/", {}) == b"{}"


@pytest.mark.parametrize(
    "letters",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000, id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b" " * 999, id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 999, id="body without length"),
    ],
)
def test_a_source_that_drips_is_cut(
    server: AskedServer, transport: HttpTransport, letters: bytes
) -> None:
    server.plays.append(dripping(letters, 0.05))
    begun = perf_counter()
    refuse(transport, SourceSlowError, "within 0.8 seconds")
    assert perf_counter() - begun < LONG_SECONDS
    assert transport.get("/", {}) == b"{}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_source_is_followed(
    server: AskedServer, transport: HttpTransport, status: int
) -> None:
    server.plays.append(answering(status, b"", Location="/other?a=b"))
    assert transport.get("/", {}) == b"{}"
    assert [one.path for one in server.seen] == ["/base/", "/other?a=b"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_follows_a_redirect_to_another(
    monkeypatch: pytest.MonkeyPatch, server: AskedServer, transport: HttpTransport, status: int
) -> None:
    with asked_server(monkeypatch) as other:
        server.plays.append(answering(status, b"", Location=f"http://{other.place}/base/?k=s3"))
        error = refuse(transport, SourceAnswerError, "leads elsewhere")
        assert "s3" not in str(error)
        assert other.seen == []


def test_redirects_have_an_end_and_keep_the_question(
    server: AskedServer, transport: HttpTransport
) -> None:
    server.plays += [answering(302, b"", Location="/base/api/x")] * 9
    refuse(transport, SourceAnswerError, "more than 3 times")
    server.plays.clear()
    server.plays += [answering(308, b"", Location="/new"), answering(200, b"found")]
    assert transport.post("/old", b"{}") == b"found"
    assert server.seen[-1].method == "POST"
    assert server.seen[-1].body == b"{}"
    server.plays.append(answering(302, b"", Location="/login"))
    with pytest.raises(SourceAnswerError, match="with a redirect"):
        transport.post("/old", b"{}")


def test_nobody_listens(slept: Slept) -> None:
    refuse(to("http://127.0.0.1:9/base", slept), SourceUnreachableError, "could not be reached")
    assert slept == []


# --- TLS -----------------------------------------------------------------------------------------


def test_a_private_authority_is_believed_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slept: Slept
) -> None:
    own = certify(tmp_path, instant_of(system_clock()))
    with asked_server(monkeypatch, own) as server:
        url = f"https://{server.place}/base"
        trusting = to(url, slept, tls=tls_context(str(own.certificate)))
        assert trusting.get("/", {}) == b"{}"
        assert trusting.get("/", {}) == b"{}"
        assert len(server.peers) == 1
        error = refuse(to(url, slept), SourceUnreachableError, "not to be believed")
        assert "--ca-file" in error.hint
        trusting.close()
    assert slept == []


def test_a_client_certificate_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slept: Slept
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "client").mkdir()
    own = certify(tmp_path / "own", instant_of(system_clock()))
    client = certify(tmp_path / "client", instant_of(system_clock()))
    with asked_server(monkeypatch, own, client) as server:
        url = f"https://{server.place}/base"
        shown = tls_context(str(own.certificate), str(client.certificate), str(client.key))
        let_in = to(url, slept, tls=shown)
        assert let_in.get("/", {}) == b"{}"
        let_in.close()
        unknown = to(url, slept, tls=tls_context(str(own.certificate)))
        with pytest.raises(SourceUnreachableError):
            unknown.get("/", {})


# --- proxies -------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_asked_in_its_place(
    monkeypatch: pytest.MonkeyPatch, server: AskedServer, slept: Slept
) -> None:
    for name in ("no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://me:pa%20ss@{server.place}")
    origin = read_origin("http://tracking.example.org:5000/base")
    proxy = proxy_of(origin)
    assert proxy is not None
    assert "pa" not in repr(proxy)
    through = to(origin.url, slept, proxy=proxy)
    assert through.get("/a", {"b": "c"}) == b"{}"
    (seen,) = server.seen
    assert seen.path == "http://tracking.example.org:5000/base/a?b=c"
    assert seen.headers["host"] == "tracking.example.org:5000"
    assert seen.headers["proxy-authorization"] == "Basic bWU6cGEgc3M="
    through.close()
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy_of(origin) is None
