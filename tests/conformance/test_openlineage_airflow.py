"""Airflow, as it is, runs a DAG by ``dag.test()`` and knows only our address.

What is expected is asked, in SQL, of Airflow's own database: the assets that it keeps as inlets
and outlets of each task, the state of each task, and of the run.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from live_server import Flow, dataset_key, edges, free_address, in_order, live_server
from peers import PEERS, run_peer

pytestmark = pytest.mark.peers

INLETS = """
select task_id, uri from task_inlet_asset_reference join asset on asset.id = asset_id
where dag_id = 'weather'
"""
OUTLETS = """
select task_id, uri from task_outlet_asset_reference join asset on asset.id = asset_id
where dag_id = 'weather'
"""
TASKS = "select task_id, state, count(*) from task_instance group by task_id, state"
RUNS = "select state, count(*) from dag_run group by state"
LOST = "s3://archive/means.csv"
"""Without the provider of a scheme, Airflow's emitter drops an asset of it without a word."""


class Airflow:
    """An installation with a database and a folder of DAGs of its own."""

    def __init__(self, folder: Path) -> None:
        self.dags = folder / "dags"
        shutil.copytree(PEERS / "airflow" / "weather", self.dags)
        self.home = folder / "airflow"
        self.env = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        run_peer("airflow", ("airflow", "db", "migrate"), self.dags, self.env)

    def run(self, url: str, **env: str) -> str:
        """Run the DAG, and return what was printed."""
        given = {"OPENLINEAGE_URL": url, **env}
        done = run_peer("airflow", ("python", "weather.py"), self.dags, self.env | given)
        return done.stdout + done.stderr

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Ask its database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(query).fetchall()


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    """Return a fresh installation."""
    return Airflow(tmp_path)


def key_of(uri: str) -> str:
    """Return the key of an asset that is a file: OpenLineage names it by its path."""
    return dataset_key("file", uri.removeprefix("file://"))


def known_to_airflow(airflow: Airflow) -> dict[str, Flow]:
    """Return what each task reads and writes, by its name, without the asset that is lost."""
    inlets, outlets = airflow.ask(INLETS), airflow.ask(OUTLETS)
    return {
        str(task): Flow(
            frozenset(key_of(str(uri)) for name, uri in inlets if name == task),
            frozenset(key_of(str(uri)) for name, uri in outlets if name == task and uri != LOST),
        )
        for task, *_ in airflow.ask(TASKS)
    }


def test_the_lineage_of_a_dag_is_what_airflow_keeps_of_it(airflow: Airflow, tmp_path: Path) -> None:
    with live_server(tmp_path / "ledger") as server:
        airflow.run(server.url)
        expected = known_to_airflow(airflow)
        assert sorted(expected) == ["average", "clean", "measure"]
        assert LOST in {uri for _, uri in airflow.ask(OUTLETS)}
        assert in_order(server.flows().values()) == in_order(expected.values())
        jobs = {node["key"] for node in server.nodes("lineage.Pipeline")}
        assert jobs == {"ol:job/default/weather"} | {
            f"ol:job/default/weather.{t}" for t in expected
        }
        # The run of the DAG itself is told at its end only.
        assert airflow.ask(TASKS) == [(task, "success", 1) for task in sorted(expected)]
        assert airflow.ask(RUNS) == [("success", 1)]
        assert [node["state"] for node in server.nodes("lineage.Run")] == ["COMPLETE"] * 4

        airflow.run(server.url)
        assert airflow.ask(RUNS) == [("success", 2)]
        assert in_order(server.flows().values()) == in_order([*expected.values()] * 2)
        assert len(server.nodes("lineage.DataSet")) == 4
        assert len(server.messages()) == 2 * (2 * len(expected) + 1)
        assert server.send_again() == 0


@pytest.mark.long
def test_a_dag_that_fails_half_way_is_told_as_far_as_it_went(
    airflow: Airflow, tmp_path: Path
) -> None:
    (airflow.dags / "stations.csv").unlink()
    with live_server(tmp_path / "ledger") as server:
        airflow.run(server.url)
        tasks = {str(task): str(state) for task, state, _ in airflow.ask(TASKS)}
        assert tasks == {"measure": "success", "clean": "failed", "average": "upstream_failed"}
        expected = known_to_airflow(airflow)
        state = {node["key"]: node["state"] for node in server.nodes("lineage.Run")}
        assert {flow: state[run] for run, flow in server.flows().items()} == {
            expected["measure"]: "COMPLETE",
            expected["clean"]: "FAILED",
        }
        assert airflow.ask(RUNS) == [("failed", 1)]
        assert sorted(map(str, state.values())) == ["COMPLETE", "FAILED", "FAILED"]


@pytest.mark.long
def test_what_ran_without_a_server_is_lost_and_the_next_is_not(
    airflow: Airflow, tmp_path: Path
) -> None:
    airflow.run(free_address())
    with live_server(tmp_path / "ledger") as server:
        airflow.run(server.url)
        assert airflow.ask(RUNS) == [("success", 2)]
        assert edges(server.flows()) == edges(known_to_airflow(airflow))
        assert len(server.messages()) == 7


@pytest.mark.long
def test_a_namespace_that_cannot_be_is_refused_and_the_dag_goes_on(
    airflow: Airflow, tmp_path: Path
) -> None:
    with live_server(tmp_path / "ledger") as server:
        airflow.run(server.url, OPENLINEAGE_ENDPOINT=f"api/v1/namespaces/{'x' * 200}/lineage")
        assert airflow.ask(RUNS) == [("success", 1)]
        assert server.size() == 0
