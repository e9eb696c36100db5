from collections.abc import Callable
from pathlib import Path

import pytest

from doubles import FakeClock, SeededRandomness
from keyholders import ADA_KEY, KeyHolderDouble, bearer, let_in
from lineage.ledger import Artifact, Statement, open_ledger, restore_ledger
from lineage.projections.views import BOOKMARK
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.rest.health import FAULT_UNTOLD, check_state, unsigned_seconds_max
from lineage_api.settings import Settings
from lineage_schemas.access import Role
from lineage_schemas.errors import StoreError
from surface_client import SurfaceClient, problem, running

STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}


def test_the_process_is_alive(client: SurfaceClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_says_where_the_log_stands(client: SurfaceClient, ledger: Ledger) -> None:
    assert client.get("/readyz").json()["size"] == 0
    client.post("/api/v1/statements", STATEMENT)
    head = ledger.head()
    assert client.get("/readyz").json() == {
        "status": "ready",
        "origin": "test/origin",
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint_size": None,
        "anchored_size": None,
        "signing_fault": None,
        "anchoring_fault": None,
    }


def test_not_ready_once_the_store_is_gone(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db", clock=FakeClock(), randomness=SeededRandomness())
    with running(create_app(ledger, Settings())) as client:
        assert client.get("/readyz").status_code == 200
        ledger.close()
        problem(client.get("/readyz"), 503, "store_unavailable")
        assert client.get("/healthz").status_code == 200


def test_not_ready_once_nothing_is_written_any_more(client: SurfaceClient) -> None:
    client.surface.writer.stop()
    problem(client.get("/readyz"), 503, "store_unavailable")
    refused = client.post("/api/v1/statements", STATEMENT)
    problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "1"


def test_an_unknown_address_is_a_problem(client: SurfaceClient) -> None:
    assert problem(client.get("/nowhere"), 404, "unknown_route")["where"] == "GET /nowhere"


def test_a_wrong_method_is_a_problem(client: SurfaceClient) -> None:
    answer = client.get("/api/v1/lineage")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_a_fault_of_ours_tells_nothing_of_itself(
    client: SurfaceClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the machine room")

    monkeypatch.setattr(type(ledger), "head", fail)
    answer = client.get("/readyz")
    problem(answer, 500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8470", "127.0.0.1.evil.example", ""]
)
def test_a_host_name_of_somebody_else_is_refused(client: SurfaceClient, host: str) -> None:
    problem(client.get("/readyz", host=host), 421, "foreign_host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:8470", "[::1]", "[::1]:8470"]
)
def test_a_name_of_this_machine_is_served(client: SurfaceClient, host: str) -> None:
    assert client.get("/healthz", host=host).status_code == 200


def test_not_ready_once_it_was_told_to_stop(client: SurfaceClient) -> None:
    client.surface.stopping.set()
    refused = client.get("/readyz")
    problem(refused, 503, "overloaded")
    assert client.get("/healthz").status_code == 200
    assert client.post("/api/v1/statements", STATEMENT).status_code == 200


def test_not_ready_while_the_views_lag(client: SurfaceClient, ledger: Ledger) -> None:
    client.post("/api/v1/statements", STATEMENT)
    with ledger._store.write() as writer:
        writer.clear([BOOKMARK])
    document = problem(client.get("/readyz"), 503, "store_unavailable")
    assert "The views show 0 of" in str(document["detail"])


@pytest.mark.parametrize(("publish_seconds", "limit"), [(1.0, 60), (60.0, 600)])
def test_not_ready_once_an_entry_has_waited_too_long_for_a_signature(
    tmp_path: Path, publish_seconds: float, limit: int
) -> None:
    clock = FakeClock()
    settings = Settings(publish_seconds=publish_seconds)
    assert unsigned_seconds_max(settings) == limit
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=clock, randomness=SeededRandomness()) as ledger:
        ledger.record([Statement(id="a", source="s", records=(Artifact(key="mytool:a"),))])
        ledger.custody.checkpoint()
        ledger._intake.commit(
            [ledger.prepare([Statement(id="b", source="s", records=(Artifact(key="mytool:b"),))])]
        )
        state = ledger.custody.state()
        assert state.ledger.unsigned_us is not None
        check_state(state._replace(now_us=state.ledger.unsigned_us + limit * 1_000_000), settings)
        with pytest.raises(StoreError, match="waited for a signature"):
            check_state(
                state._replace(now_us=state.ledger.unsigned_us + limit * 1_000_000 + 1), settings
            )


PLANTED = "the disk /srv/planted is full"


def missing_entries(ledger: Ledger, path: Path) -> None:
    """Put the store back to a moment before the last checkpoint."""
    ledger.moves.back_up(path.with_name("backup.db"))
    ledger.record([Statement(id="s1", source="test", records=(Artifact(key="mytool:x"),))])
    ledger.custody.checkpoint()
    ledger.close()
    restore_ledger(path.with_name("backup.db"), path, replace=True)


def planted_sidecar(ledger: Ledger, path: Path) -> None:
    """Write something else where the sidecar was."""
    ledger.close()
    path.with_name(f"{path.name}.sidecar").write_text("garbage")


@pytest.mark.parametrize("spoil", [missing_entries, planted_sidecar])
def test_what_fails_is_told_to_an_operator_alone(
    tmp_path: Path, spoil: Callable[[Ledger, Path], None]
) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        let_in(ledger, "ops", roles=[Role.OPERATOR])
        let_in(ledger, "airflow")
        operator, machine = (ledger.access.make_key(name)[0] for name in ("ops", "airflow"))
        spoil(ledger, path)
    with (
        open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger,
        running(create_app(ledger, Settings(sign_in="required"))) as client,
    ):
        told = []
        for headers in ({}, bearer(machine), bearer(operator)):
            answer = client.send("GET", "/readyz", headers={"X-Request-Id": "same"} | headers)
            assert answer.status_code == 503
            told.append(answer.text)
            problem(answer, 503, str(answer.json()["code"]))
        assert told[0] == told[1] != told[2]
        client.surface.stopping.set()
        stopping = client.send("GET", "/readyz", headers={"X-Request-Id": "same"})
        assert stopping.text == told[0]
    assert str(tmp_path) not in told[0]
    assert not any(letter.isdigit() for letter in told[0].replace("503", ""))


def test_why_no_checkpoint_is_handed_out_is_told_to_an_operator_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        let_in(ledger, "ops", roles=[Role.OPERATOR])
        let_in(ledger, "airflow")
        operator, machine = (ledger.access.make_key(name)[0] for name in ("ops", "airflow"))
        with running(create_app(ledger, Settings(sign_in="required"))) as client:
            client.surface.publisher._anchoring.note("a folder", StoreError(PLANTED))
            for key, fault in ((machine, FAULT_UNTOLD), (operator, f"a folder: {PLANTED}.")):
                answer = client.send("GET", "/readyz", headers=bearer(key)).json()
                assert answer["anchoring_fault"] == fault


def test_to_whom_nothing_was_granted_it_is_forbidden_and_not_unready(ledger: Ledger) -> None:
    settings = Settings(sign_in="required")
    with running(create_app(ledger, settings, KeyHolderDouble())) as client:
        problem(client.send("GET", "/readyz", headers=bearer(ADA_KEY)), 403, "forbidden")
        assert client.get("/readyz").json() == {"status": "ready"}
