"""The server signs beside answering, and hands the checkpoint out; what fails is tried again."""

import logging
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from erasing import ALL, asked
from lineage.anchoring.behind import marked_fault
from lineage.anchoring.keys import load_signing_key
from lineage.anchoring.sidecar import SidecarFile
from lineage.custody import Custody
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint
from lineage.service import Ledger
from lineage.writing.submission import Principal
from lineage_api.app import create_app
from lineage_api.publishing import Publisher
from lineage_api.settings import Settings
from lineage_schemas.errors import StoreFullError
from receivers import SECRET_TEXT, receiving, signature_holds
from surface_client import SurfaceClient, running
from terminal import Terminal, more

STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}
TICKS_MAX = 1_000


def wait_for(client: SurfaceClient, **expected: object) -> dict[str, object]:
    """Ask until the server says so."""
    tick = threading.Event()
    for _ in range(TICKS_MAX):
        state: dict[str, object] = client.get("/readyz").json()
        if expected.items() <= state.items():
            return state
        tick.wait(0.01)
    raise AssertionError(f"{expected} did not come")


def wait_for_fault(client: SurfaceClient) -> str:
    """Ask until the server says that it cannot sign, and return why."""
    tick = threading.Event()
    for _ in range(TICKS_MAX):
        fault = client.get("/readyz").json()["signing_fault"]
        if fault:
            return str(fault)
        tick.wait(0.01)
    raise AssertionError("no fault came")


def notes_in(folder: Path) -> list[str]:
    """Return the sizes that were handed to a folder."""
    return sorted(path.stem.lstrip("0") for path in folder.rglob("*.checkpoint"))


# --- signing -------------------------------------------------------------------------------------


def test_what_is_written_is_signed_soon(terminal: Terminal) -> None:
    settings = Settings(publish_seconds=0.01)
    with terminal.open() as ledger, running(create_app(ledger, settings)) as client:
        terminal.clock.step_us = 0  # so that the writer itself does not find it time to sign
        for number in range(3):
            client.post("/api/v1/statements", {**STATEMENT, "id": f"s{number}"})
        state = wait_for(client, checkpoint_size=ledger.head().size)
        assert (state["status"], state["signing_fault"]) == ("ready", None)


def test_what_another_process_left_unsigned_is_signed_first(terminal: Terminal) -> None:
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings())
        with terminal.open() as other:
            terminal.clock.step_us = 0
            other.record([more(1)])
            other.record([more(2)])
            assert ledger.custody.last_checkpoint().unsigned
            publisher.sign()
            assert ledger.custody.last_checkpoint().unsigned == 0


def test_what_an_erasure_has_left_to_do_is_done_by_the_server_that_signs(
    terminal: Terminal,
) -> None:
    with terminal.open() as ledger:
        position = ledger.record([more(1)])[0].position
        assert position is not None
        with terminal.open() as other, other._store.read() as reader:
            assert reader.head().size
            assert not ledger.erasures.erase(asked(position, parts=ALL)).scrubbed
        assert not ledger.custody.state().is_scrubbed
        with running(create_app(ledger, Settings())):
            tick = threading.Event()
            for _ in range(TICKS_MAX):
                if ledger.custody.state().is_scrubbed:
                    return
                tick.wait(0.01)
    raise AssertionError("it was not scrubbed")


def test_an_erasure_that_stays_unfinished_is_logged_once(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    with terminal.open() as ledger:
        position = ledger.record([more(1)])[0].position
        assert position is not None
        publisher = Publisher(ledger, Settings())
        with terminal.open() as other, other._store.read() as reader:
            assert reader.head().size
            assert not ledger.erasures.erase(asked(position, parts=ALL)).scrubbed
            caplog.clear()
            for _ in range(3):
                publisher.finish()
        assert len(caplog.records) == 1
        publisher.finish()
        publisher.finish()
        assert [one.levelno for one in caplog.records] == [logging.ERROR, logging.WARNING]
        assert "works again" in caplog.text
        assert ledger.custody.state().is_scrubbed


def test_signing_goes_on_while_all_else_beside_the_server_takes_long(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, often = threading.Event(), threading.Event()
    turns: list[None] = []

    def sign(_: Publisher) -> None:
        turns.append(None)
        if len(turns) == 5:
            often.set()

    def take_long(_: Publisher) -> None:
        done.wait()

    for name in ("keep_accounts", "hand_out", "finish"):
        monkeypatch.setattr(Publisher, name, take_long)
    monkeypatch.setattr(Publisher, "sign", sign)
    with running(create_app(ledger, Settings(publish_seconds=0.01))):
        try:
            assert often.wait(10)
        finally:
            done.set()


def test_what_could_not_be_signed_is_tried_again_without_news(terminal: Terminal) -> None:
    key = Path(f"{terminal.store}.key")
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings())
        publisher.sign()
        away = key.rename(key.with_suffix(".away"))
        ledger.record([more(1)])
        publisher.sign()
        assert "no signing key here" in str(publisher.signing_fault)
        away.rename(key)
        publisher.sign()
        assert publisher.signing_fault is None
        assert ledger.custody.last_checkpoint().size == ledger.head().size


def test_the_last_record_of_the_access_log_is_signed_too(terminal: Terminal) -> None:
    terminal.done("access", "grant", "ada", "auditor", "--namespace", "*")
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings())
        publisher.keep_accounts()
        assert not access_log_of(terminal).exists()
        terminal.clock.step_us = 0
        for _ in range(2):
            ledger.types(principal=Principal("ada"))
        assert unsigned_accesses(terminal)
        publisher.keep_accounts()
        assert unsigned_accesses(terminal) == 0
        assert publisher.signing_fault is None


