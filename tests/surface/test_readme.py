"""The README's examples do what it says, on one ledger, in its order."""

import json
import re
import shlex
from pathlib import Path

import pytest

import tree
from lineage.ledger import Artifact, Principal, Role, Statement
from lineage_api.app import create_app
from lineage_api.compose import open_configured_ledger
from lineage_api.settings import read_settings
from surface_client import running
from terminal import Terminal

MODEL = "uri:s3://models/churn.onnx"
KEYS = ("uri:s3://data/customers.parquet", "uri:s3://data/customers.csv", MODEL)
"""What the pages speak of."""

ELSEWHERE = {"dvc", "mlflow", "serve", "--webhook", "--timestamp", "--timestamp-response"}
"""Words of commands that want somebody outside, or never end; they are tested where they belong."""


def blocks(language: str, page: str = "README.md") -> list[str]:
    """Return a page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", tree.texts(".md")[page], flags=re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """Return the commands of ours that a page shows, as words, without its comments."""
    text = "\n".join(blocks("sh", page)).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("lineage ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def tell_of_keys() -> None:
    """Tell a ledger in the present folder of them, each with an owner, who is a person."""
    records = tuple(
        Artifact(
            key=key,
            type="lineage.DataSet",
            custom_properties={"owner": "Eve"},
            personal=("owner",),
        )
        for key in KEYS
    )
    with open_configured_ledger(read_settings({}, store="lineage.db")) as ledger:
        ledger.record([Statement(id="told", source="here", records=records)])


def be_audited() -> None:
    """Let somebody ask whose questions stand in the access log, which the pages speak of too."""
    with open_configured_ledger(read_settings({}, store="lineage.db")) as ledger:
        ledger.access.grant("cyd", Role.AUDITOR, ["*"])
        ledger.show(MODEL, principal=Principal("cyd"))


def type_in(words: list[str], terminal: Terminal, archive: Path) -> None:
    """Run a command as it stands, but for the reader's own key and folder."""
    target = None
    if ">" in words:
        at = words.index(">")
        target, words = Path(words[at + 1]), words[:at]
    if "--key" in words:
        words[words.index("--key") + 1] = terminal.verifier()
    words = [str(archive) if word.startswith("/archive") else word for word in words]
    body = terminal.run(*words)
    assert body.exit_code == 0, (words, body.output)
    if target is not None:
        target.write_bytes(body.stdout_bytes)


def test_the_commands_work_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the README in its order, then those of the other pages, on the same ledger."""
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "archive"
    archive.mkdir()
    terminal = Terminal(tmp_path / "lineage.db")
    tell_of_keys()
    be_audited()
    for page in ("README.md", "docs/linking.md", "docs/custody.md"):
        for words in commands(page):
            if ELSEWHERE.isdisjoint(words):
                type_in(words, terminal, archive)


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
        MODEL,
        "acme:run/1",
        "uri:s3://data/customers.parquet",
    ]
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert "customers.parquet" in capsys.readouterr().out


def test_keeping_a_ledger_from_python_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the example writes is verified, and what it erases is gone."""
    monkeypatch.chdir(tmp_path)
    tell_of_keys()
    terminal = Terminal(tmp_path / "lineage.db")
    first = terminal.verifier()
    page = "docs/custody.md"
    (example,) = blocks("python", page)
    exec(compile(example, page, "exec"), {})  # noqa: S102 - our own page
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("erased from (4,) as stated at ")
    assert printed[1].startswith(f"{first} signs from size ")
    assert printed[2].startswith(f"{terminal.verifier()} signs from size ")
    assert printed[3:] == ["clean"]
    assert terminal.verifier() != first
    for file in ("lineage.checkpoint", "churn.tlog-proof"):
        terminal.done("verify", file, "--key", first)
    assert "owner: redacted" in terminal.done("show", KEYS[1])
