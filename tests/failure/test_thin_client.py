"""The thin client and a ledger that is slow, down and back: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

import tree
from lineage_client import ClientError, Ledger, Patience, Spool, SpoolFullError
from live_server import LiveServer, live_server
from scripted_wires import ScriptedWire, Weather, scripted_wire

PATIENCE: Final = Patience(attempts=2, attempt_seconds=0.6, pause_seconds=0.01)
CLIENT: Final = tree.ROOT / "packages" / "lineage-client" / "src"
WRITERS: Final = 3
RUNS: Final = 8

WRITER: Final = """
import sys
from lineage_client import Ledger, Patience
url, spool, name, runs = sys.argv[1:]
ledger = Ledger(url, spool=spool, patience=Patience(1, 0.5, 0.01))
for number in range(int(runs)):
    with ledger.run("train", run_id=f"{name}-{number}", commit="0" * 40) as run:
        run.output(f"uri:s3://bucket/{name}/{number}")
    print(f"{name}-{number}", flush=True)
"""


TOGETHER: Final = """
import os, sys, threading
from lineage_client import Ledger
url, spool = sys.argv[1:]
ledger = Ledger(url, source="together", spool=spool)
with ledger.run("train", kind="train", run_id="shared", commit="0" * 40) as run:
    def say(name):
        for number in range(5):
            run.input(f"uri:s3://{name}/{number}")
    threads = [threading.Thread(target=say, args=(name,)) for name in "abcd"]
    [one.start() for one in threads]
    [one.join() for one in threads]
    run.metric("loss", 0.5, 1)
    child = os.fork()
    if child == 0:
        run.input("uri:s3://child")
        sys.exit(3)
    os.waitpid(child, 0)
again = Ledger(url, source="together", spool=spool)
with again.run("train", kind="train", run_id="shared", commit="0" * 40) as run:
    run.output("uri:s3://model")
ledger.flush()
print(f"{ledger.lost + again.lost} lost, {len(ledger.spool.waiting())} waiting")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("ledger")) as one:
        yield one


@pytest.fixture
def wire(server: LiveServer) -> Iterator[ScriptedWire]:
    with scripted_wire(server.url) as one:
        yield one


def statements(server: LiveServer, source: str) -> Counter[str]:
    """Count the entries of a source by the ids of their statements."""
    found: Counter[str] = Counter()
    position: object = "0"
    query = """query ($from: Int64!) {
      entries(from: $from, first: 1000) { nextPosition entries { statement source } } }"""
    while position is not None:
        page = server.ask(query, **{"from": str(position)})["entries"]
        assert isinstance(page, dict)
        listed = page["entries"]
        assert isinstance(listed, list)
        for one in listed:
            assert isinstance(one, dict)
            if one["source"] == source:
                found[told_of(str(one["statement"]))] += 1
        position = page["nextPosition"]
    return found


def told_of(statement: str) -> str:
    """Leave out of an id who told it: each process and each ``Run`` counts for itself."""
    run_id, _, number = statement.removeprefix("run/").rsplit("/", 2)
    return f"run/{run_id}/{number}"


def ids_of(run_id: str, count: int) -> set[str]:
    return {f"run/{run_id}/{number}" for number in range(1, count + 1)}


def tell(ledger: Ledger, run_id: str) -> set[str]:
    """Tell of one run in five statements: begun, two inputs, one output, over."""
    with ledger.run("train", run_id=run_id, inputs=["uri:s3://a", "uri:s3://b"]) as run:
        run.metric("auc", 0.9, step=1)
        run.output("uri:s3://c", type="model")
    return ids_of(run_id, 5)


