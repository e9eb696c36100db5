"""A repository in which git, DVC and MLflow meet, worked in with the real tools.

Three times a model is trained and registered. The metrics of the first two name the MLflow run; of
the third nobody says which stage it was, so only the commit ties it to what DVC knows.
"""

import shutil
import subprocess
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from canonical import CanonicalGraph, canonical_graph
from doubles import FakeClock
from lineage.clock import system_clock
from lineage.ledger import open_ledger
from mlflow_peer import QUIET, mlflow_server, selected
from peers import PEERS, peer, peer_environment, run_peer
from terminal import Terminal

pytestmark = pytest.mark.peers

MEETING: Final = PEERS / "meeting"
REMOTE: Final = "https://example.org/team/fraud.git"
SERVER: Final = "tracking.example.org"
DVC, MLFLOW = "dvc:example.org/team/fraud", f"mlflow:{SERVER}"
MINUTE_US: Final = 60_000_000
WAIT_SECONDS: Final = 180
WHO: Final = {
    f"GIT_{part}_{field}": value
    for part in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}
CHANGES: Final = (
    ("strength: 1.0", "strength: 2.0"),
    ("strength: 2.0", "strength: 0.5"),
    ("tells_run: true", "tells_run: false"),
)


class Worked(NamedTuple):
    """What was made: the repository, and the server with its database."""

    repository: Path
    url: str
    database: Path

    def commit_of_run(self, version: str) -> str:
        """Return the commit that the run of a registered version says it ran."""
        sql = (
            "SELECT value FROM tags JOIN model_versions ON run_uuid = run_id "
            "WHERE key = 'mlflow.source.git.commit' AND version = ?"
        )
        ((commit,),) = selected(self.database, sql, version)
        return str(commit)


