"""The access log of a ledger in PostgreSQL: for every process, and signed by the signer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from databases import clerk_of, fresh_schema, in_schema, run_behind
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, A, said
from lineage.anchoring.keys import make_signing_key
from lineage.ledger import Principal, Role, TraceQuery, open_ledger
from lineage.proofs.checkpoints import read_checkpoint
from lineage.service import Ledger
from lineage.stores.opening import access_location, has_store, open_store
from lineage_api.doctor.machine import Machine
from lineage_api.doctor.running import Asked, examine
from lineage_schemas.errors import ForbiddenError
from lineage_schemas.health import Finding, Verdict
from terminal import Terminal

CYD = Principal("cyd")
QUERY = TraceQuery(start=(A,))


@pytest.fixture
def location() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


def opened(location: str, seed: str, signing: Path | None = None) -> Ledger:
    files = (None, None) if signing is None else (signing / "a.key", signing / "a.sidecar")
    return open_ledger(
        location,
        clock=FakeClock(),
        randomness=SeededRandomness(seed),
        key=files[0],
        sidecar=files[1],
    )


def test_what_one_process_gave_an_auditor_is_there_for_the_next(location: str) -> None:
    with opened(location, "first") as first:
        first.record([said("1", OWNED)])
        first.access.grant("cyd", Role.AUDITOR, ["*"])
        first.trace(QUERY, principal=CYD)
    with opened(location, "second") as second:
        second.trace(QUERY, principal=CYD)
        told = second.access.log().records
    assert [(one.who, one.access.operation) for one in told] == [("cyd", "trace")] * 2


def test_whoever_signs_the_ledger_signs_its_access_log(location: str, tmp_path: Path) -> None:
    make_signing_key(tmp_path / "a.key", "example.org/ledger", SeededRandomness())
    with opened(location, "signer", tmp_path) as ledger:
        ledger.record([said("1", OWNED)])
        ledger.access.grant("cyd", Role.AUDITOR, ["*"])
        ledger.trace(QUERY, principal=CYD)
    assert {one.name for one in tmp_path.iterdir()} >= {"a.key.access", "a.sidecar.access"}
    beside = open_store(access_location(location), (), "never used")
    with beside.read() as reader:
        assert reader.checkpoint() is not None
    beside.close()


def test_the_signer_signs_what_others_wrote_into_the_access_log(
    location: str, tmp_path: Path
) -> None:
    make_signing_key(tmp_path / "a.key", "example.org/ledger", SeededRandomness())
    with opened(location, "signer", tmp_path) as signer:
        signer.record([said("1", OWNED)])
        signer.access.grant("cyd", Role.AUDITOR, ["*"])
        with opened(location, "other") as other:
            other.trace(QUERY, principal=CYD)
            signer.keep_accounts()
            assert signed_size(location) == size_of(location) > 0
            other.trace(QUERY, principal=CYD)
    # When it ends, too.
    assert signed_size(location) == size_of(location)


def signed_size(location: str) -> int:
    """Return how much of the access log is signed."""
    with in_schema(f"{location}_access") as connection:
        row = connection.execute(b"SELECT checkpoint FROM ledger").fetchone()
    assert row is not None
    return 0 if row[0] is None else read_checkpoint(row[0]).size


def size_of(location: str) -> int:
    """Return how many entries the access log has."""
    with in_schema(f"{location}_access") as connection:
        row = connection.execute(b"SELECT count(*) FROM entry").fetchone()
    assert row is not None
    return int(row[0])


PAGE = (Path(__file__).parents[2] / "docs" / "postgres.md").read_text()


def found(location: str) -> Finding:
    """Return what the doctor says of the access log."""
    asked = Asked({"LINEAGE_STORE": location, "LINEAGE_PORT": "0"})
    (one,) = [one for one in examine(asked, Machine()) if one.check == "access log"]
    return one


def test_the_user_of_the_page_can_account_for_auditors(location: str) -> None:
    with opened(location, "owner") as owner:
        owner.record([said("1", OWNED)])
        owner.access.grant("cyd", Role.AUDITOR, ["*"])
    with clerk_of(location, PAGE) as clerk, opened(clerk, "service") as service:
        service.record([said("2", OWNED)])
        assert service.trace(QUERY, principal=CYD).nodes
        with pytest.raises(ForbiddenError):
            service.types(principal=Principal("eve"))
        told = service.access.log(principal=CYD).records
        assert [one.access.operation for one in told] == ["trace", "read", "log"]
        assert found(clerk).verdict is Verdict.OK
        schema = location.rpartition("=")[2]
        user = conninfo_to_dict(clerk.partition("&schema=")[0])["user"]
        run_behind(location, f"REVOKE INSERT ON {schema}_access.entry FROM {user}")
        assert "INSERT on entry" in found(clerk).what
        run_behind(location, f"DROP SCHEMA {schema}_access CASCADE")
        assert found(clerk).verdict is Verdict.PROBLEM
        # The service cannot make it, and goes on with what needs none.
        with opened(clerk, "again") as again:
            assert again.record([said("3", OWNED)])
        opened(location, "owner again").close()
        assert "USAGE" in found(clerk).what
    assert found(location).verdict is Verdict.OK


def test_the_owner_upgrades_the_access_log_too_and_makes_none_of_its_own(location: str) -> None:
    opened(location, "owner").close()
    schema = location.rpartition("=")[2]
    run_behind(location, f"DROP TABLE {schema}_access.word")
    assert found(location).verdict is Verdict.PROBLEM
    opened(location, "owner").close()
    assert found(location).verdict is Verdict.OK
    opened(f"{location}_access", "auditor").close()
    assert not has_store(f"{location}_access_access")


def test_an_access_log_moves_into_a_database_after_its_ledger(
    location: str, tmp_path: Path
) -> None:
    store, beside = tmp_path / "l.db", tmp_path / "l.db.access"
    with open_ledger(store) as ledger:
        ledger.record([said("1", OWNED)])
        ledger.access.grant("cyd", Role.AUDITOR, ["*"])
        ledger.trace(QUERY, principal=CYD)
    terminal = Terminal(store)
    for one in (store, beside):
        terminal.done("export", "--store", str(one), "--final", f"{one}.jsonl")
    terminal.environment = {
        "LINEAGE_STORE": location,
        "LINEAGE_KEY": str(tmp_path / "a.key"),
        "LINEAGE_SIDECAR": str(tmp_path / "a.sidecar"),
    }
    terminal.done("import", "ledger", f"{store}.jsonl", "--key", f"{store}.key")
    there = access_location(location)
    terminal.done(
        "import", "ledger", f"{beside}.jsonl", "--key", f"{beside}.key", "--store", str(there)
    )
    with opened(location, "signer", tmp_path) as ledger:
        ledger.trace(QUERY, principal=CYD)
        assert len(ledger.access.log().records) == 2
    assert "audit     clean" in terminal.done("audit", "--store", str(there))
