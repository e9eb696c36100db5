"""dbt, Airflow and Feast, each a source of its own; each in turn falls silent for too long."""

import shutil
import threading
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from lineage_schemas.values import JsonValue
from live_server import LiveServer, live_server
from peers import PEERS, run_peer

pytestmark = pytest.mark.peers

RUNS = {
    "airflow": ("weather", (("airflow", "db", "migrate"), ("python", "weather.py"))),
    "dbt": ("shop", (("dbt-ol", "seed"),)),
    "feast": ("drivers", (("feast", "apply"),)),
}
"""A project of each tool, and what makes it send something."""

DAY = 86_400
WAIT_SECONDS = 60
ANSWER = """
{ lineage(start: "ol:dataset/file//no/such") { complete basis { incompleteBecause } }
  sources { sources { name isOverdue } } }
"""


class Basis(Struct, rename="camel"):
    incomplete_because: list[str]


class Lineage(Struct):
    complete: bool
    basis: Basis


class Source(Struct, rename="camel"):
    name: str
    is_overdue: bool


class Sources(Struct):
    sources: list[Source]


class Answer(Struct):
    lineage: Lineage
    sources: Sources


def run(tool: str, folder: Path, url: str) -> None:
    """Run a tool in a copy of its project, as a source by the tool's name."""
    project, commands = RUNS[tool]
    shutil.copytree(PEERS / tool / project, folder / project)
    env = {
        "OPENLINEAGE_URL": url,
        "OPENLINEAGE_ENDPOINT": f"api/v1/lineage?source={tool}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / project),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    if tool == "feast":
        run_peer(tool, ("python", "make_data.py"), folder / project)
    for command in commands:
        run_peer(tool, command, folder / project, env)


def expect(server: LiveServer, number: int, due_seconds: dict[str, int]) -> None:
    """State within how long each of these sources is to be heard again."""
    records: list[JsonValue] = [
        {"record": "source_expectation", "source": name, "due_seconds": seconds}
        for name, seconds in due_seconds.items()
    ]
    server.say({"id": f"expectation-{number}", "source": "operator", "records": records})


def late(server: LiveServer, *, waiting: bool) -> list[str]:
    """Name the sources that are overdue, waiting until some are; what an answer says agrees."""
    answer = asked(server)
    for _ in range(WAIT_SECONDS * 10):
        if not waiting or not answer.lineage.complete:
            break
        threading.Event().wait(0.1)
        answer = asked(server)
    found = [one.name for one in answer.sources.sources if one.is_overdue]
    reasons = answer.lineage.basis.incomplete_because
    assert [reason.partition(" is overdue")[0] for reason in reasons] == found
    assert answer.lineage.complete is (not found)
    return found


def asked(server: LiveServer) -> Answer:
    """Ask for the sources, and for some lineage, in one request."""
    return msgspec.convert(server.ask(ANSWER), type=Answer)


@pytest.mark.long
def test_each_tool_that_falls_silent_is_named_as_overdue(tmp_path: Path) -> None:
    with live_server(tmp_path / "ledger") as server:
        for tool in RUNS:
            run(tool, tmp_path / tool, server.url)
        assert set(RUNS) <= set(server.sources())
        expect(server, 0, dict.fromkeys(RUNS, DAY))
        assert late(server, waiting=False) == []
        for number, silent in enumerate(RUNS, 1):
            expect(server, number, dict.fromkeys(RUNS, DAY) | {silent: 1})
            assert late(server, waiting=True) == [silent]
        expect(server, len(RUNS) + 1, dict.fromkeys(RUNS, DAY))
        assert late(server, waiting=False) == []
