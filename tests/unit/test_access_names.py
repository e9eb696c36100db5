"""No API key speaks for a name that a token, a group or this machine has."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

import tokens
from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import OWNED, said
from lineage.access import control
from lineage.access.names import RESERVED_NAMES, is_token_name, may_have_key
from lineage.ledger import Action, Ledger, Principal, Role
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage_api.identity.issuers import check_issuers
from lineage_api.identity.key_sets import read_key_set
from lineage_api.identity.tokens import TokenVerifier, TrustedIssuer
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    PreconditionError,
    UnauthenticatedError,
)

ADA = "https://id.example.org#ada"
FOREIGN = [
    ADA,
    "http://127.0.0.1:9000#ada",
    "HTTPS://ID.example.org#ada",
    "https://id.example.org##ada",
    "https:#ada",
]
PLAIN = ["ada", "ada#1", "https", "https://id.example.org", "ftp://id.example.org#ada", "a https:#"]


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Service(store, FakeClock(), SeededRandomness())


def old_key(ledger: Ledger, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a key as it was made before names were looked at."""
    with monkeypatch.context() as before:
        before.setattr(control, "check_grantee", lambda _: None)
        before.setattr(control, "check_key_name", lambda _: None)
        return ledger.access.make_key(name)[0]


@pytest.mark.parametrize("name", FOREIGN)
def test_no_key_is_made_for_the_name_of_a_token(ledger: Ledger, name: str) -> None:
    size = ledger.head().size
    with pytest.raises(InvalidInputError, match="a token of its issuer") as caught:
        ledger.access.make_key(name)
    assert caught.value.hint
    assert ledger.head().size == size
    assert ledger.access.grant(name, Role.READER, ["default"]).grantee == name


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "group:team"])
def test_no_key_is_made_for_this_machine_or_a_group(ledger: Ledger, name: str) -> None:
    with pytest.raises(InvalidInputError):
        ledger.access.make_key(name)
    assert not may_have_key(name)


@pytest.mark.parametrize("name", PLAIN)
def test_any_other_name_may_have_one(ledger: Ledger, name: str) -> None:
    assert ledger.access.authenticate(ledger.access.make_key(name)[0]).name == name


def test_whoever_signs_in_with_a_token_makes_no_key_of_that_name(ledger: Ledger) -> None:
    ledger.access.grant(ADA, Role.PRIVACY_OFFICER, ["default"])
    with pytest.raises(InvalidInputError):
        ledger.access.make_key(ADA, principal=Principal(ADA))


@pytest.mark.parametrize("name", [ADA, *sorted(RESERVED_NAMES), "group:team"])
def test_a_key_from_before_opens_nothing_and_says_so(
    ledger: Ledger, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record([said("1", OWNED)])
    if name == ADA:
        ledger.access.grant(ADA, Role.READER, ["default"])
    secret = old_key(ledger, name, monkeypatch)
    with pytest.raises(UnauthenticatedError, match="opens nothing here"):
        ledger.access.authenticate(secret)
    (view,) = ledger.access.api_keys()
    assert (view.foreign, view.in_force, view.principal) == (True, False, name)
    thief = Principal(name, key=view.key)
    for action in Action:
        assert not ledger.access.allowed(thief, action, "default")
    with pytest.raises(ForbiddenError):
        ledger.show("acme:a", principal=thief)
    # The token's own caller is let in as before.
    assert ledger.access.allowed(Principal(name), Action.READ, "default") is (name == ADA)
    assert ledger.access.revoke_api_key(view.key).revoked_by is not None
    with pytest.raises(PreconditionError):
        ledger.access.revoke_api_key(view.key)


_URLS = st.text(
    alphabet=st.sampled_from("htpsHTPS:/#?.@ 1aé\t\n"), min_size=1, max_size=12
) | st.builds(
    "{}://{}{}".format,
    st.sampled_from(["https", "http", "HTTPS", "Http", " https"]),
    st.sampled_from(["id.example.org", "127.0.0.1", "[::1]:80", "localhost"]),
    st.text(alphabet="#/?a ", max_size=4),
)


@given(_URLS, st.text(min_size=1, max_size=20))
def test_whatever_a_token_is_called_no_key_may_be(url: str, subject: str) -> None:
    """Any issuer that settings may name, and any name there."""
    issuer = tokens.issuer(issuer=url)
    with suppress(InvalidInputError):
        check_issuers((issuer,))
        key = tokens.ed_key()
        ring = _Ring(tokens.key_set(tokens.jwk(key, "k1")))
        verifier = TokenVerifier({url: TrustedIssuer(issuer, ring)}, lambda: NOON_US)
        token = tokens.token(key, tokens.claims(iss=url, sub=subject), alg="EdDSA")
        with suppress(UnauthenticatedError):
            name = asyncio.run(verifier.verify(token)).name
            assert is_token_name(name)
            assert not may_have_key(name)
            with pytest.raises(InvalidInputError):
                _EMPTY.access.make_key(name)


def test_two_issuers_never_give_one_name() -> None:
    """An empty fragment would let one issuer's address end in what divides it from names."""
    for url in ("https://id.example.org#", "https://id.example.org/#"):
        with pytest.raises(InvalidInputError, match="fragment"):
            check_issuers((tokens.issuer(issuer=url),))


class _Ring:
    """The keys of an issuer, all of them known."""

    def __init__(self, published: bytes) -> None:
        self._keys = read_key_set(published, ("EdDSA",))

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        return self._keys.find(key_id, algorithm)


_EMPTY = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
