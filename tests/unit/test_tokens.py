"""Which tokens are believed: one good one, and everything that is nearly one."""

import asyncio
import json
import logging

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

import tokens
from doubles import FakeClock
from lineage.writing.submission import Principal
from lineage_api.identity.issuers import Issuer
from lineage_api.identity.key_sets import KeySet, read_key_set
from lineage_api.identity.tokens import (
    GROUPS_MAX,
    SKEW_SECONDS,
    TOKEN_LENGTH_MAX,
    TokenVerifier,
    TrustedIssuer,
)
from lineage_schemas.errors import UnauthenticatedError
from lineage_schemas.values import JsonValue
from tokens import AUDIENCE, ISSUER, NOON, Key, b64, claims, ec_key, ed_key, jwk, rsa_key, token

KEY = rsa_key()
ALL = (
    jwk(KEY, "k1"),
    jwk(rsa_key("other"), "k2", alg="PS256"),
    jwk(ec_key(), "ec"),
    jwk(ed_key(), "ed"),
)


class Shelf:
    """Keys that are there, and a count of how often somebody looked."""

    def __init__(self, keys: KeySet) -> None:
        self.keys = keys
        self.looked = 0

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        self.looked += 1
        return self.keys.find(key_id, algorithm)


def shelf(*published: JsonValue) -> Shelf:
    algorithms = tokens.issuer().algorithms
    return Shelf(read_key_set(tokens.key_set(*(published or ALL)), algorithms))


def verifier(*issuers: Issuer, keys: Shelf | None = None) -> TokenVerifier:
    trusted = issuers or (tokens.issuer(),)
    keys = keys or shelf()
    return TokenVerifier(
        {one.issuer: TrustedIssuer(one, keys) for one in trusted}, FakeClock(step_us=0)
    )


def verify(text: str, *issuers: Issuer, keys: Shelf | None = None) -> Principal:
    return asyncio.run(verifier(*issuers, keys=keys).verify(text))


def refuse(text: str, *issuers: Issuer, keys: Shelf | None = None) -> None:
    """Demand a refusal, which is the same for whatever is wrong and shows nothing of the token."""
    with pytest.raises(UnauthenticatedError) as caught:
        verify(text, *issuers, keys=keys)
    assert str(caught.value) == ("This credential is not valid here. Ask its issuer for a new one.")
    assert caught.value.__suppress_context__


def test_a_good_token_names_its_caller() -> None:
    assert verify(token(KEY)) == Principal(f"{ISSUER}#ada")


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [
        (KEY, "RS256", "k1"),
        (KEY, "PS256", "k1"),
        (ec_key(), "ES256", "ec"),
        (ed_key(), "EdDSA", "ed"),
    ],
)
def test_each_algorithm_that_is_allowed_works(key: Key, alg: str, kid: str) -> None:
    good = token(key, alg=alg, kid=kid)
    assert verify(good).name == f"{ISSUER}#ada"
    refuse(good, tokens.issuer(algorithms=tuple({"RS256", "ES256"} - {alg})))


# --- the signature -------------------------------------------------------------------------------


def test_no_signature_is_none() -> None:
    header = b64(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    body = b64(json.dumps(claims()).encode())
    signature = token(KEY).rpartition(".")[2]
    for text in (f"{header}.{body}.", f"{header}.{body}.{signature}", f"{header}.{body}"):
        refuse(text)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "rs256"])
def test_an_algorithm_is_never_the_tokens_word(alg: str) -> None:
    refuse(tokens.assemble(json.dumps({"alg": alg, "kid": "k1"}).encode(), None, KEY, "RS256"))


def test_a_public_key_is_no_shared_secret() -> None:
    public = KEY.public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        json.dumps(jwk(KEY, "k1")).encode(),
        b"",
    ):
        refuse(tokens.keyed_hash(secret))


def test_a_key_serves_no_other_algorithm() -> None:
    """``k2`` is published for PS256 alone, and an elliptic key is no RSA key."""
    assert verify(token(rsa_key("other"), alg="PS256", kid="k2")).name
    refuse(token(rsa_key("other"), alg="RS256", kid="k2"))
    refuse(token(KEY, alg="RS256", kid="ec"))


def test_a_foreign_key_signs_nothing() -> None:
    refuse(token(rsa_key("foreign")))


