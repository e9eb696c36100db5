"""Which settings would let somebody in who should not get in, and are refused at the start."""

import pytest

from lineage_api.identity.issuers import ISSUERS_MAX
from lineage_api.reach import own_names
from lineage_api.settings import Settings, check_settings, read_settings
from lineage_schemas.errors import InvalidInputError
from tokens import ISSUER, issuer

TLS = {"tls_certificate": "c.pem", "tls_key": "k.pem"}
NAMES = ("ledger.example.org",)
ANY = "0.0.0.0"  # noqa: S104 - what it takes to listen there is the point


def settings(**changes: object) -> Settings:
    return Settings(**({"sign_in": "required"} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sign_in": "local"},
        {"sign_in": "local"} | TLS,
        {"hosts": NAMES},
        {"host": "192.0.2.1"} | TLS,
        {"host": "192.0.2.1", "behind_proxy": True},
        {"host": "ledger.example.org"} | TLS,
        {"host": ANY, "hosts": NAMES} | TLS,
        {"host": "::", "hosts": NAMES, "behind_proxy": True},
        {"hosts": ("192.0.2.1", "2001:db8::1", "a_b.internal", "LEDGER.example")},
        {"issuers": (issuer(),)},
        {"issuers": (issuer(), issuer(issuer=f"{ISSUER}/tenant"))},
        {"issuers": (issuer(issuer="http://localhost:8080/realm", jwks=""),)},
        {"issuers": (issuer(jwks="https://keys.example/set?policy=a"),)},
    ],
    ids=str,
)
def test_what_may_be(changes: dict[str, object]) -> None:
    check_settings(settings(**changes))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sign_in": "local", "host": "192.0.2.1"}, "this machine"),
        ({"sign_in": "local", "host": "192.0.2.1"} | TLS, "this machine"),
        ({"sign_in": "local", "host": ANY, "behind_proxy": True}, "this machine"),
        ({"sign_in": "local", "behind_proxy": True}, "behind_proxy"),
        ({"sign_in": "local", "hosts": NAMES}, "hosts"),
        ({"sign_in": "local", "issuers": (issuer(),)}, "issuers"),
        ({"host": "192.0.2.1"}, "tls_certificate"),
        ({"host": "ledger.example.org"}, "tls_certificate"),
        ({"host": ""}, "listens somewhere"),
        ({"host": ANY} | TLS, "hosts"),
        ({"host": "::", "behind_proxy": True}, "hosts"),
        ({"tls_certificate": "c.pem"}, "TLS"),
        ({"tls_key": "k.pem"}, "TLS"),
        ({"hosts": ("*",)}, "no name"),
        ({"hosts": ("*.example.org",)}, "no name"),
        ({"hosts": ("https://ledger.example.org",)}, "no name"),
        ({"hosts": ("ledger.example.org:443",)}, "no name"),
        ({"hosts": ("[::1]",)}, "no name"),
        ({"hosts": ("",)}, "no name"),
        ({"hosts": NAMES * 101}, "100 names"),
        ({"principal_rate": -1}, "principal_rate"),
        ({"principal_burst": 0}, "principal_burst"),
        ({"address_burst": 0}, "address_burst"),
        ({"principal_requests": -1}, "principal_requests"),
        ({"principal_bytes": -1}, "principal_bytes"),
        ({"issuers": (issuer(audiences=()),)}, "audience"),
        ({"issuers": (issuer(audiences=("",)),)}, "audience"),
        ({"issuers": (issuer(algorithms=()),)}, "algorithms"),
        ({"issuers": (issuer(algorithms=("none",)),)}, "algorithms"),
        ({"issuers": (issuer(algorithms=("RS256", "HS256")),)}, "algorithms"),
        ({"issuers": (issuer(types=("logout+jwt",)),)}, "types"),
        ({"issuers": (issuer(types=()),)}, "types"),
        ({"issuers": (issuer(principal_claim=""),)}, "claim"),
        ({"issuers": (issuer(token_seconds=0),)}, "token_seconds"),
        ({"issuers": (issuer(key_seconds=10**9),)}, "key_seconds"),
        ({"issuers": (issuer(), issuer())}, "twice"),
        (
            {"issuers": tuple(issuer(issuer=f"{ISSUER}/{n}") for n in range(ISSUERS_MAX + 1))},
            "at most",
        ),
    ]
    + [
        ({"issuers": (issuer(**{name: url}),)}, "https")
        for name in ("issuer", "jwks")
        for url in (
            "http://id.example.org",
            "http://127.0.0.1.example.org",
            "ftp://id.example.org",
            "file:///etc/passwd",
            "id.example.org",
            "https://",
            "https://user@id.example.org",
            "https://user:word@id.example.org",
            "https://id.example.org#fragment",
            "https://id.example.org/\n",
            "https://ïd.example.org",
            "https://id.example.org:99999",
            "https://[::1",
            "https://id.example.org/" + "a" * 300,
        )
    ]
    + [({"issuers": (issuer(issuer=f"{ISSUER}?tenant=a"),)}, "https")],
    ids=str,
)
def test_what_may_not_be(changes: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidInputError, match=word) as caught:
        check_settings(settings(**changes))
    assert ":word" not in str(caught.value)


def test_signing_in_comes_from_the_environment() -> None:
    environ = {
        "LINEAGE_SIGN_IN": "required",
        "LINEAGE_HOSTS": "ledger.example.org, 192.0.2.1",
        "LINEAGE_HOST": ANY,
        "LINEAGE_BEHIND_PROXY": "true",
        "LINEAGE_ISSUERS": '[{"issuer": "https://id.example.org", "audiences": ["ledger"], '
        '"groups_claim": "groups"}]',
        "LINEAGE_PRINCIPAL_RATE": "12.5",
    }
    found = read_settings(environ)
    assert (found.sign_in, found.hosts) == ("required", ("ledger.example.org", "192.0.2.1"))
    assert found.behind_proxy
    assert found.principal_rate == 12.5
    (one,) = found.issuers
    assert (one.issuer, one.audiences, one.groups_claim) == (ISSUER, ("ledger",), "groups")
    assert (one.algorithms, one.principal_claim) == (("RS256", "ES256"), "sub")


@pytest.mark.parametrize(
    "environ",
    [
        {"LINEAGE_SIGN_IN": "never"},
        {"LINEAGE_SIGN_IN": ""},
        {"LINEAGE_SIGN_IN": "required", "LINEAGE_ISSUERS": "https://id.example.org"},
        {"LINEAGE_SIGN_IN": "required", "LINEAGE_ISSUERS": '[{"issuer": "https://a.example"}]'},
        {
            "LINEAGE_SIGN_IN": "required",
            "LINEAGE_ISSUERS": '[{"issuer": "https://a.example", "audience": ["x"]}]',
        },
    ],
    ids=str,
)
def test_signing_in_that_cannot_be_read_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        read_settings(environ)


def test_the_names_of_a_server() -> None:
    assert own_names(settings(hosts=("LEDGER.example.", "2001:DB8:0::1"), host="192.0.2.1")) == {
        "ledger.example",
        "2001:db8::1",
        "192.0.2.1",
    }
    assert own_names(settings(host=ANY, hosts=NAMES)) == set(NAMES)