@pytest.mark.parametrize("weather", [Weather.DOWN, Weather.MUTE, Weather.CUT, Weather.DROPS])
def test_what_is_said_in_bad_weather_is_there_once_when_it_clears(
    weather: Weather,
    server: LiveServer,
    wire: ScriptedWire,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = f"weather-{weather}"
    ledger = Ledger(wire.url, source=source, spool=tmp_path, patience=PATIENCE)
    said = tell(ledger, "before")
    wire.weather = weather
    with caplog.at_level(logging.WARNING, "lineage_client"):
        began = monotonic()
        said |= tell(ledger, "during")
    # The ledger is left alone after it did not answer: one wait at most, whatever is said.
    assert monotonic() - began < 2 * PATIENCE.longest_seconds + 1
    assert "wait to be sent" in caplog.text
    if weather is Weather.CUT:
        assert wire.answered > len(said) // 2  # it was done, and nobody heard of it
    wire.weather = Weather.FAIR
    flushed = ledger.flush()
    assert flushed.left == flushed.refused == 0
    assert statements(server, source) == dict.fromkeys(said, 1)
    assert ledger.spool.waiting() == []
    assert ledger.lost == 0


def test_the_next_run_takes_along_what_another_process_left(
    server: LiveServer, wire: ScriptedWire, tmp_path: Path
) -> None:
    wire.weather = Weather.DOWN
    said = tell(Ledger(wire.url, source="left", spool=tmp_path, patience=PATIENCE), "first")
    assert statements(server, "left") == {}
    wire.weather = Weather.FAIR
    said |= tell(Ledger(wire.url, source="left", spool=tmp_path, patience=PATIENCE), "second")
    assert statements(server, "left") == dict.fromkeys(said, 1)


def test_what_is_refused_for_good_is_put_aside_with_the_reason_and_holds_up_nothing(
    server: LiveServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(server.url, source="refused", spool=tmp_path, patience=PATIENCE)
    run = ledger.run("train", run_id="one")
    with caplog.at_level(logging.ERROR, "lineage_client"):
        run.set(no_such_property=1)
    run.end()
    assert statements(server, "refused") == dict.fromkeys(["run/one/1", "run/one/3"], 1)
    (reason,) = ledger.spool.refused.glob("*.txt")
    assert "no_such_property" in reason.read_text()
    body = json.loads(reason.with_suffix(".json").read_bytes())
    assert told_of(body["id"]) == "run/one/2"
    assert str(ledger.spool.refused) in caplog.text


def test_whoever_is_strict_hears_of_it(
    server: LiveServer, wire: ScriptedWire, tmp_path: Path
) -> None:
    strict = Ledger(wire.url, source="strict", spool=tmp_path, patience=PATIENCE, strict=True)
    wire.weather = Weather.DOWN
    with pytest.raises(ClientError, match="1 statements wait to be sent"):
        strict.run("train", run_id="one")
    wire.weather = Weather.FAIR
    assert strict.flush().sent == 1
    assert statements(server, "strict") == {"run/one/1": 1}


def test_a_folder_that_is_full_loses_what_is_said_next_and_counts_it(
    wire: ScriptedWire, tmp_path: Path
) -> None:
    wire.weather = Weather.DOWN
    ledger = Ledger(wire.url, spool=tmp_path, patience=PATIENCE)
    ledger.spool = Spool(tmp_path, bytes_max=100)
    tell(ledger, "one")
    assert ledger.lost == 5
    with pytest.raises(SpoolFullError, match="100 are the limit"):
        ledger.spool.put(b"x" * 101)


def test_an_exception_makes_a_failed_run_and_goes_on(server: LiveServer, tmp_path: Path) -> None:
    ledger = Ledger(server.url, source="failed", spool=tmp_path, patience=PATIENCE)
    with pytest.raises(ZeroDivisionError), ledger.run("train", run_id="one", kind="train"):
        _ = 1 / 0
    (run,) = [one for one in server.nodes("lineage.Train") if str(one["key"]).endswith("/one")]
    assert run["state"] == "FAILED"
    assert isinstance(run["properties"], dict)
    assert run["properties"]["error"] == "ZeroDivisionError: division by zero"


def test_a_folder_that_was_full_is_emptied_once_the_ledger_is_back(
    server: LiveServer, wire: ScriptedWire, tmp_path: Path
) -> None:
    wire.weather = Weather.DOWN
    ledger = Ledger(wire.url, source="refilled", spool=tmp_path, patience=PATIENCE)
    run = ledger.run("train", run_id="one", commit="0" * 40)
    kept = ledger.spool.waiting()[0].stat().st_size
    ledger.spool = Spool(tmp_path, bytes_max=kept + 10)
    run.input("uri:s3://lost")
    assert ledger.lost == 1
    wire.weather = Weather.FAIR
    back = Ledger(wire.url, source="refilled", spool=tmp_path, patience=PATIENCE)
    back.spool = ledger.spool
    back.run("train", run_id="two", commit="0" * 40).end()
    assert statements(server, "refilled") == dict.fromkeys(
        ["run/one/1", "run/two/1", "run/two/2"], 1
    )
    assert (back.lost, back.spool.waiting()) == (0, [])


def test_what_cannot_be_kept_is_sent_at_once(server: LiveServer, tmp_path: Path) -> None:
    home = tmp_path / "a file, and no folder"
    home.write_text("")
    ledger = Ledger(server.url, source="unkept", spool=home / "spool", patience=PATIENCE)
    assert statements(server, "unkept") == {}
    said = tell(ledger, "one")
    assert statements(server, "unkept") == dict.fromkeys(said, 1)
    assert ledger.lost == 0


def test_days_of_waiting_statements_hold_up_the_next_one_for_a_moment(
    server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(server.url, source="days", spool=tmp_path, patience=PATIENCE)
    for number in range(3):
        body = {"id": f"run/old/0/{number}", "source": "days", "records": []}
        ledger.spool.put(json.dumps(body).encode())
    monkeypatch.setattr("lineage_client.ledger.CATCH_UP_SECONDS", -1.0)
    ledger.run("train", run_id="one", commit="0" * 40)
    assert len(ledger.spool.waiting()) == 4
    assert ledger.flush().left == 0


class Weird:
    """Raises whatever is asked of it."""

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def item(self) -> object:
        raise ValueError("more than one element")


def test_what_cannot_be_said_ends_no_training(server: LiveServer, tmp_path: Path) -> None:
    ledger = Ledger(server.url, source="weird", spool=tmp_path, patience=PATIENCE)
    circle: dict[str, object] = {}
    circle["itself"] = circle
    parameters = {"good": 1, "weird": Weird(), "circle": circle, "text": "\ud800", "big": 2**70}
    with ledger.run("train", kind="train", run_id="w", parameters=parameters) as run:
        run.metric("loss", Weird())  # type: ignore[arg-type]
        run.note(weird=object(), fine="yes")
        run.input(tmp_path / "not there.csv")
        run.output("no identifier")
        run.output(tmp_path)
    assert ledger.lost == 7
    (one,) = [node for node in server.nodes("lineage.Train") if str(node["key"]).endswith("/w")]
    assert one["state"] == "COMPLETE"
    assert isinstance(one["properties"], dict)
    assert one["properties"]["hyperparameters"] == {"good": 1, "text": "?", "big": str(2**70)}
    strict = Ledger(server.url, source="weird", spool=tmp_path, patience=PATIENCE, strict=True)
    with pytest.raises(ValueError, match="identifier"), strict.run("train") as run:
        run.output("no identifier")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SystemExit(), "COMPLETE"),
        (SystemExit(0), "COMPLETE"),
        (SystemExit(3), "FAILED"),
        (KeyboardInterrupt(), "CANCELED"),
    ],
)
def test_how_a_block_is_left_is_how_the_run_ended(
    error: BaseException, state: str, server: LiveServer, tmp_path: Path
) -> None:
    ledger = Ledger(server.url, source="left-by", spool=tmp_path, patience=PATIENCE)
    run = ledger.run("train", kind="train")
    with pytest.raises(type(error)), run:
        raise error
    (one,) = [node for node in server.nodes("lineage.Train") if node["key"] == run.key]
    assert one["state"] == state


