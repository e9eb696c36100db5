"""How long the keys of an issuer are believed, and how often it is asked for them."""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable

import pytest

import tokens
from doubles import FakeClock
from lineage_api.identity.fetching import IssuerUnavailableError
from lineage_api.identity.keyring import (
    COOLDOWN_SECONDS,
    DISCOVERY,
    FRESH_SECONDS,
    Keyring,
    read_issuer_keys,
)
from lineage_api.reading import Pool
from lineage_schemas.values import JsonValue
from tokens import ISSUER, ec_key, jwk, key_set

WAIT_SECONDS = 30
KEYS_URL = f"{ISSUER}/keys"


class Publisher:
    """An issuer that publishes keys, or is away, and counts how often it was asked."""

    def __init__(self, *kids: str) -> None:
        self.kids = kids
        self.asked: list[str] = []
        self.is_away = False
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        self.begun.set()
        assert self.let_go.wait(WAIT_SECONDS)
        if self.is_away:
            raise IssuerUnavailableError("It is away")
        return key_set(*(jwk(ec_key(kid), kid) for kid in self.kids))


class Setting:
    """A keyring, its issuer and its clock."""

    def __init__(self, publisher: Publisher, pool: Pool, key_seconds: int = 3_600) -> None:
        self.publisher = publisher
        self.clock = FakeClock(step_us=0)
        issuer = tokens.issuer(key_seconds=key_seconds)
        self.ring = Keyring(issuer, publisher.fetch, pool, self.clock)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now_us += int(seconds * 1_000_000)

    async def has(self, kid: str) -> bool:
        """Tell whether a key of that name is found."""
        return await self.ring.find(kid, "ES256") is not None


def play(
    publisher: Publisher, scene: Callable[[Setting], Awaitable[None]], key_seconds: int = 3_600
) -> Publisher:
    """Play a scene with an issuer; return the issuer."""

    async def run() -> None:
        pool = Pool("test", 1)
        setting = Setting(publisher, pool, key_seconds)
        try:
            await asyncio.wait_for(scene(setting), WAIT_SECONDS)
        finally:
            publisher.let_go.set()
            await setting.ring.close()
            await asyncio.to_thread(pool.close)

    asyncio.run(run())
    return publisher


def test_keys_are_fetched_once_and_remembered() -> None:
    async def scene(setting: Setting) -> None:
        assert not setting.publisher.asked
        for _ in range(9):
            assert await setting.has("a")
        setting.later(FRESH_SECONDS - 1)
        assert await setting.has("a")

    assert play(Publisher("a"), scene).asked == [KEYS_URL]


def test_many_at_once_are_one_fetch() -> None:
    async def scene(setting: Setting) -> None:
        setting.publisher.let_go.clear()
        callers = [asyncio.create_task(setting.has("a")) for _ in range(50)]
        assert await asyncio.to_thread(setting.publisher.begun.wait, WAIT_SECONDS)
        callers[0].cancel()
        setting.publisher.let_go.set()
        assert all(await asyncio.gather(*callers[1:]))

    assert len(play(Publisher("a"), scene).asked) == 1


def test_a_new_key_is_found_while_running() -> None:
    async def scene(setting: Setting) -> None:
        assert await setting.has("old")
        setting.publisher.kids = ("old", "new")
        setting.later(COOLDOWN_SECONDS)
        assert await setting.has("new")
        assert await setting.has("old")

    assert len(play(Publisher("old"), scene).asked) == 2


def test_a_flood_of_unknown_keys_is_no_flood_of_requests() -> None:
    async def scene(setting: Setting) -> None:
        for number in range(500):
            assert not await setting.has(f"unknown-{number}")
            setting.later(COOLDOWN_SECONDS / 100)

    asked = play(Publisher("a"), scene).asked
    assert len(asked) == 5


def test_a_flood_while_the_issuer_is_away_is_none_either() -> None:
    async def scene(setting: Setting) -> None:
        setting.publisher.is_away = True
        for _ in range(500):
            with pytest.raises(IssuerUnavailableError):
                await setting.has("a")
            setting.later(COOLDOWN_SECONDS / 100)
        setting.publisher.is_away = False
        setting.later(COOLDOWN_SECONDS)
        assert await setting.has("a")

    assert len(play(Publisher("a"), scene).asked) == 6


def test_a_key_that_was_removed_is_refused_once_the_keys_are_no_longer_fresh() -> None:
    async def scene(setting: Setting) -> None:
        assert await setting.has("gone")
        setting.publisher.kids = ("other",)
        setting.later(FRESH_SECONDS - 1)
        assert await setting.has("gone")
        setting.later(1)
        assert not await setting.has("gone")

    play(Publisher("gone"), scene)


def test_an_issuer_that_publishes_no_keys_any_more_has_none() -> None:
    async def scene(setting: Setting) -> None:
        assert await setting.has("a")
        setting.publisher.kids = ()
        setting.later(FRESH_SECONDS)
        assert not await setting.has("a")

    play(Publisher("a"), scene)


def test_while_the_issuer_is_away_old_keys_are_believed_for_a_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    async def scene(setting: Setting) -> None:
        assert await setting.has("a")
        setting.publisher.is_away = True
        setting.later(FRESH_SECONDS)
        assert await setting.has("a")
        setting.later(1_000 - FRESH_SECONDS - 1)
        assert await setting.has("a")
        setting.later(1)
        with pytest.raises(IssuerUnavailableError, match="cannot be reached"):
            await setting.has("a")
        setting.publisher.is_away = False
        setting.later(COOLDOWN_SECONDS)
        assert await setting.has("a")

    play(Publisher("a"), scene, key_seconds=1_000)
    assert "It is away" in caplog.text


def test_an_old_answer_does_not_count_as_young() -> None:
    """Keys are as old as the question: what was removed while it was answered is not believed."""

    async def scene(setting: Setting) -> None:
        setting.publisher.let_go.clear()
        first = asyncio.create_task(setting.has("a"))
        assert await asyncio.to_thread(setting.publisher.begun.wait, WAIT_SECONDS)
        setting.later(FRESH_SECONDS)
        setting.publisher.let_go.set()
        assert await first
        assert await setting.has("a")

    assert len(play(Publisher("a"), scene).asked) == 2


# --- where the keys are --------------------------------------------------------------------------


def discovered(document: JsonValue | bytes) -> list[str]:
    """Read the keys of an issuer with that discovery document; return what was asked."""
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        if url.endswith(DISCOVERY):
            return document if isinstance(document, bytes) else json.dumps(document).encode()
        return key_set(jwk(ec_key(), "a"))

    assert read_issuer_keys(tokens.issuer(jwks=""), fetch).find("a", "ES256")
    return asked


def test_keys_are_where_the_discovery_document_says() -> None:
    elsewhere = "https://keys.example.net/set?policy=a"
    assert discovered({"issuer": ISSUER, "jwks_uri": elsewhere}) == [
        "https://id.example.org/.well-known/openid-configuration",
        elsewhere,
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": KEYS_URL},
        {"jwks_uri": KEYS_URL},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": [KEYS_URL]},
        {"issuer": ISSUER, "jwks_uri": "http://id.example.org/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": "https://user:word@id.example.org/keys"},
        b"<html>",
        b"[]",
    ],
    ids=str,
)
def test_a_discovery_document_that_cannot_be_is_not_followed(document: JsonValue | bytes) -> None:
    with pytest.raises(IssuerUnavailableError) as caught:
        discovered(document)
    assert "word" not in str(caught.value)
