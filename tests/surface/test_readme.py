"""The README's examples do what it says, on one ledger, in its order."""

import json
import re
from pathlib import Path

import pytest

import tree
from lineage_api.app import create_app
from lineage_api.compose import open_configured_ledger
from lineage_api.settings import read_settings
from surface_client import running


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    readme = tree.texts(".md")["README.md"]
    return re.findall(rf"```{language}\n(.*?)```", readme, flags=re.DOTALL)


def test_the_examples_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Post the statements twice, ask in GraphQL, then ask from Python."""
    monkeypatch.chdir(tmp_path)
    bodies = re.findall(r"-d '(.*?)'", "\n".join(blocks("sh")), flags=re.DOTALL)
    statements, query = (json.loads(" ".join(body.split("\n"))) for body in bodies)
    settings = read_settings({}, store="lineage.db")
    with (
        open_configured_ledger(settings) as ledger,
        running(create_app(ledger, settings)) as client,
    ):
        receipts = [client.post("/api/v1/statements", statements).json() for _ in range(2)]
        answer = client.post("/graphql", query).json()
    assert [one["receipts"][0]["outcome"] for one in receipts] == ["appended", "duplicate"]
    assert receipts[0]["receipts"][0]["position"] == receipts[1]["receipts"][0]["position"]
    lineage = answer["data"]["lineage"]
    assert lineage["complete"] is True
    assert [node["key"] for node in lineage["nodes"]] == [
        "uri:s3://models/churn.onnx",
        "acme:run/1",
        "uri:s3://data/customers.parquet",
    ]
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert "customers.parquet" in capsys.readouterr().out
