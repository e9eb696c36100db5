"""An import that is broken off keeps what is in, and the next one goes on from there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from asked_servers import AskedHandler, AskedServer, answering, asked_server, silent
from lineage.ledger import open_ledger
from surface_client import dig

WAIT_SECONDS = 60
RUNS = 1_200
PAGE = 700
"""What the server shows at once: more than the ledger takes in at once, and not all."""


class Store:
    """Shows runs by their start; it falls silent at the second page until it ``goes_on``."""

    def __init__(self) -> None:
        self.is_silent = Event()
        self.goes_on = False

    def __call__(self, handler: AskedHandler) -> None:
        path = handler.path.partition("?")[0]
        if path.endswith("experiments/search"):
            shown: dict[str, object] = {"experiments": [{"experiment_id": "1", "name": "e"}]}
        elif path.endswith("runs/search"):
            start = question(handler).get("filter", "")
            if start and not self.goes_on:
                self.is_silent.set()
                silent(handler)
                return
            shown = page(int(start.rpartition(" ")[2] or 0))
        else:
            answering(404, b"{}")(handler)
            return
        answering(200, json.dumps(shown).encode())(handler)


def question(handler: AskedHandler) -> dict[str, str]:
    asked: dict[str, str] = json.loads(handler.server.seen[-1].body)
    return asked


def page(start: int) -> dict[str, object]:
    """Return the runs from a start on."""
    shown = [
        {
            "info": {
                "run_id": f"{number:032x}",
                "experiment_id": "1",
                "status": "FINISHED",
                "start_time": 1_000 + number,
                "end_time": 2_000 + number,
                "lifecycle_stage": "active",
            }
        }
        for number in range(max(0, start - 1_000), RUNS)
    ]
    more = {"next_page_token": "more"} if len(shown) > PAGE else {}
    return {"runs": shown[:PAGE], **more}


def start(server: AskedServer, folder: Path) -> subprocess.Popen[str]:
    arguments = ("import", "mlflow", f"http://{server.place}", "--server", "s", "--format", "json")
    return subprocess.Popen(
        (sys.executable, "-m", "lineage_api", *arguments),
        cwd=folder,
        env=os.environ | {"NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def held(folder: Path) -> int:
    """Return how many runs the ledger holds."""
    with open_ledger(folder / "lineage.db") as ledger:
        return len(ledger.looks.subjects("mlflow:s", "run"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "kill -9"]
)
def test_what_is_in_stays_and_the_next_import_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, code: int
) -> None:
    store = Store()
    with asked_server(monkeypatch) as server:
        server.plays.extend([store] * 10_000)
        with start(server, tmp_path) as process:
            assert store.is_silent.wait(WAIT_SECONDS)
            process.send_signal(number)
            _, errors = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == code, errors
        assert "Traceback" not in errors
        before = held(tmp_path)
        assert 500 <= before <= PAGE
        store.goes_on = True
        with start(server, tmp_path) as process:
            answer, errors = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, errors
    tally = json.loads(answer)["tally"]
    assert dig(tally, "there", "run") == dig(tally, "here", "run") == RUNS
    assert tally["unchanged"] == before + 1  # and the experiment
    assert held(tmp_path) == RUNS
