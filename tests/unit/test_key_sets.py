"""Which published keys verify what: the examples of the standards, and keys that are nearly fit."""

import json

import pytest

import tokens
from lineage_api.identity.issuers import ALGORITHMS
from lineage_api.identity.key_sets import KEYS_MAX, RSA_BITS_MAX, KeySet, read_key_set
from lineage_api.identity.tokens import signature_holds
from lineage_schemas.values import JsonValue
from tokens import Object, b64, ec_key, ed_key, jwk, key_set, rsa_key

# RFC 7515, A.2.
RS256_KEY: Object = {
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
    "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5"
    "rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyx"
    "XFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB",
}
CLAIMS = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RS256_TOKEN = (
    f"eyJhbGciOiJSUzI1NiJ9.{CLAIMS}."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju"
    "jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"
    "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU"
    "TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
# RFC 7515, A.3.
ES256_KEY: Object = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
ES256_TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{CLAIMS}."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
# RFC 8037, A.2 and A.4.
EDDSA_KEY: Object = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
EDDSA_TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
# RFC 7517, A.1: one key is for encryption, the other for RS256 alone.
RFC_7517_SET: Object = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "use": "enc",
            "kid": "1",
        },
        {
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
            "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5"
            "v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
            "NLyrdkt-bFTWhAI"
            "4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        },
    ]
}


def read(*keys: JsonValue) -> KeySet:
    return read_key_set(key_set(*keys), ALGORITHMS)


def ids(keys: KeySet) -> set[tuple[str, str]]:
    return set(keys.keys)


@pytest.mark.parametrize(
    ("key", "token", "algorithm"),
    [
        (RS256_KEY, RS256_TOKEN, "RS256"),
        (ES256_KEY, ES256_TOKEN, "ES256"),
        (EDDSA_KEY, EDDSA_TOKEN, "EdDSA"),
    ],
    ids=["RFC 7515 A.2", "RFC 7515 A.3", "RFC 8037 A.4"],
)
def test_the_examples_of_the_standards_hold(key: Object, token: str, algorithm: str) -> None:
    found = read(key | {"kid": "k"}).find("k", algorithm)
    assert found is not None
    assert signature_holds(token, found, algorithm)
    start, _, signature = token.rpartition(".")
    for other in (signature[:-4] + "AAAA", "AAAA" + signature[4:], "", signature[:40]):
        assert not signature_holds(f"{start}.{other}", found, algorithm)
    for other in set(ALGORITHMS) - {algorithm}:
        assert not signature_holds(token, found, other)


def test_the_example_of_a_key_set() -> None:
    found = read_key_set(json.dumps(RFC_7517_SET).encode(), ALGORITHMS)
    assert ids(found) == {("2011-04-29", "RS256")}


def test_a_key_serves_the_algorithms_of_its_kind() -> None:
    everything = ids(read(jwk(rsa_key(), "r"), jwk(ec_key(), "c"), jwk(ed_key(), "d")))
    rsa = {("r", f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)}
    assert everything == rsa | {("c", "ES256"), ("d", "EdDSA")}
    assert ids(read_key_set(key_set(jwk(rsa_key(), "r")), ("ES256",))) == set()


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": None},
        {"alg": "RSA-OAEP"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": ["RS256"]},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"kty": "oct"},
        {"kty": "EC"},
        {"kty": "rsa"},
        {"d": "AQAB"},
        {"k": "AQAB"},
        {"n": "AQAB"},
        {"n": 17},
        {"n": None},
        {"n": "é"},
        {"e": "AA"},
        {"e": "Ag"},
        {"e": b64(b"\1" * 64)},
        {"kid": 7},
        {"kid": "k" * 257},
    ],
    ids=str,
)
def test_an_rsa_key_that_is_not_fit_is_left_out(members: Object) -> None:
    fit = jwk(ec_key(), "fit")
    assert ids(read(jwk(rsa_key(), "k") | members, fit)) == {("fit", "ES256")}


@pytest.mark.parametrize(
    "members",
    [
        {"crv": "secp256k1"},
        {"crv": "P-384"},
        {"crv": None},
        {"x": b64(b"\1" * 32)},
        {"x": b64(b"\1" * 31)},
        {"x": 7},
        {"y": None},
    ],
    ids=str,
)
def test_a_point_that_is_not_on_its_curve_is_left_out(members: Object) -> None:
    assert ids(read(jwk(ec_key(), "k") | members)) == set()


@pytest.mark.parametrize("members", [{"crv": "X25519"}, {"crv": "Ed448"}, {"x": "AAAA"}, {"x": 1}])
def test_an_edwards_key_that_is_not_fit_is_left_out(members: Object) -> None:
    assert ids(read(jwk(ed_key(), "k") | members)) == set()


def test_rsa_keys_that_are_too_short_or_too_long() -> None:
    assert ids(read(jwk(rsa_key(bits=1_024), "k"))) == set()
    long: Object = {"kty": "RSA", "n": b64(b"\xff" * (RSA_BITS_MAX // 8 + 1)), "e": "AQAB"}
    assert ids(read(long | {"kid": "k"})) == set()


def test_two_keys_of_one_name_are_none() -> None:
    first, second = jwk(rsa_key("a"), "k"), jwk(rsa_key("b"), "k", alg="RS256")
    found = ids(read(first, second, jwk(ec_key(), "k")))
    assert ("k", "RS256") not in found
    assert {("k", "PS256"), ("k", "ES256")} <= found


def test_a_key_without_a_name_is_for_tokens_that_name_none() -> None:
    found = read({name: one for name, one in jwk(ec_key(), "").items() if name != "kid"})
    assert found.find(None, "ES256") is not None
    assert found.find("", "ES256") is found.find(None, "ES256")
    assert found.find("k", "ES256") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>not found</html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": null}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [NaN]}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        key_set(*[None] * (KEYS_MAX + 1)),
    ],
    ids=lambda content: str(content[:20]),
)
def test_what_is_no_key_set_is_told(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_key_set(content, ALGORITHMS)


def test_strangers_among_the_keys_do_no_harm() -> None:
    assert ids(read(None, 7, "key", [], {}, jwk(ec_key(), "k"))) == {("k", "ES256")}
    assert ids(read()) == set()


def test_the_helper_makes_what_the_standard_shows() -> None:
    """A check of the tests' own issuer against the same examples."""
    signed = tokens.token(ec_key(), alg="ES256", kid="k")
    found = read(jwk(ec_key(), "k")).find("k", "ES256")
    assert found is not None
    assert signature_holds(signed, found, "ES256")
