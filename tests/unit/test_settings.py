import pytest

from lineage_api.settings import Settings, read_settings, webhook_secret
from lineage_schemas.errors import InvalidInputError, LedgerError

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert (Settings().store, Settings().host, Settings().port) == ("lineage.db", "127.0.0.1", 8470)


def test_the_environment_and_then_the_caller() -> None:
    environ = {"LINEAGE_STORE": "a.db", "LINEAGE_PORT": "9", "HOME": "x", "LINEAGE_HOST": "::1"}
    assert read_settings(environ) == Settings(store="a.db", port=9, host="::1")
    overridden = read_settings(environ, store="b.db", port=None, host="localhost")
    assert overridden == Settings(store="b.db", port=9, host="localhost")


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({"LINEAGE_STOER": "x"}, "LINEAGE_STOER"),
        ({"LINEAGE_PORT": "many"}, "port"),
        ({"LINEAGE_PORT": "65536"}, "65536"),
        ({"LINEAGE_PORT": "-1"}, "-1"),
        ({"LINEAGE_READER_THREADS": "0"}, "reader_threads"),
        ({"LINEAGE_EVENT_BYTES": "99999999999"}, "event_bytes"),
        ({"LINEAGE_HOST": "0.0.0.0"}, "0.0.0.0"),  # noqa: S104 - that it is refused is the point
        ({"LINEAGE_HOST": "::"}, "::"),
        ({"LINEAGE_HOST": "192.168.1.1"}, "192.168.1.1"),
        ({"LINEAGE_HOST": "ledger.example"}, "ledger.example"),
        ({"LINEAGE_HOST": ""}, "host"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(environ: dict[str, str], where: str) -> None:
    with pytest.raises(InvalidInputError, match=where.replace(".", r"\.")):
        read_settings(environ)


def test_signing_and_anchoring_are_settings() -> None:
    environ = {
        "LINEAGE_KEY": "a.key",
        "LINEAGE_SIDECAR": "b",
        "LINEAGE_PUBLISH_SECONDS": "0.5",
        "LINEAGE_ANCHOR_SECONDS": "5",
        "LINEAGE_ANCHOR_DIRECTORY": "/archive",
        "LINEAGE_ANCHOR_WEBHOOK": "https://example.org/hook",
        "LINEAGE_ANCHOR_WEBHOOK_SECRET": SECRET,
    }
    settings = read_settings(environ)
    assert (settings.key, settings.sidecar) == ("a.key", "b")
    assert (settings.publish_seconds, settings.anchor_seconds) == (0.5, 5)
    assert webhook_secret(settings) == bytes(range(32))
    assert webhook_secret(Settings()) is None


def test_a_secret_never_shows() -> None:
    url = "https://user:word@example.org/hook?token=abc"
    settings = Settings(anchor_webhook=url, anchor_webhook_secret=SECRET)
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert [word for word in ("word", "token", SECRET) if word in shown] == []
        assert "port=8470" in shown
    for wrong in ("my-secret-word", "whsec_my-secret-word"):
        environ = {"LINEAGE_ANCHOR_WEBHOOK": url, "LINEAGE_ANCHOR_WEBHOOK_SECRET": wrong}
        with pytest.raises(LedgerError) as caught:
            read_settings(environ)
        assert "my-secret" not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "environ",
    [
        {"LINEAGE_ANCHOR_WEBHOOK": "ftp://example.org"},
        {"LINEAGE_ANCHOR_WEBHOOK": "nonsense"},
        {"LINEAGE_ANCHOR_WEBHOOK_SECRET": SECRET},
        {"LINEAGE_PUBLISH_SECONDS": "0"},
        {"LINEAGE_PUBLISH_SECONDS": "nan"},
        {"LINEAGE_PUBLISH_SECONDS": "often"},
        {"LINEAGE_ANCHOR_SECONDS": "-1"},
        {"LINEAGE_ANCHOR_SECONDS": "inf"},
    ],
    ids=str,
)
def test_anchors_that_cannot_be_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(LedgerError):
        read_settings(environ)


def test_what_a_verifier_trusts_is_no_setting_and_no_mistake() -> None:
    assert read_settings({"LINEAGE_VERIFIER_KEY": "a+b+c"}) == Settings()


def test_an_override_is_checked_too() -> None:
    with pytest.raises(InvalidInputError, match="--surprise"):
        read_settings({}, surprise=1)
    with pytest.raises(InvalidInputError, match="machine"):
        read_settings({}, host="10.0.0.1")


def test_revoked_keys_are_named_by_their_public_ids() -> None:
    one, other = "0123456789abcdef", "fedcba9876543210"
    settings = read_settings({"LINEAGE_REVOKED_KEYS": f"{one},{other}"})
    assert settings.revoked_keys == (one, other)
    whole = f"llk_{one}_{one * 4}"
    for wrong in (whole, one[1:], one.upper(), "all"):
        with pytest.raises(InvalidInputError, match=r"revoked_keys\[1\]") as refused:
            read_settings({"LINEAGE_REVOKED_KEYS": f"{one},{wrong}"})
        assert wrong not in str(refused.value)
