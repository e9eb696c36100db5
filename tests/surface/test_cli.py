"""The command line, inside this process: what it prints, and how it ends."""

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from cdevents_messages import cdevent, enveloped
from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.intake import Delivery, Outcomes
from lineage.ledger import (
    Artifact,
    Event,
    EventKind,
    Execution,
    MetricSeries,
    Statement,
    TraceQuery,
)
from lineage_api.cli import documents
from lineage_api.cli.main import cli
from lineage_api.cli.session import Session
from lineage_schemas.codec import encode_statement
from lineage_schemas.graph import Direction, LineageAnswer

MODEL = "uri:file:///model.bin"
RUN = "acme:run/1"
DATA = "uri:file:///a.csv"
MESSAGE = {
    "eventTime": "2026-01-01T12:00:00Z",
    "eventType": "COMPLETE",
    "producer": "https://tools.example.com/acme",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": "01941f29-7c00-7000-8000-000000000001"},
    "job": {"namespace": "acme", "name": "clean"},
    "inputs": [{"namespace": "file", "name": "/a.csv"}],
    "outputs": [{"namespace": "file", "name": "/b.csv"}],
}

Run = Callable[..., Result]


def training(name: str = "train") -> Statement:
    """Say that a run read some data and wrote a model."""
    return Statement(
        id="training-1",
        source="notebook",
        records=(
            Execution(key=RUN, type="lineage.Train", name=name),
            Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT),
            Artifact(key=MODEL, type="lineage.Model", properties={"size_bytes": 12}),
            Event(artifact=MODEL, execution=RUN, kind=EventKind.OUTPUT),
            MetricSeries(
                execution=RUN, metric="loss", chunk=0, points=((0, 0.5, None), (9, 0.25, None))
            ),
        ),
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return where the ledger is, or will be."""
    return tmp_path / "ledger.db"


@pytest.fixture
def run(store: Path) -> Run:
    """Run a command on that ledger, with a clock and randomness of its own."""

    def runs(*arguments: str, given: bytes | str | None = None) -> Result:
        session = Session(clock=FakeClock(), randomness=SeededRandomness())
        return CliRunner().invoke(
            cli, arguments, input=given, obj=session, env={"LINEAGE_STORE": str(store)}
        )

    return runs


def record(store: Path, *statements: Statement) -> None:
    """Record statements in the ledger."""
    with open_ledger(store, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        ledger.record(statements)


# --- the ledger ----------------------------------------------------------------------------------

QUESTIONS = (
    ("find", "model"),
    ("list", "artifact"),
    ("trace", MODEL),
    ("show", MODEL),
    ("query", "-"),
    ("audit",),
    ("rebuild",),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=[one[0] for one in QUESTIONS])
def test_a_question_makes_no_ledger(run: Run, store: Path, question: tuple[str, ...]) -> None:
    result = run(*question, given="{ head { size } }")
    assert result.exit_code == 3
    assert "There is no ledger here" in result.stderr
    assert "--store" in result.stderr
    assert result.stdout == ""
    assert not store.exists()


def test_an_empty_file_is_no_ledger(run: Run, store: Path) -> None:
    store.touch()
    assert run("audit").exit_code == 3
    assert store.read_bytes() == b""


def test_what_is_not_a_ledger_is_left_alone(run: Run, store: Path) -> None:
    store.write_bytes(b"a letter to a friend" * 100)
    result = run("audit")
    assert result.exit_code == 3
    assert "not a SQLite database" in result.stderr
    assert "Traceback" not in result.output
    assert store.read_bytes() == b"a letter to a friend" * 100


def test_an_unknown_kind_of_store_is_a_usage_error(run: Run) -> None:
    result = run("audit", "--store", "ftp://ledger")
    assert result.exit_code == 2
    assert "knows no such store" in result.stderr


def test_the_store_may_be_named_as_a_uri(run: Run, store: Path) -> None:
    record(store, training())
    assert run("audit", "--store", f"sqlite:///{store}").exit_code == 0


# --- ingest --------------------------------------------------------------------------------------


def lines(*bodies: object) -> bytes:
    """Return documents, one a line; bytes stand as they are."""
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in bodies
    )


def test_documents_of_both_forms_go_in(run: Run) -> None:
    result = run("ingest", "-", given=lines(MESSAGE, encode_statement(training())))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == (
        "read 2 documents: 2 appended, 0 already there, 0 refused"
    )
    assert run("show", MODEL).exit_code == 0
    assert run("show", "ol:dataset/file//b.csv").exit_code == 0


def test_what_is_there_is_not_written_again(run: Run) -> None:
    given = lines(MESSAGE, encode_statement(training()))
    run("ingest", "-", given=given)
    result = run("ingest", "-", "--format", "json", given=given)
    report = json.loads(result.stdout)
    assert (report["appended"], report["already_there"], report["entries"]) == (0, 2, 0)
    assert result.exit_code == 0


def test_the_good_ones_go_in_and_the_others_are_told(run: Run) -> None:
    given = lines(MESSAGE, b"[1]", b"{}", {**MESSAGE, "eventTime": "noon"}, b'{"records": 1}', b"{")
    result = run("ingest", "-", "--format", "json", given=given)
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (report["read"], report["appended"], report["refused"]) == (6, 1, 5)
    assert [one["where"] for one in report["refusals"]] == [f"line {n}" for n in (2, 3, 4, 5, 6)]
    told = [line for line in result.stderr.splitlines() if line.startswith("refused: ")]
    assert len(told) == 5
    assert "line 4: $.eventTime" in told[2]


def test_a_statement_id_with_other_content_is_refused(run: Run, store: Path) -> None:
    record(store, training())
    result = run("ingest", "-", given=encode_statement(training("another")))
    assert result.exit_code == 1
    assert "(line 1" in result.stderr


def test_an_array_and_a_single_document_are_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "messages.json"
    document = json.dumps(MESSAGE, indent=2)
    file.write_text(f"[\n{document}\n]")
    assert "1 appended" in run("ingest", str(file)).stdout
    file.write_text(document)
    assert "1 already there" in run("ingest", str(file)).stdout


def test_cloud_events_go_in_beside_other_documents(run: Run) -> None:
    deployed = enveloped(cdevent("service.deployed", 1, "churn", customData={"revision": "r1"}))
    other = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
    given = lines(MESSAGE, deployed, other, {**deployed, "source": ""})
    result = run("ingest", "-", "--format", "json", given=given)
    report = json.loads(result.stdout)
    assert (report["read"], report["appended"], report["refused"]) == (4, 3, 1)
    assert report["refusals"][0]["where"] == "line 4"
    assert run("show", "cdevents:revision/%2Fci/churn//r1").exit_code == 0
    assert "3 already there" in run("ingest", "-", given=given).stdout
    demanded = run("ingest", "-", "--as", "cloudevents", given=lines(MESSAGE))
    assert demanded.exit_code == 1
    sources = json.loads(run("find", "churn", "--format", "json").stdout)["basis"]["sources"]
    assert sources == ["cloudevents", "lineage", "openlineage"]


def test_a_form_can_be_demanded(run: Run) -> None:
    result = run("ingest", "-", "--as", "statements", given=lines(MESSAGE))
    assert result.exit_code == 1
    assert "This is not a statement" in result.stderr


def test_a_source_names_messages_and_is_held_against_statements(run: Run) -> None:
    given = lines(MESSAGE, encode_statement(training()))
    result = run("ingest", "-", "--source", "airflow", given=given)
    assert result.exit_code == 1
    assert "of the source notebook, and not of airflow" in result.stderr
    basis = json.loads(run("find", "csv", "--format", "json").stdout)["basis"]
    assert "airflow" in basis["sources"]


def test_namespaces_are_apart(run: Run) -> None:
    run("ingest", "-", "--namespace", "team", given=lines(MESSAGE))
    assert run("show", "ol:dataset/file//b.csv", "--namespace", "team").exit_code == 0
    assert run("show", "ol:dataset/file//b.csv").exit_code == 1


def test_a_stream_that_cannot_be_read_on_keeps_what_came_before(run: Run) -> None:
    given = lines(MESSAGE, b'{"eventTime": "' + b"x" * 2_000_000 + b'"}')
    result = run("ingest", "-", given=given)
    assert result.exit_code == 2
    assert "MESSAGE_BYTES_MAX" in result.stderr
    assert "1 appended" in result.stdout
    assert run("show", "ol:dataset/file//b.csv").exit_code == 0


def test_what_waits_in_memory_is_bounded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "GROUP_LENGTH_MAX", 2)
    groups: list[int] = []
    file = store.with_name("many.ndjson")
    file.write_bytes(
        b"\n".join(
            encode_statement(msgspec.structs.replace(training(), id=f"t-{n}")) for n in range(5)
        )
    )
    with open_ledger(store) as ledger, file.open("rb") as stream:
        commit = ledger.commit

        def counted(group: Sequence[Delivery]) -> Outcomes:
            groups.append(len(group))
            return commit(group)

        monkeypatch.setattr(ledger, "commit", counted)
        documents.Ingestion(ledger, namespace="default").take(stream, lambda *_: None)
    assert groups == [2, 2, 1]


# --- find and list -------------------------------------------------------------------------------


def test_found_nodes_are_told_with_tabs(run: Run, store: Path) -> None:
    record(store, training())
    assert run("find", "model", "bin").stdout == f"artifact\t{MODEL}\tlineage.Model\t-\t-\n"
    assert run("list", "lineage.Train").stdout == f"execution\t{RUN}\tlineage.Train\ttrain\t-\n"


def test_pages_go_on_where_they_ended(run: Run, store: Path) -> None:
    record(store, training())
    first = run("list", "artifact", "--count", "1")
    (cursor,) = re.findall(r"--cursor (\S+)", first.stderr)
    second = run("list", "artifact", "--count", "1", "--cursor", cursor)
    assert {first.stdout.split("\t")[1], second.stdout.split("\t")[1]} == {DATA, MODEL}
    assert second.stderr == ""


def test_nothing_found_is_said_and_is_no_finding(run: Run, store: Path) -> None:
    record(store, training())
    result = run("find", "model", "--as-of", "0")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing found as of size 0" in result.stderr


def test_an_unknown_type_is_not_in_the_log(run: Run, store: Path) -> None:
    record(store, training())
    assert run("list", "Nonsense").exit_code == 1


@pytest.mark.parametrize("form", ["yesterday", "2026-01-01T12:00:00", "-1", "1.5"])
def test_as_of_is_a_size_or_a_time(run: Run, store: Path, form: str) -> None:
    record(store, training())
    result = run("find", "model", f"--as-of={form}")
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_size_that_was_not_reached_is_bad_input(run: Run, store: Path) -> None:
    record(store, training())
    assert run("trace", MODEL, "--as-of", "99").exit_code == 2


def test_as_of_a_time_before_the_first_entry_nothing_is_known(run: Run, store: Path) -> None:
    record(store, training())
    assert run("show", MODEL, "--as-of", "2020-01-01T00:00:00Z").exit_code == 1
    assert run("show", MODEL, "--as-of", "2030-01-01T00:00:00Z").exit_code == 0


# --- trace ---------------------------------------------------------------------------------------


def test_the_tree_follows_the_edges(run: Run, store: Path) -> None:
    record(store, training())
    assert run("trace", MODEL).stdout.splitlines()[:7] == [
        f"■ {MODEL}  lineage.Model",
        f'└─ ← OUTPUT ▶ {RUN}  "train"  lineage.Train',
        f"   └─ ← INPUT ■ {DATA}  (stub)",
        "",
        "holds     3 nodes, 2 edges, 0 links crossed, 1 stub",
        "cut       nothing",
        run("trace", MODEL).stdout.splitlines()[6],
    ]


def test_json_is_the_answer_itself(run: Run, store: Path) -> None:
    record(store, training())
    printed = run("trace", DATA, "--direction", "downstream", "--format", "json").stdout
    with open_ledger(store) as ledger:
        answer = ledger.trace(TraceQuery(start=(DATA,), direction=Direction.DOWNSTREAM))
    assert msgspec.json.decode(printed, type=LineageAnswer) == answer
    assert printed.count("\n") == 1


def test_dot_names_every_end(run: Run, store: Path) -> None:
    record(store, training())
    printed = run("trace", MODEL, "--format", "dot").stdout.splitlines()
    assert printed[0] == "digraph lineage {"
    assert printed[-1] == "}"
    assert sum(" -> " in line for line in printed) == 2


def test_a_limit_says_what_it_hides(run: Run, store: Path) -> None:
    record(store, training())
    printed = run("trace", MODEL, "--depth", "1").stdout
    assert "cut       by the limit of 1 for depth: at least 1 node hidden" in printed
    assert "complete  no" in printed


def test_an_unknown_start_is_said_and_is_a_finding(run: Run, store: Path) -> None:
    record(store, training())
    result = run("trace", "acme:never/heard")
    assert result.exit_code == 1
    assert "unknown   acme:never/heard" in result.stdout


def test_what_is_no_identifier_is_bad_input(run: Run, store: Path) -> None:
    record(store, training())
    result = run("trace", "acme:\x07")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_links_are_crossed_as_asked(run: Run) -> None:
    message = json.loads(json.dumps(MESSAGE))
    message["outputs"][0]["facets"] = {
        "symlinks": {
            "_producer": "https://tools.example.com/acme",
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/SymlinksDatasetFacet.json",
            "identifiers": [{"namespace": "duckdb:///w", "name": "main.b", "type": "TABLE"}],
        }
    }
    later = {**MESSAGE, "run": {"runId": "01941f29-7c00-7000-8000-000000000002"}}
    later |= {"inputs": [{"namespace": "duckdb:///w", "name": "main.b"}], "outputs": []}
    run("ingest", "-", given=lines(message, later))
    start = ("trace", "ol:dataset/file//b.csv", "--direction", "downstream")
    assert "= ■ ol:dataset/duckdb" in run(*start).stdout
    assert '(link asserted by openlineage {"facet":"symlinks"' in run(*start).stdout
    assert "= ■" not in run(*start, "--cross", "none").stdout
    assert run(*start, "--cross", "none", "--cross", "content").exit_code == 2
    assert run(*start, "--cross", "guessed").exit_code == 2


def test_data_that_flows_in_a_circle_is_shown_once_and_told(run: Run, store: Path) -> None:
    upsert = Statement(
        id="upsert-1",
        source="notebook",
        records=(
            Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT),
            Event(artifact=DATA, execution=RUN, kind=EventKind.OUTPUT),
        ),
    )
    record(store, upsert)
    printed = run("trace", DATA).stdout.splitlines()
    assert printed[:3] == [
        f"■ {DATA}  (stub)",
        f"└─ ← OUTPUT ▶ {RUN}  (stub)",
        f"   └─ ← INPUT ■ {DATA}  (see above)",
    ]
    assert f"circle    among {DATA}, {RUN}" in printed


def test_a_chain_of_thousands_is_drawn_in_bounded_width(run: Run, store: Path) -> None:
    def link(number: int) -> tuple[Event, Event]:
        step = f"acme:run/{number}"
        return (
            Event(artifact=f"acme:data/{number}", execution=step, kind=EventKind.INPUT),
            Event(artifact=f"acme:data/{number + 1}", execution=step, kind=EventKind.OUTPUT),
        )

    chain = [link(number) for number in range(1_500)]
    record(
        store,
        *(
            Statement(
                id=f"chain-{start}",
                source="notebook",
                records=tuple(event for pair in chain[start : start + 500] for event in pair),
            )
            for start in range(0, 1_500, 500)
        ),
    )
    printed = run("trace", "acme:data/1500").stdout.splitlines()
    assert printed[3_000].endswith("(level 3000) ← INPUT ■ acme:data/0  (stub)")
    assert max(map(len, printed)) < 250


def test_a_name_cannot_steer_the_terminal(run: Run, store: Path) -> None:
    record(store, training("\x1b[31mred\u202e\n"))
    for arguments in (("trace", MODEL), ("show", RUN), ("list", "execution")):
        printed = run(*arguments).stdout
        assert "\\u001b[31mred\\u202e" in printed
        assert "\x1b" not in printed
    dot = run("trace", MODEL, "--format", "dot").stdout
    assert "\x1b" not in dot


# --- show, query, audit, rebuild -----------------------------------------------------------------


def test_show_tells_all(run: Run, store: Path) -> None:
    record(store, training())
    printed = run("show", RUN).stdout
    assert "loss: 2 points, steps 0 to 9, first 0.5, last 0.25, lowest 0.25, highest 0.5" in printed
    assert f"← INPUT ■ {DATA}  (stub)" in printed
    assert f"→ OUTPUT ■ {MODEL}  lineage.Model" in printed
    assert "size_bytes: 12" in run("show", MODEL).stdout
    assert f"← OUTPUT ▶ {RUN}" in run("show", MODEL).stdout


def test_show_as_json_is_a_list_of_answers(run: Run, store: Path) -> None:
    record(store, training())
    (answer,) = json.loads(run("show", MODEL, "--format", "json").stdout)
    assert answer["node"]["key"] == MODEL


def test_showing_what_is_unknown_is_an_error(run: Run, store: Path) -> None:
    record(store, training())
    result = run("show", "acme:never/heard")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "never heard of this (acme:never/heard)" in result.stderr
    assert run("show", MODEL, "--kind", "execution").exit_code == 1


def test_a_query_is_answered_without_a_server(run: Run, store: Path) -> None:
    record(store, training())
    result = run("query", "-", given="{ head { size } }")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"data": {"head": {"size": "5"}}}


def test_a_query_takes_variables(run: Run, store: Path) -> None:
    record(store, training())
    document = "query Q($key: String!) { artifact(key: $key) { node { key } } }"
    result = run("query", "-", "--variables", json.dumps({"key": MODEL}), given=document)
    assert MODEL in result.stdout, result.output
    assert result.exit_code == 0


@pytest.mark.parametrize("document", ["{ nonsense }", "{", ""])
def test_a_query_that_is_refused_is_bad_input(run: Run, store: Path, document: str) -> None:
    record(store, training())
    result = run("query", "-", given=document)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["errors"]


@pytest.mark.parametrize("variables", ["[]", "{", "1"])
def test_variables_are_an_object(run: Run, store: Path, variables: str) -> None:
    record(store, training())
    result = run("query", "-", "--variables", variables, given="{ head { size } }")
    assert result.exit_code == 2
    assert "no JSON object" in result.stderr


def test_a_clean_ledger_is_clean(run: Run, store: Path) -> None:
    record(store, training())
    result = run("audit")
    assert result.exit_code == 0
    assert "audit     clean" in result.stdout


def test_a_changed_byte_is_a_finding(run: Run, store: Path) -> None:
    record(store, training())
    tamper(store)
    result = run("audit")
    assert result.exit_code == 1
    assert "position 4: The leaf is not the hash of the envelope" in result.stdout
    report = json.loads(run("audit", "--format", "json").stdout)
    assert report["findings"][0]["position"] == 4


def tamper(store: Path) -> None:
    """Change a stored envelope behind the ledger's back."""
    connection = sqlite3.connect(store)
    with connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(
            "UPDATE entry SET envelope ="
            " CAST(REPLACE(CAST(envelope AS TEXT), 'notebook', 'notebooc') AS BLOB)"
        )
    connection.close()


