import pytest

from lineage_api.settings import Settings, read_settings
from lineage_schemas.errors import InvalidInputError


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


def test_an_override_is_checked_too() -> None:
    with pytest.raises(InvalidInputError, match="SURPRISE"):
        read_settings({}, surprise=1)
    with pytest.raises(InvalidInputError, match="machine"):
        read_settings({}, host="10.0.0.1")
