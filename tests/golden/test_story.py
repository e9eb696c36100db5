"""The fraud story gives the lineage that was derived by hand, and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.ledger import Kind, TraceQuery
from lineage.service import Ledger
from lineage_api.cli.documents import Ingestion
from lineage_api.demo.story import CUSTOMERS, FRAUD_MODEL, open_story
from lineage_schemas.graph import Direction
from lineage_schemas.identifiers import dataset_identifier, job_identifier, run_identifier

EXPECTED = Path(__file__).parents[1] / "recordings" / "fraud_story" / "expected.md"
WAREHOUSE = "duckdb:///data/fraud/warehouse.duckdb"

Flow = tuple[str, str, str]
"""(job, reads or writes, data set), by their keys."""


@pytest.fixture(scope="module")
def story() -> Iterator[Ledger]:
    """Return a ledger that was told the story."""
    with open_ledger("memory:", clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        ingestion = Ingestion(ledger, namespace="default")
        with open_story() as stream:
            ingestion.take(stream, lambda *_: None)
        report = ingestion.report()
        assert (report.read, report.appended, report.refused) == (46, 46, 0)
        yield ledger


def rows(title: str) -> list[list[str]]:
    """Return the rows of the first table below a title, without their backticks."""
    text = EXPECTED.read_text()
    section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table[2:]]


def data_set(namespace: str, name: str) -> str:
    """Return the key of a data set, as the table names it."""
    return dataset_identifier(WAREHOUSE if namespace == "W" else namespace, name)


def expected_flows() -> set[Flow]:
    """Return what the table says."""
    return {
        (job_identifier(space, job), direction, data_set(where, name))
        for space, job, direction, where, name in rows("Jobs and data sets")
    }


def recorded_flows(ledger: Ledger) -> set[Flow]:
    """Return what the ledger says: the edges of every run, under the jobs it belongs to."""
    page = ledger.list_nodes("execution", count=1_000)
    assert page.cursor is None
    keys = tuple(node.key for node in page.nodes if node.key is not None)
    answer = ledger.trace(
        TraceQuery(start=keys, direction=Direction.BOTH, depth=1, cross=()), as_of=page.basis
    )
    names = {node.id: str(node.key) for node in answer.nodes if node.kind is Kind.ARTIFACT}
    contexts = ledger.contexts_of(
        [(Kind.EXECUTION, node.id) for node in page.nodes if node.id is not None]
    )
    return {
        (context.key, "reads" if edge.kind.is_input else "writes", names[edge.artifact])
        for edge in answer.edges
        for context in contexts[Kind.EXECUTION, edge.execution]
        if context.key is not None and context.key.startswith("ol:job/")
    }


def test_every_job_reads_and_writes_what_it_must(story: Ledger) -> None:
    expected = expected_flows()
    assert len(expected) == 25
    assert recorded_flows(story) == expected


def test_every_job_ran_as_often_as_it_did(story: Ledger) -> None:
    page = story.list_nodes("execution", count=1_000)
    assert len(page.nodes) == 23
    assert {node.state for node in page.nodes} == {"COMPLETE"}
    assert {node.key for node in page.nodes} == set(map(run_identifier, run_ids()))


def run_ids() -> set[str]:
    """Return the ids of the runs in the recorded messages, read without any of our readers."""
    with open_story() as stream:
        return {json.loads(line)["run"]["runId"] for line in stream}


def test_second_names_join_what_two_tools_say(story: Ledger) -> None:
    for one, other in rows("Other names"):
        namespace, name = re.split(r"`? `?", one, maxsplit=1)
        (answer,) = story.show(data_set(namespace, name))
        known_as = {link.identifier for link in answer.links}
        assert data_set(*re.split(r"`? `?", other, maxsplit=1)) in known_as


def test_the_model_was_made_from_what_it_was_made_from(story: Ledger) -> None:
    assert data_sets(story, FRAUD_MODEL, Direction.UPSTREAM) == {
        data_set("file", "/data/fraud/features/train.csv"),
        data_set("W", "warehouse.main.transactions_clean"),
        data_set("W", "warehouse.main.customers_clean"),
        data_set("file", "/data/fraud/raw/transactions.csv"),
        data_set("file", "/data/fraud/raw/customers.csv"),
        data_set("W", "warehouse.raw.transactions"),
        data_set("W", "warehouse.raw.customers"),
        data_set("file", "/data/fraud/code/warehouse/seeds/merchant_categories.csv"),
    }


def test_the_customers_reached_both_models(story: Ledger) -> None:
    assert data_sets(story, CUSTOMERS, Direction.DOWNSTREAM) == {
        data_set("W", "warehouse.raw.customers"),
        data_set("W", "warehouse.main.customers_clean"),
        data_set("W", "warehouse.main.transactions_clean"),
        data_set("file", "/data/fraud/features/features.csv"),
        data_set("file", "/data/fraud/features/train.csv"),
        data_set("file", "/data/fraud/features/test.csv"),
        data_set("file", "/data/fraud/models/fraud-model.json"),
        data_set("file", "/data/fraud/metrics/fraud-model.json"),
        data_set("file", "/data/fraud/churn/features.csv"),
        data_set("file", "/data/fraud/models/churn-model.json"),
    }


def data_sets(ledger: Ledger, start: str, direction: Direction) -> set[str]:
    """Return the keys of the other data sets that a trace meets."""
    answer = ledger.trace(TraceQuery(start=(start,), direction=direction))
    assert answer.complete
    found = {str(node.key) for node in answer.nodes if node.kind is Kind.ARTIFACT}
    return found - {start}