def test_a_rebuild_comes_out_the_same(run: Run, store: Path) -> None:
    record(store, training())
    result = run("rebuild")
    assert result.exit_code == 0
    assert "folded 5 entries: identical" in result.stdout


def test_a_rebuild_that_differs_is_a_finding(run: Run, store: Path) -> None:
    record(store, training())
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("DELETE FROM word")
    connection.close()
    result = run("rebuild", "--format", "json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["before"] != report["after"]
    assert run("rebuild").exit_code == 0


# --- demo ----------------------------------------------------------------------------------------


def test_a_second_demo_appends_nothing(run: Run, tmp_path: Path) -> None:
    demo = ("demo", "--no-serve", "--store", str(tmp_path / "demo.db"))
    first, second = run(*demo), run(*demo)
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert "46 appended, 0 already there" in first.stdout
    assert "0 appended, 46 already there" in second.stdout
    assert "LINEAGE_STORE" not in second.stdout


def test_the_demo_stays_out_of_the_ledger_of_the_environment(
    run: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("demo", "--no-serve").exit_code == 0
    assert (tmp_path / "lineage-demo.db").exists()
    assert not store.exists()


def test_a_wrong_setting_is_told(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--store", str(tmp_path / "demo.db"), "--port", "99999")
    assert result.exit_code == 2
    assert "port is from" in result.stderr
