"""How much one caller, and one address, may ask for; and that nobody else has to wait for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from doubles import FakeClock
from keyholders import ADA_KEY, BOB_KEY, KeyHolderDouble, bearer, let_in
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.identity.composing import Machine
from lineage_api.settings import Settings
from surface_client import SurfaceClient, problem, running

Open = Callable[..., AbstractContextManager[SurfaceClient]]
SECOND_US = 1_000_000
STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(step_us=0)


@pytest.fixture
def serve(ledger: Ledger, clock: FakeClock) -> Open:
    """Serve to whoever signs in, with some settings changed; addresses are not limited."""

    @contextmanager
    def serving(**changes: object) -> Iterator[SurfaceClient]:
        settings = Settings(**({"sign_in": "required", "address_rate": 0} | changes))  # type: ignore[arg-type]
        let_in(ledger, "ada", "bob")
        app = create_app(ledger, settings, KeyHolderDouble(), Machine(steady=clock))
        with running(app) as client:
            yield client

    return serving


def ask(client: SurfaceClient, key: str = ADA_KEY, **headers: str) -> httpx.Response:
    return client.send("GET", "/", headers=bearer(key) | headers)


def guess(client: SurfaceClient, number: int = 0, **headers: str) -> httpx.Response:
    return ask(client, f"llk_guess{number}", **headers)


def limited(response: httpx.Response, seconds: int) -> None:
    """Demand that a request came too soon, and that it is told when it may come again."""
    problem(response, 429, "rate_limited")
    assert response.headers["retry-after"] == str(seconds)


# --- principals ----------------------------------------------------------------------------------


def test_a_caller_waits_and_another_does_not(serve: Open, clock: FakeClock) -> None:
    with serve(principal_rate=0.25, principal_burst=2) as client:
        assert [ask(client).status_code for _ in range(2)] == [200, 200]
        limited(ask(client), 4)
        assert ask(client, BOB_KEY).status_code == 200
        clock.now_us += 3 * SECOND_US
        limited(ask(client), 1)
        clock.now_us += SECOND_US
        assert ask(client).status_code == 200


def test_graphql_says_it_in_its_own_words(serve: Open) -> None:
    with serve(principal_rate=1, principal_burst=1) as client:
        ask(client)
        accept = "application/graphql-response+json"
        answer = client.send("POST", "/graphql", headers=bearer(ADA_KEY) | {"Accept": accept})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


def test_the_local_principal_has_no_limit(ledger: Ledger) -> None:
    settings = Settings(principal_rate=0.001, principal_burst=1, principal_requests=1)
    with running(create_app(ledger, settings)) as client:
        assert {client.get("/").status_code for _ in range(20)} == {200}


async def slow(
    client: SurfaceClient, go_on: asyncio.Event, body: bytes, key: str
) -> httpx.Response:
    """Send a body of which the last byte waits."""

    async def content() -> AsyncIterator[bytes]:
        yield body[:-1]
        await go_on.wait()
        yield body[-1:]

    headers = bearer(key) | {"Content-Type": "application/json"}
    return await client._http.post("/api/v1/statements", content=content(), headers=headers)


def test_so_many_requests_at_once(serve: Open) -> None:
    async def scene(client: SurfaceClient) -> None:
        go_on = asyncio.Event()
        body = json.dumps(STATEMENT).encode()
        inside = [asyncio.create_task(slow(client, go_on, body, ADA_KEY)) for _ in range(3)]
        await asyncio.wait(inside, return_when=asyncio.FIRST_COMPLETED)
        refused = [one.result() for one in inside if one.done()]
        other = asyncio.create_task(slow(client, go_on, body, BOB_KEY))
        go_on.set()
        assert [one.status_code for one in refused] == [429]
        assert refused[0].headers["retry-after"] == "1"
        answers = await asyncio.gather(*inside, other)
        assert sorted(one.status_code for one in answers) == [200, 200, 200, 429]

    with serve(principal_requests=2) as client:
        client.portal.call(scene, client)
        assert [ask(client).status_code for _ in range(5)] == [200] * 5


def test_so_many_bytes_at_once(serve: Open) -> None:
    async def scene(client: SurfaceClient) -> None:
        go_on = asyncio.Event()
        body = json.dumps(STATEMENT).encode().ljust(700)
        inside = [asyncio.create_task(slow(client, go_on, body, ADA_KEY)) for _ in range(2)]
        await asyncio.wait(inside, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = (one.result() for one in inside if one.done())
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        go_on.set()
        answers = await asyncio.gather(*inside)
        assert sorted(one.status_code for one in answers) == [200, 429]
        after = await slow(client, go_on, body, ADA_KEY)
        assert after.status_code == 200

    with serve(principal_bytes=1_000) as client:
        client.portal.call(scene, client)


def test_the_limits_of_a_body_stay(serve: Open) -> None:
    with serve(batch_bytes=50) as client:
        headers = bearer(ADA_KEY) | {"Content-Type": "application/json"}
        answer = client.send("POST", "/api/v1/statements", content=b" " * 51, headers=headers)
        problem(answer, 413, "body_too_large")


# --- addresses -----------------------------------------------------------------------------------


def test_guessing_is_slow(serve: Open, clock: FakeClock) -> None:
    with serve(address_rate=0.5, address_burst=3) as client:
        assert [guess(client, number).status_code for number in range(3)] == [401] * 3
        limited(guess(client), 2)
        limited(client.get("/"), 2)
        limited(ask(client), 2)
        clock.now_us += 2 * SECOND_US
        assert guess(client).status_code == 401


def test_whoever_was_signed_in_does_not_wait_for_a_neighbour_who_guesses(serve: Open) -> None:
    with serve(address_rate=0.5, address_burst=3) as client:
        assert ask(client).status_code == 200
        for number in range(3):
            guess(client, number)
        limited(guess(client), 2)
        assert ask(client).status_code == 200
        limited(ask(client, BOB_KEY), 2)


def test_signing_in_costs_an_address_nothing(serve: Open) -> None:
    with serve(address_rate=0.5, address_burst=1) as client:
        assert ask(client).status_code == 200
        assert ask(client, BOB_KEY).status_code == 200
        assert guess(client).status_code == 401


def test_a_credential_that_is_no_longer_valid_is_no_longer_welcome(
    ledger: Ledger, clock: FakeClock
) -> None:
    keys = KeyHolderDouble()
    settings = Settings(sign_in="required", address_rate=0.5, address_burst=2)
    with running(create_app(ledger, settings, keys, Machine(steady=clock))) as client:
        assert ask(client).status_code == 200
        del keys.keys[ADA_KEY]
        assert [ask(client).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_many_guesses_at_once_are_not_free(serve: Open) -> None:
    async def scene(client: SurfaceClient) -> list[int]:
        guesses = (
            client._http.get("/", headers=bearer(f"llk_guess{number}")) for number in range(20)
        )
        return [one.status_code for one in await asyncio.gather(*guesses)]

    with serve(address_rate=0.5, address_burst=3) as client:
        found = client.portal.call(scene, client)
        assert sorted(found) == [401] * 3 + [429] * 17


def test_a_probe_that_reads_the_store_is_limited_and_one_that_does_not_is_not(serve: Open) -> None:
    with serve(address_rate=0.5, address_burst=2) as client:
        assert [client.get("/readyz").status_code for _ in range(3)] == [200, 200, 429]
        assert {client.get("/healthz").status_code for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("behind_proxy", "last"), [(False, [429, 429, 429]), (True, [401, 429, 401])]
)
def test_an_address_is_the_word_of_our_own_proxy_alone(
    serve: Open,
    *,
    behind_proxy: bool,
    last: list[int],
) -> None:
    """What the caller wrote stands before it, and what nobody asked for is not read."""
    forwarded = ("198.51.100.1", "203.0.113.9, 198.51.100.1", "198.51.100.1, 203.0.113.9")
    with serve(address_rate=0.5, address_burst=1, behind_proxy=behind_proxy) as client:
        guess(client, 0)
        answers = [guess(client, 1, **{"X-Forwarded-For": one}) for one in forwarded]
        assert [one.status_code for one in answers] == last
