"""The command line as a process of its own: signals, pipes, terminals."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from lineage_api.demo.story import open_story

WAIT_SECONDS = 60
LINEAGE = (sys.executable, "-m", "lineage_api")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose ``lineage.db`` holds the story."""
    folder = tmp_path_factory.mktemp("told")
    with open_story() as story:
        (folder / "story.ndjson").write_bytes(story.read())
    done = lineage("ingest", "story.ndjson", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def lineage(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        (*LINEAGE, *arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


def environment() -> dict[str, str]:
    """Return this environment without settings of ours, with output as it comes."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LINEAGE_")}
    return ours | {"PYTHONUNBUFFERED": "1", "TERM": "xterm", "COLUMNS": "80"}


@contextmanager
def started(
    *arguments: str, folder: Path, given: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and end it should the block not have."""
    with subprocess.Popen(
        (*LINEAGE, *arguments),
        cwd=folder,
        env=environment(),
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_module_and_the_script_are_one(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("lineage")
    by_script = subprocess.run(
        [script, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    by_module = lineage("--version", folder=tmp_path)
    assert by_script.stdout == by_module.stdout
    assert by_module.stdout.startswith("lineage, version ")


def test_the_story_is_there_and_audits_clean(told: Path) -> None:
    report = json.loads(lineage("audit", "--format", "json", folder=told).stdout)
    assert report["findings"] == []
    assert report["size"] > 46


def test_an_error_is_one_message_and_no_traceback(tmp_path: Path) -> None:
    done = lineage("trace", "a:b", folder=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_fault(told: Path) -> None:
    with started("list", "artifact", folder=told) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.wait(WAIT_SECONDS)
        assert process.returncode == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_output_that_cannot_be_written_is_told(told: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            (*LINEAGE, "list", "artifact"),
            cwd=told,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
    assert done.returncode == 2
    assert "There is no room left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_show_a_letter_gets_its_number(told: Path) -> None:
    done = subprocess.run(
        (*LINEAGE, "trace", "ol:dataset/file//data/fraud/raw/customers.csv"),
        cwd=told,
        env=environment() | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u25a0 ol:dataset/file//data" in done.stdout


def test_an_interrupted_command_says_so(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with started("ingest", "-", folder=tmp_path, given=reading) as process:
        os.close(reading)
        wait_for(tmp_path / "lineage.db")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=WAIT_SECONDS)
        os.close(writing)
    assert process.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    tick = threading.Event()
    for _ in range(WAIT_SECONDS * 20):
        if path.exists():
            return
        tick.wait(0.05)
    raise AssertionError(f"{path.name} did not come")


@pytest.mark.parametrize("verb", ["serve", "demo"])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_server_answers_until_it_is_told_to_stop(
    verb: str, sign: signal.Signals, tmp_path: Path
) -> None:
    with started(verb, "--port", "0", folder=tmp_path) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        url = line[line.index("http://") :].split()[0]
        with urlopen(f"{url}/healthz", timeout=WAIT_SECONDS) as answer:  # noqa: S310 - our own
            assert answer.status == 200
        process.send_signal(sign)
        _, told = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
    assert [line for line in told.splitlines() if " INFO " not in line] == []


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = lineage("demo", "--port", port, folder=tmp_path)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_shows_where_a_person_watches(told: Path) -> None:
    printed, watched = run_watched("rebuild", folder=told)
    assert "folding" in watched
    assert "100%" in watched
    assert printed.startswith("folded ")
    unwatched = lineage("rebuild", folder=told)
    assert unwatched.stderr == ""


def run_watched(*arguments: str, folder: Path) -> tuple[str, str]:
    """Run a command whose standard error is a terminal; return both outputs."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        (*LINEAGE, *arguments),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        watched = read_terminal(ours)
        printed, _ = process.communicate(timeout=WAIT_SECONDS)
    os.close(ours)
    assert process.returncode == 0
    return printed, watched


def read_terminal(ours: int) -> str:
    """Read what is shown until the other side hangs up."""
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # how Linux says that nobody holds the other side any more
            break
        if not chunk:
            break
        shown += chunk
    return shown.decode()


def test_a_server_is_told_by_flags_and_logs_as_it_is_told(tmp_path: Path) -> None:
    words = ["--set", "port=0", "--set", "log_format=json", "--set", "stop_seconds=5"]
    with started("serve", *words, folder=tmp_path) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        url = line[line.index("http://") :].split()[0]
        with urlopen(f"{url}/", timeout=WAIT_SECONDS) as answer:  # noqa: S310 - our own
            request_id = answer.headers["X-Request-Id"]
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=WAIT_SECONDS)
    lines = [json.loads(one) for one in told.splitlines()]
    assert [one["message"] for one in lines] == ["Serving", "GET / 200", "Stopping", "Stopped"]
    assert lines[0]["url"] == url
    assert lines[1]["request_id"] == request_id
