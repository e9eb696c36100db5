"""docs/cdevents.md does what it says."""

import json
import re
import shlex

import tree
from cdevents_messages import cdevent, enveloped
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.connectors.deployments.saying import MODEL_LABELS
from lineage.ledger import TraceQuery
from lineage.service import Ledger
from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import Role
from surface_client import SurfaceClient

PAGE = tree.text("docs/cdevents.md") or ""


def test_the_example_is_taken_and_becomes_lineage(client: SurfaceClient, ledger: Ledger) -> None:
    (block,) = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)
    _, url, *options = shlex.split(block.replace("\\\n", " "))
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(text.split(": ", 1) for option, text in pairs if option == "-H")
    (body,) = (text for option, text in pairs if option == "-d")
    path = url.removeprefix("http://127.0.0.1:8470")
    answer = client.send("POST", path, content=body.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    assert "flags" not in answer.json()
    deployment = f"cdevents:deployment/%2Fdelivery/{headers['ce-id']}"
    assert ledger.show(deployment, kind=Kind.ARTIFACT)[0].node.properties["role"] == "champion"
    keys = {str(node.key) for node in ledger.trace(TraceQuery(start=(deployment,))).nodes}
    data = json.loads(body)
    assert data["customData"]["lineage.model-version"] in keys
    digest = data["subject"]["content"]["artifactId"].partition("%3A")[2].partition("?")[0]
    assert f"oci:ghcr.io/acme/churn@sha256:{digest}" in keys


def kinds() -> set[str]:
    """Return every type that the table names, such as ``service.deployed``."""
    rows = re.findall(r"^\| (`[a-z]+` [a-z`;, ]+) \|", PAGE, re.MULTILINE)
    parts = [part for row in rows for part in row.split("; ")]
    found = [re.fullmatch(r"`([a-z]+)` ([a-z, ]+)", part) for part in parts]
    return {f"{one[1]}.{predicate}" for one in found if one for predicate in one[2].split(", ")}


def test_every_type_of_the_table_is_understood() -> None:
    assert len(kinds()) == 48
    for kind in kinds():
        event = enveloped(cdevent(kind, 1, content={"environment": {"id": "production"}}))
        assert CDEventsMapping().map(json.dumps(event).encode()).records, kind


def test_the_convention_is_as_it_is_read() -> None:
    assert {label for label in MODEL_LABELS if f"`{label}`" not in PAGE} == set()
    assert {role for role in Role if f"`{role}`" not in PAGE} == set()
