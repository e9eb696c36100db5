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
                found[str(one["statement"])] += 1
        position = page["nextPosition"]
    return found


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
    assert body["id"] == "run/one/2"
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