def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    foreign = rsa_key("foreign")
    for header in (
        {"jwk": jwk(foreign, "k1")},
        {"jku": "http://127.0.0.1:1/keys"},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"x5c": ["AAAA"]},
    ):
        refuse(token(foreign, **header))
        assert verify(token(KEY, **header)).name


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "../../etc/passwd",
        "k1' OR '1'='1",
        "k1\x00",
        "K1",
        "https://evil.example/keys",
        "k" * 999,
    ],
)
def test_a_key_id_is_a_name_and_nothing_more(kid: str) -> None:
    refuse(token(KEY, kid=kid))


@pytest.mark.parametrize("kid", [1, ["k1"], {"kid": "k1"}, True])
def test_a_key_id_is_text(kid: JsonValue) -> None:
    refuse(token(KEY, kid=kid))


def test_without_a_key_id_the_only_key_is_meant() -> None:
    assert verify(token(KEY, kid=None), keys=shelf(jwk(KEY, "k1"))).name
    refuse(token(KEY, alg="PS256", kid=None))


# --- the header ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": True},
        {"b64": True},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "application/secevent+jwt"},
        {"typ": ["JWT"]},
        {"typ": ""},
    ],
    ids=str,
)
def test_a_header_that_demands_more_is_refused(header: dict[str, JsonValue]) -> None:
    refuse(token(KEY, **header))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", None])
def test_types_of_tokens_that_speak_for_somebody(kind: str | None) -> None:
    assert verify(token(KEY, typ=kind)).name


def test_an_issuer_can_be_held_to_access_tokens() -> None:
    strict = tokens.issuer(types=("at+jwt",))
    assert verify(token(KEY, typ="at+jwt"), strict).name
    refuse(token(KEY), strict)
    refuse(token(KEY, typ=None), strict)


# --- the claims ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"},
        {"aud": ["somebody", "else"]},
        {"aud": []},
        {"aud": None},
        {"aud": ["ledger", 1]},
        {"aud": {"ledger": 1}},
        {"aud": "ledge"},
        {"aud": "Ledger"},
        {"iss": "https://id.example.com"},
        {"iss": f"{ISSUER}/"},
        {"iss": ISSUER.upper()},
        {"iss": None},
        {"iss": [ISSUER]},
        {"exp": None},
        {"exp": NOON - SKEW_SECONDS},
        {"exp": str(NOON + 600)},
        {"exp": True},
        {"exp": 10**400},
        {"exp": NOON + 86_400 + SKEW_SECONDS + 1},
        {"exp": NOON + 86_400 + SKEW_SECONDS + 1, "iat": None},
        {"nbf": NOON + SKEW_SECONDS + 1},
        {"nbf": "now"},
        {"iat": NOON + SKEW_SECONDS + 1},
        {"iat": NOON - 86_400},
        {"iat": [NOON]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["ada"]},
        {"sub": "a" * 256},
    ],
    ids=str,
)
def test_a_claim_that_is_not_as_it_must_be(changes: dict[str, JsonValue]) -> None:
    refuse(token(KEY, claims(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["somebody", AUDIENCE]},
        {"exp": NOON - SKEW_SECONDS + 1},
        {"exp": NOON + 0.5},
        {"nbf": NOON + SKEW_SECONDS},
        {"iat": NOON + SKEW_SECONDS},
        {"iat": None},
        {"sub": "a" * 255},
        {"sub": "b#c"},
        {"jti": 7, "scope": "anything"},
    ],
    ids=str,
)
def test_claims_on_the_right_side_of_the_border(changes: dict[str, JsonValue]) -> None:
    assert verify(token(KEY, claims(**changes))).name


@pytest.mark.parametrize(
    "name",
    [
        "ada\u202e",
        "a\u200bda",
        "ada\n",
        " ada",
        "ada ",
        "a\u0301da",
        "ada\u0000",
        "\ud800",
        "ada\u00a0",
        "\ufeffada",
    ],
    ids=ascii,
)
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    refuse(token(KEY, claims(sub=name)))