def access_log_of(terminal: Terminal) -> Path:
    return terminal.store.with_name(f"{terminal.store.name}.access")


def unsigned_accesses(terminal: Terminal) -> int:
    """Return how many records of the access log no checkpoint covers."""
    with Terminal(access_log_of(terminal)).open() as log:
        return log.custody.last_checkpoint().unsigned


def test_an_access_log_that_cannot_be_signed_is_a_fault_of_its_own(terminal: Terminal) -> None:
    terminal.done("access", "grant", "ada", "auditor", "--namespace", "*")
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings())
        ledger.types(principal=Principal("ada"))
        key = Path(f"{access_log_of(terminal)}.key")
        away = key.rename(key.with_suffix(".away"))
        ledger.types(principal=Principal("ada"))
        publisher.sign()
        publisher.keep_accounts()
        assert "signing the access log: There is no signing key" in str(publisher.signing_fault)
        away.rename(key)
        publisher.keep_accounts()
        assert publisher.signing_fault is None


def test_an_access_log_that_was_put_back_is_marked(terminal: Terminal) -> None:
    terminal.done("access", "grant", "ada", "auditor", "--namespace", "*")
    place = access_log_of(terminal)
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings())
        ledger.types(principal=Principal("ada"))
        publisher.keep_accounts()
        promise_more(place)
        publisher.keep_accounts()
        assert "missing" in str(publisher.signing_fault)
        with Terminal(place).open() as log, log._store.read() as reader:
            assert marked_fault(reader)


def promise_more(place: Path) -> None:
    """Let the sidecar say that more entries were signed than there are."""
    sidecar, key = SidecarFile(Path(f"{place}.sidecar")), load_signing_key(Path(f"{place}.key"))
    remembered = sidecar.read()
    assert remembered is not None
    assert remembered.checkpoint is not None
    assert key is not None
    signed = read_checkpoint(remembered.checkpoint.encode())
    note = sign_checkpoint(signed._replace(size=signed.size + 1), key)
    with sidecar.locked():
        sidecar.write(replace(remembered, checkpoint=note.decode()))


def test_a_new_ledger_is_not_written_to(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "new.db")
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings(anchor_directory=str(tmp_path)))
        publisher.sign()
        publisher.hand_out()
        assert ledger.head().size == 0
        assert notes_in(tmp_path) == []