def test_threads_forks_and_later_processes_tell_of_one_run_without_taking_each_other_s_ids(
    server: LiveServer, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, server.url, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "0 lost, 0 waiting\n"), done.stderr
    assert not (tmp_path / "refused").exists()
    # Three start; twenty from threads, one from a fork, one from whoever goes on; three end.
    assert sum(statements(server, "together").values()) == 2 + 20 + 1 + 1 + 2
    (run,) = [one for one in server.nodes("lineage.Train") if str(one["key"]).endswith("/shared")]
    assert run["state"] == "COMPLETE"


def start_writer(url: str, spool: Path, name: str, runs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(spool), name, str(runs)],
        env=os.environ | {"PYTHONPATH": str(CLIENT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_processes_that_share_a_folder_and_are_killed_lose_and_double_nothing(
    server: LiveServer, wire: ScriptedWire, tmp_path: Path
) -> None:
    writers = [start_writer(wire.url, tmp_path, f"w{one}", 10_000) for one in range(WRITERS)]
    done: set[str] = set()
    weathers = [Weather.FAIR, Weather.CUT, Weather.DOWN, Weather.FAIR]
    for turn in range(RUNS):
        wire.weather = weathers[turn % len(weathers)]
        for writer in writers:
            assert writer.stdout is not None
            done.add(writer.stdout.readline().strip())
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        out, _ = writer.communicate()
        done |= {line for line in out.splitlines() if line}
    wire.weather = Weather.FAIR
    assert Ledger(wire.url, spool=tmp_path, patience=PATIENCE).flush().left == 0
    found = statements(server, "scripts")
    assert set(found.values()) == {1}
    assert {one for run_id in done for one in ids_of(run_id, 3)} <= set(found)


def test_the_command_sends_what_waits(
    server: LiveServer, wire: ScriptedWire, tmp_path: Path
) -> None:
    wire.weather = Weather.DOWN
    said = tell(Ledger(wire.url, source="command", spool=tmp_path, patience=PATIENCE), "one")
    words = ("flush", "--url", server.url, "--source", "command", "--spool", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "lineage_client", *words],
        env=os.environ | {"PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "5 sent, 0 waiting, 0 refused\n"
    assert statements(server, "command") == dict.fromkeys(said, 1)