def test_letters_that_look_alike_are_two_people() -> None:
    names = {
        verify(token(KEY, claims(sub=name))).name for name in ("ada", "\u0430da", "Ada", "\u00e1da")
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    "body",
    [
        b'{"iss": "https://id.example.org", "aud": "ledger", "exp": %d, "sub": "a", "sub": "e"}',
        b'{"sub": "ada", "iss": "https://id.example.org", "aud": "x", "aud": "ledger", "exp": %d}',
        b'{"iss": "https://id.example.org", "aud": "ledger", "exp": NaN, "sub": "ada", "n": %d}',
        b'["https://id.example.org", %d]',
        b'{"iss": "https://id.example.org", "aud": "ledger", "exp": %d, "sub": "ada"}}',
        b'{"iss": "https://id.example.org", "aud": "ledger", "exp": %d, "sub": "ada\xff"}',
        b"[" * 5_000 + b"%d",
    ],
    ids=["sub twice", "aud twice", "NaN", "a list", "too long", "no UTF-8", "deep"],
)
def test_claims_of_more_than_one_meaning_are_refused(body: bytes) -> None:
    refuse(token(KEY, body % (NOON + 600)))


def test_a_header_of_more_than_one_meaning_is_refused() -> None:
    header = b'{"alg": "RS256", "kid": "k2", "kid": "k1"}'
    refuse(tokens.assemble(header, None, KEY, "RS256"))
    assert verify(tokens.assemble(b'{"alg": "RS256", "kid": "k1"}', None, KEY, "RS256")).name


def test_an_email_address_must_have_been_verified() -> None:
    by_mail = tokens.issuer(principal_claim="email")
    said = claims(email="ada@example.org")
    for verified in (None, False, "true", 1):
        refuse(token(KEY, said | {"email_verified": verified}), by_mail)
    good = verify(token(KEY, said | {"email_verified": True}), by_mail)
    assert good.name == f"{ISSUER}#ada@example.org"


# --- who it is -----------------------------------------------------------------------------------


def test_two_issuers_with_one_sub_are_two_callers() -> None:
    """Even where one of them names its callers so as to be taken for the other's."""
    keys = shelf()
    first, second = "https://a.example", "https://a.example/b"
    both = (tokens.issuer(issuer=first), tokens.issuer(issuer=second))
    found = [
        verify(token(KEY, claims(iss=name, sub=sub)), *both, keys=keys).name
        for name, sub in ((first, "ada"), (second, "ada"), (first, "/b#ada"), (first, "b#ada"))
    ]
    assert len(set(found)) == 4


def test_groups_belong_to_their_issuer() -> None:
    grouped = tokens.issuer(groups_claim="groups")
    said = claims(groups=["auditors", "admins"])
    assert verify(token(KEY, said), grouped).groups == {f"{ISSUER}#auditors", f"{ISSUER}#admins"}
    assert verify(token(KEY, claims(groups="one")), grouped).groups == {f"{ISSUER}#one"}
    assert verify(token(KEY), grouped).groups == frozenset()
    assert verify(token(KEY, said)).groups == frozenset()
    for wrong in ({"a": 1}, [1], 7, ["a\u200b"], [""], ["g"] * (GROUPS_MAX + 1)):
        refuse(token(KEY, claims(groups=wrong)), grouped)  # type: ignore[arg-type]


# --- bytes that are no token ---------------------------------------------------------------------


def test_a_token_that_is_too_long_is_not_read() -> None:
    long = token(KEY, claims(padding="x" * TOKEN_LENGTH_MAX))
    refuse(long)
    assert verify(token(KEY, claims(padding="x" * 5_000))).name


@given(st.data())
def test_no_token_survives_being_cut_or_changed(data: st.DataObject) -> None:
    good = token(KEY, alg="RS256")
    cut = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.sampled_from("ABab01-_.=+/ \u0131"))
    for text in (
        good[:cut],
        good[:cut] + letter + good[cut + 1 :],
        good[:cut] + letter + good[cut:],
    ):
        if text != good:
            refuse(text)


@given(st.text(max_size=200))
def test_text_is_no_token(text: str) -> None:
    refuse(text)


def test_what_cannot_be_valid_costs_no_look_for_a_key() -> None:
    keys = shelf()
    for text in (
        "a.b.c",
        token(KEY, claims(exp=NOON - 999)),
        token(KEY, claims(aud="x")),
        token(KEY, alg="HS256"),
    ):
        refuse(text, keys=keys)
    assert keys.looked == 0


def test_the_log_says_why_and_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bad = token(KEY, claims(sub="planted-secret", exp=NOON - 999))
    refuse(bad)
    assert "has expired" in caplog.text
    assert "planted-secret" not in caplog.text
    assert not any(part in caplog.text for part in bad.split("."))