def test_a_fault_is_told_and_does_not_keep_anybody_waiting(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    key = Path(f"{terminal.store}.key")
    away = key.with_suffix(".away")
    key.rename(away)
    settings = Settings(publish_seconds=0.01)
    with terminal.open() as ledger, running(create_app(ledger, settings)) as client:
        client.post("/api/v1/statements", STATEMENT)
        size = ledger.head().size
        assert "no signing key here" in wait_for_fault(client)
        assert client.get("/readyz").status_code == 200
        away.rename(key)
        wait_for(client, checkpoint_size=size, signing_fault=None)
    assert "works again" in caplog.text


def test_a_ledger_that_is_not_what_was_signed_says_so(terminal: Terminal, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.write_bytes(terminal.store.read_bytes())
    terminal.tell(more(1))
    terminal.store.write_bytes(backup.read_bytes())
    with terminal.open() as ledger, running(create_app(ledger, Settings())) as client:
        state = client.get("/readyz")
        assert (state.status_code, state.json()["code"]) == (503, "store_behind")
        assert "at least 1 are missing" in state.json()["detail"]
        assert client.get("/log/checkpoint").status_code == 503
        asked = client.post("/graphql", {"query": "{ basis { complete incompleteBecause } }"})
        basis = asked.json()["data"]["basis"]
        assert basis["complete"] is False
        assert "at least 1 are missing" in basis["incompleteBecause"][0]
        answer = client.post("/api/v1/statements", STATEMENT)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_behind")
        assert "retry-after" not in answer.headers


# --- handing out ---------------------------------------------------------------------------------


def test_a_folder_gets_each_new_checkpoint_once(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    with terminal.open() as ledger:
        publisher = Publisher(ledger, Settings(anchor_directory=str(folder)))
        publisher.hand_out()
        first = str(ledger.head().size)
        assert notes_in(folder) == [first]
        calls = counted_calls(monkeypatch)
        publisher.hand_out()
        Publisher(ledger, Settings(anchor_directory=str(folder))).hand_out()
        assert calls == []
        ledger.record([more(1)])
        ledger.custody.checkpoint()
        publisher.hand_out()
        assert notes_in(folder) == [first, str(int(first) + 1)]
        assert ledger.custody.last_checkpoint().anchored_size == int(first) + 1


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Count what is handed to folders from now on."""
    calls: list[Path] = []
    anchor = Custody.anchor_in_directory

    def counted(self: Custody, directory: Path) -> object:
        calls.append(directory)
        return anchor(self, directory)

    monkeypatch.setattr(Custody, "anchor_in_directory", counted)
    return calls


def test_a_failure_is_logged_once_and_the_newest_is_tried_again(
    terminal: Terminal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "archive"
    with terminal.open() as ledger, caplog.at_level(logging.WARNING, "lineage_api.publishing"):
        publisher = Publisher(ledger, Settings(anchor_directory=str(folder)))
        publisher.hand_out()
        publisher.hand_out()
        assert str(folder) in str(publisher.anchoring_fault)
        assert len(caplog.records) == 1
        ledger.record([more(1)])
        ledger.custody.checkpoint()
        folder.mkdir()
        publisher.hand_out()
        publisher.hand_out()
        assert publisher.anchoring_fault is None
        assert notes_in(folder) == [str(ledger.head().size)]
        assert [record.getMessage()[-11:] for record in caplog.records[1:]] == ["works again"]


def test_one_that_fails_does_not_hold_up_the_other(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(monkeypatch) as receiver, terminal.open() as ledger:
        receiver.status = 503
        settings = Settings(
            anchor_directory=str(tmp_path),
            anchor_webhook=f"http://{receiver.host}/hook?token=abc",
            anchor_webhook_secret=SECRET_TEXT,
        )
        publisher = Publisher(ledger, settings, terminal.clock)
        publisher.hand_out()
        assert notes_in(tmp_path) == [str(ledger.head().size)]
        fault = str(publisher.anchoring_fault)
        assert "status 503" in fault
        assert "token" not in fault
        assert SECRET_TEXT not in fault
        receiver.status = 204
        publisher.hand_out()
        publisher.hand_out()
        first, second = receiver.seen
        assert publisher.anchoring_fault is None
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert signature_holds(first)
    assert signature_holds(second)


def test_a_running_server_hands_out_and_says_how_far(terminal: Terminal, tmp_path: Path) -> None:
    settings = Settings(publish_seconds=0.01, anchor_seconds=0.01, anchor_directory=str(tmp_path))
    with terminal.open() as ledger, running(create_app(ledger, settings)) as client:
        client.post("/api/v1/statements", STATEMENT)
        size = ledger.head().size
        wait_for(client, checkpoint_size=size, anchored_size=size, anchoring_fault=None)
        assert str(size) in notes_in(tmp_path)


def test_a_fault_of_ours_does_not_end_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Event()
    head = Ledger.head
    sign = Publisher.sign

    def fail(self: Publisher) -> None:
        if not broken.is_set():
            broken.set()
            raise RuntimeError("a wheel came off")
        sign(self)

    monkeypatch.setattr(Publisher, "sign", fail)
    settings = Settings(publish_seconds=0.01)
    with terminal.open() as ledger, running(create_app(ledger, settings)) as client:
        client.post("/api/v1/statements", STATEMENT)
        wait_for(client, checkpoint_size=head(ledger).size)
    assert broken.is_set()
    assert "a wheel came off" in caplog.text


def test_a_sidecar_that_fails_is_a_fault_and_no_error(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal.open() as ledger, running(create_app(ledger, Settings())) as client:
        wait_for(client, checkpoint_size=ledger.head().size)

        def fail(_: Custody, **__: object) -> object:
            raise StoreFullError("There is no room left")

        monkeypatch.setattr(Custody, "last_checkpoint", fail)
        state = client.get("/readyz")
        assert state.status_code == 200
        assert "There is no room left." in state.json()["signing_fault"]
        assert state.json()["checkpoint_size"] is None