def git(repository: Path, *words: str) -> str:
    """Run git as somebody; return what it prints."""
    environment = peer_environment("dvc", repository.parent, WHO)
    done = subprocess.run(
        ["git", *words],
        cwd=repository,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def data_digest(repository: Path) -> str:
    """Return the digest of the file that everything was learned from, of its very bytes."""
    body = (repository / "data" / "transactions.csv").read_bytes()
    return "md5:" + md5(body, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    """Work with the tools for an afternoon."""
    folder = tmp_path_factory.mktemp("meeting")
    (folder / "server").mkdir()
    with mlflow_server(folder / "server") as url:
        repository = folder / "repository"
        begin(repository)
        for before, after in CHANGES:
            params = repository / "params.yaml"
            params.write_text(params.read_text().replace(before, after))
            git(repository, "commit", "--quiet", "--all", "--message", f"Try {after}")
            environment = {**WHO, **QUIET, "MLFLOW_TRACKING_URI": url}
            run_peer("dvc", ("dvc", "repro"), repository, environment, WAIT_SECONDS)
            git(repository, "add", "--all")
            git(repository, "commit", "--quiet", "--message", f"With {after}")
        run_peer("dvc", ("gto", "register", "fraud-model", "--version", "v1.0.0"), repository, WHO)
        yield Worked(repository, url, folder / "server" / "mlflow.db")


def begin(repository: Path) -> None:
    """Make the repository, with its data tracked and its pipeline written."""
    (repository / "data").mkdir(parents=True)
    for name in ("prepare.py", "train.py", "params.yaml"):
        shutil.copyfile(MEETING / name, repository / name)
    shutil.copyfile(MEETING / "transactions.csv", repository / "data" / "transactions.csv")
    pipeline = (MEETING / "dvc.yaml").read_text()
    python = str(peer("mlflow") / "bin" / "python")
    (repository / "dvc.yaml").write_text(pipeline.replace("${train_python}", python))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "remote", "add", "origin", REMOTE)
    run_peer("dvc", ("dvc", "init", "--quiet"), repository, WHO)
    run_peer("dvc", ("dvc", "add", "--quiet", "data/transactions.csv"), repository, WHO)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Begin")


def terminal_in(folder: Path) -> Terminal:
    """Return a terminal whose clock stands at now, so that what the tools did lies before it."""
    terminal = Terminal(folder / "ledger.db")
    terminal.clock = FakeClock(system_clock(), step_us=0)
    return terminal


def take_in(terminal: Terminal, worked: Worked, *tools: str, due: str = "none") -> None:
    """Import what these tools keep."""
    for tool in tools:
        words = {
            "dvc": (str(worked.repository),),
            "mlflow": (worked.url, "--server", SERVER, "--digest-bytes", "10000"),
        }[tool]
        terminal.done("import", tool, *words, "--due", due)


@pytest.fixture(scope="module")
def terminal(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Return a terminal of a ledger that has taken in both."""
    made = terminal_in(tmp_path_factory.mktemp("ledger"))
    take_in(made, worked, "dvc", "mlflow")
    return made


def traced(terminal: Terminal, start: str, *options: str) -> dict[str, Any]:
    """Return the answer of a trace."""
    printed = terminal.done("trace", start, *options, "--format", "json")
    return dict(msgspec.json.decode(printed))


def keys(answer: dict[str, Any], beginning: str) -> set[str]:
    """Return the keys of an answer's nodes that begin so."""
    found = {str(node["key"]) for node in answer["nodes"]}
    return {key for key in found if key.startswith(beginning)}


def version_key(version: str) -> str:
    return f"mlflow:model-version/{SERVER}/fraud-model/{version}"


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_registered_version_leads_back_to_its_bytes_and_its_commit(
    worked: Worked, terminal: Terminal, version: str
) -> None:
    answer = traced(terminal, version_key(version))
    digest = data_digest(worked.repository)
    raw = f"dvc:data/example.org%2Fteam%2Ffraud/data/transactions.csv@{digest}"
    assert keys(answer, "dvc:data/example.org%2Fteam%2Ffraud/data/") == {raw}
    assert keys(answer, "git:commit/") == {f"git:commit/{worked.commit_of_run(version)}"}
    assert {link["link_class"] for link in answer["links"]} == {"asserted"}


def test_the_bytes_of_a_data_file_lead_forward_to_every_version_that_is_tied_to_them(
    worked: Worked, terminal: Terminal
) -> None:
    digest = data_digest(worked.repository)
    told = traced(terminal, digest, "--direction", "downstream")
    assert keys(told, "mlflow:model-version/") == {version_key("1"), version_key("2")}
    registered = "dvc:model-version/example.org%2Fteam%2Ffraud/fraud-model@v1.0.0"
    assert keys(told, "dvc:model-version/") == {registered}


def test_what_only_a_commit_ties_is_reached_by_derived_links_alone(
    worked: Worked, terminal: Terminal
) -> None:
    digest = data_digest(worked.repository)
    assert keys(traced(terminal, version_key("3")), "dvc:") == set()
    cross = [word for one in ("asserted", "content", "derived") for word in ("--cross", one)]
    answer = traced(terminal, version_key("3"), *cross)
    assert any(key.endswith(digest) for key in keys(answer, "dvc:data/"))
    commit = f"git:commit/{worked.commit_of_run('3')}"
    crossed = {
        (link["link_class"], link["source"])
        for link in answer["links"]
        if link["identifier"] == commit and link["link_class"] != "key"
    }
    assert crossed == {("derived", DVC)}


def test_equal_bytes_in_both_tools_are_a_content_link(worked: Worked, terminal: Terminal) -> None:
    """The last two runs wrote the same model; DVC has it, and MLflow among the files of both."""
    body = (worked.repository / "model.json").read_bytes()
    digest = "md5:" + md5(body, usedforsecurity=False).hexdigest()
    kept = f"dvc:data/example.org%2Fteam%2Ffraud/model.json@{digest}"
    found = traced(terminal, kept, "--depth", "0")
    sql = "SELECT run_id FROM model_versions WHERE version > 1"
    assert keys(found, "mlflow:artifact/") == {
        f"mlflow:artifact/{SERVER}/{run}/model.json" for (run,) in selected(worked.database, sql)
    }
    assert {(link["link_class"], link["identifier"]) for link in found["links"]} == {
        ("content", digest)
    }


def test_the_commit_of_a_run_is_never_asserted_to_be_the_lock(
    worked: Worked, terminal: Terminal
) -> None:
    for version in ("1", "2", "3"):
        commit = f"git:commit/{worked.commit_of_run(version)}"
        (shown,) = [
            one
            for one in msgspec.json.decode(terminal.done("show", commit, "--format", "json"))
            if one["node"]["kind"] == "artifact"
        ]
        assert [node["key"] for node in shown["members"]] == [commit]
        listed = msgspec.json.decode(terminal.done("links", commit, "--format", "json"))
        assert "lock" not in str([one for one in listed["links"] if one["link_class"] != "derived"])


def test_which_tool_is_taken_in_first_does_not_matter(worked: Worked, tmp_path: Path) -> None:
    graphs: list[CanonicalGraph] = []
    for order in (("dvc", "mlflow"), ("mlflow", "dvc")):
        folder = tmp_path / "-".join(order)
        folder.mkdir()
        terminal = terminal_in(folder)
        terminal.clock = FakeClock(2_000_000_000_000_000, step_us=0)
        take_in(terminal, worked, *order)
        with open_ledger(terminal.store) as ledger:
            graphs.append(canonical_graph(ledger))
    assert graphs[0] == graphs[1]


@pytest.mark.parametrize(
    ("stopped", "other", "name"),
    [("dvc", "mlflow", DVC), ("mlflow", "dvc", MLFLOW)],
    ids=["dvc", "mlflow"],
)
def test_a_source_that_stopped_is_named_by_answers(
    worked: Worked, tmp_path: Path, stopped: str, other: str, name: str
) -> None:
    terminal = terminal_in(tmp_path)
    take_in(terminal, worked, stopped, other, due="1h")
    assert traced(terminal, version_key("1"))["basis"].get("complete", True)
    terminal.clock = FakeClock(terminal.clock() + 59 * MINUTE_US, step_us=0)
    take_in(terminal, worked, other, due="1h")
    terminal.clock = FakeClock(terminal.clock() + 2 * MINUTE_US, step_us=0)
    basis = traced(terminal, version_key("1"))["basis"]
    assert basis["complete"] is False
    assert [reason.startswith(f"{name} is overdue") for reason in basis["incomplete_because"]] == [
        True
    ]
