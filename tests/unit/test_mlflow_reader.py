"""What a reader of a tracking server does where the server is large, old, broken or changing."""

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from doubles import FakeClock
from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.mlflow.asking import REGISTERED_MODELS_PAGE, RUNS_PAGE
from lineage.connectors.mlflow.reading import ReadingOptions
from lineage.connectors.mlflow.rest import EXPERIMENTS_PER_QUESTION, ServerReader
from lineage.connectors.scanning import Document, Listed, Unread
from lineage.connectors.transport import (
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
)
from lineage_schemas.values import JsonValue
from mlflow_fake import START_MS, FakeServer, made_run, run_id
from mlflow_looking import NoMemory, fresh_ledger, graph, look

NO_FILES = ReadingOptions(artifacts_max=0)


def read(
    server: FakeServer, options: ReadingOptions = NO_FILES
) -> tuple[list[Document], list[Unread], set[str], ServerReader]:
    reader = ServerReader(server, "here", options)
    found = list(reader.read(NoMemory(), None, is_whole=True))
    return (
        [one for one in found if isinstance(one, Document)],
        [one for one in found if isinstance(one, Unread)],
        {one.kind for one in found if isinstance(one, Listed)},
        reader,
    )


def runs_of(documents: list[Document]) -> list[str]:
    return [one.subject.removeprefix("run/") for one in documents if one.kind == "run"]


@pytest.mark.parametrize("count", [0, 1, RUNS_PAGE, RUNS_PAGE + 1, 3 * RUNS_PAGE + 7])
def test_every_run_is_shown_once_whatever_the_pages(count: int) -> None:
    documents, unread, listed, _ = read(FakeServer(count=count))
    assert runs_of(documents) == [run_id(number) for number in range(count)]
    assert unread == []
    assert "run" in listed


def test_runs_of_one_moment_are_all_shown_though_they_fill_pages() -> None:
    def at_once(number: int) -> dict[str, Any]:
        return made_run(number, start_time=START_MS)

    count = 2 * RUNS_PAGE + 3
    documents, unread, _, _ = read(FakeServer(at_once, count=count))
    assert sorted(runs_of(documents)) == [run_id(number) for number in range(count)]
    assert unread == []


def test_a_run_that_is_deleted_for_good_meanwhile_hides_no_other() -> None:
    """An offset would skip the run behind it."""
    gone: set[int] = set()

    def shrinking(number: int) -> dict[str, Any]:
        return made_run(number, experiment_id="deleted" if number in gone else "1")

    def fail(name: str, question: Mapping[str, Any]) -> None:
        if name == "runs/search" and "start_time" in question.get("filter", ""):
            gone.add(0)

    documents, _, _, _ = read(FakeServer(shrinking, count=2 * RUNS_PAGE, fail=fail))
    assert set(runs_of(documents)) >= {run_id(number) for number in range(1, 2 * RUNS_PAGE)}


def test_a_registered_model_that_is_deleted_meanwhile_makes_no_other_seem_gone() -> None:
    models: list[dict[str, Any]] = [
        {"name": f"m{number:05}"} for number in range(2 * REGISTERED_MODELS_PAGE)
    ]
    names = [model["name"] for model in models]
    asked = 0

    def fail(name: str, _: Mapping[str, Any]) -> None:
        nonlocal asked
        if name == "registered-models/search":
            asked += 1
            if asked == 2:
                del models[0]

    server = FakeServer(fail=fail, things={"registered-models/search": models})
    documents, unread, listed, _ = read(server)
    shown = [one.subject for one in documents if one.kind == "registered_model"]
    assert sorted(shown) == [f"registered_model/{name}" for name in names]
    assert unread == []
    assert "registered_model" in listed


def test_a_page_that_fails_leaves_what_was_read_and_is_named() -> None:
    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        late = f">= {START_MS + (RUNS_PAGE - 1) * 1_000}"
        if name == "runs/search" and late in question.get("filter", ""):
            return SourceRefusedError("Not for you", status=403)
        return None

    documents, unread, listed, _ = read(FakeServer(count=2 * RUNS_PAGE, fail=fail))
    assert len(runs_of(documents)) == RUNS_PAGE
    assert [(one.kind, one.subject) for one in unread] == [("run", "run/the runs of experiment 1")]
    assert "Not for you" in unread[0].reason
    assert "run" not in listed
    assert {"experiment", "registered_model"} <= listed


def test_an_answer_that_comes_cut_is_asked_for_in_smaller_pages() -> None:
    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        too_long = name == "runs/search" and question["max_results"] > 50
        return SourceAnswerError("The answer was cut") if too_long else None

    documents, unread, _, _ = read(FakeServer(count=130, fail=fail))
    assert len(runs_of(documents)) == 130
    assert unread == []


@pytest.mark.parametrize("bad", [(0,), (3,), (3, 600), (2 * RUNS_PAGE - 1,)])
def test_a_run_that_cannot_be_shown_hides_none_that_began_after_it(bad: tuple[int, ...]) -> None:
    class Poisoned(FakeServer):
        def _shown(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
            shown = super()._shown(name, question)
            ids = {run["info"]["run_id"] for run in shown.get("runs", ())}
            if not ids.isdisjoint(map(run_id, bad)):
                raise SourceAnswerError("The answer is too long")
            return shown

    count = 2 * RUNS_PAGE
    documents, unread, listed, _ = read(Poisoned(count=count))
    hidden = range(bad[0], bad[-1] + 1)
    expected = [run_id(number) for number in range(count) if number not in hidden]
    assert sorted(runs_of(documents)) == expected
    assert [one.subject for one in unread] == ["run/the runs of experiment 1"]
    assert "run" not in listed


def test_an_experiment_that_is_forbidden_hides_no_other() -> None:
    experiments = tuple(str(number) for number in range(EXPERIMENTS_PER_QUESTION + 5))

    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        forbidden = name == "runs/search" and "7" in question["experiment_ids"]
        return SourceRefusedError("Not for you", status=403) if forbidden else None

    server = FakeServer(
        lambda number: made_run(number, experiment_id=str(number)),
        count=len(experiments),
        experiments=experiments,
        fail=fail,
    )
    documents, unread, _, _ = read(server)
    assert len(runs_of(documents)) == len(experiments) - 1
    assert [one.subject for one in unread] == ["run/the runs of experiment 7"]


class _TwoPagesOfExperiments(FakeServer):
    """Shows an experiment a page, and fails at the second page where that is asked for."""

    is_broken = False

    def _shown(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        shown = super()._shown(name, question)
        if name != "experiments/search":
            return shown
        if "page_token" not in question:
            return {"experiments": shown["experiments"][:1], "next_page_token": "rest"}
        if self.is_broken:
            raise SourceAnswerError("Broken", status=500)
        return {"experiments": shown["experiments"][1:]}


def test_runs_of_experiments_that_could_not_be_listed_are_not_taken_for_gone() -> None:
    ledger = fresh_ledger()
    server = _TwoPagesOfExperiments(
        lambda number: made_run(number, experiment_id=str(1 + number % 2)),
        count=4,
        experiments=("1", "2"),
    )
    look(ledger, ServerReader(server, "here", NO_FILES))
    server.is_broken = True
    reader = ServerReader(server, "here", NO_FILES)
    tally = look(ledger, reader, hours=1)
    assert (tally.gone, tally.there["run"]) == (0, 2)
    assert [one.subject for one in tally.unread] == ["experiment/the rest of the experiments"]
    server.is_broken = False
    assert look(ledger, ServerReader(server, "here", NO_FILES), hours=2).appended == 0


def test_an_experiment_that_is_too_long_hides_none_of_its_runs() -> None:
    class Long(FakeServer):
        def _shown(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
            shown = super()._shown(name, question)
            for one in shown.get("experiments", ()):
                one["tags"] = [{"key": "long", "value": "x" * (MESSAGE_BYTES_MAX + 1)}]
            return shown

    documents, unread, listed, _ = read(Long(count=3))
    assert len(runs_of(documents)) == 3
    assert [one.subject for one in unread] == ["experiment/1"]
    assert {"experiment", "run"} <= listed


def test_a_server_that_goes_away_ends_the_look_and_what_was_not_read_is_named() -> None:
    def fail(name: str, _: Mapping[str, Any]) -> SourceError | None:
        return SourceUnreachableError("It is gone") if name == "runs/search" else None

    server = FakeServer(count=3, fail=fail)
    documents, unread, listed, _ = read(server)
    assert [one.kind for one in documents] == ["experiment"]
    assert {one.kind for one in unread} == {
        *("run", "logged_model", "registered_model", "model_version"),
    }
    assert listed == {"experiment"}
    assert len([name for name, _ in server.asked if name == "runs/search"]) == 1


def test_a_server_that_cannot_be_asked_at_all_is_an_error() -> None:
    def fail(_: str, __: Mapping[str, Any]) -> SourceError:
        return SourceUnreachableError("No connection")

    with pytest.raises(SourceUnreachableError):
        read(FakeServer(fail=fail))


def test_what_an_older_server_does_not_have_is_told_once_and_not_as_unread() -> None:
    server = FakeServer(count=2, missing=frozenset({"logged-models/search"}))
    documents, unread, listed, reader = read(server)
    assert len(runs_of(documents)) == 2
    assert unread == []
    assert "logged_model" not in listed
    assert reader.notes == ["This server offers no logged models"]


def test_a_server_without_a_search_for_experiments_lists_them() -> None:
    server = FakeServer(count=2, missing=frozenset({"experiments/search"}))
    assert len(runs_of(read(server)[0])) == 2


def test_a_run_that_makes_no_sense_is_unread_and_the_rest_is_read() -> None:
    def odd(number: int) -> dict[str, Any]:
        run = made_run(number)
        if number == 1:
            run["data"]["metrics"] = [{"key": "m", "value": "many", "step": 0}]
        return run

    documents, unread, listed, _ = read(FakeServer(odd, count=3))
    assert runs_of(documents) == [run_id(0), run_id(2)]
    assert "no number" in unread[0].reason
    assert "run" not in listed


def test_fields_that_nobody_knows_are_kept_in_the_document() -> None:
    server = FakeServer(lambda number: made_run(number, colour="red"), count=1)
    documents, _, _, _ = read(server)
    assert b'"colour":"red"' in documents[1].body


def test_a_status_that_nobody_knows_is_flagged() -> None:
    ledger = fresh_ledger()
    server = FakeServer(lambda number: made_run(number, status="PAUSED"), count=1)
    look(ledger, ServerReader(server, "here", NO_FILES))
    ((_, run),) = graph(ledger).of_type("lineage.Run").items()
    assert run["state"] == "UNKNOWN"
    assert run["properties"]["source_state"] == "PAUSED"
    assert run["custom"]["mlflow.unknown_status"] is True


def test_a_second_look_asks_only_for_what_may_be_new() -> None:
    def spread(number: int) -> dict[str, Any]:
        start = START_MS + number * 60_000
        status = "RUNNING" if number == 3 else "FINISHED"
        return made_run(number, start_time=start, end_time=start + 500, status=status)

    ledger = fresh_ledger()
    server = FakeServer(spread, count=600)
    assert look(ledger, ServerReader(server, "here", NO_FILES)).appended == 601
    server.asked.clear()
    server.count += 5
    again = look(ledger, ServerReader(server, "here", NO_FILES), hours=1, whole=False)
    assert again.appended == 5
    assert again.there["run"] == 60 + 1 + 5 + 1  # an hour of runs, the last, the new, the running
    filters = [question["filter"] for name, question in server.asked if name == "runs/search"]
    assert any("RUNNING" in text for text in filters)
    assert all(filters)


def test_a_client_whose_clock_runs_ahead_makes_no_later_run_seem_old() -> None:
    far = START_MS + 10**12
    begun = FakeClock((START_MS + 10**6) * 1_000, step_us=0)

    def ahead(number: int) -> dict[str, Any]:
        return made_run(number, **({"start_time": far, "end_time": far} if number == 3 else {}))

    ledger = fresh_ledger()
    server = FakeServer(ahead, count=5)
    reader = ServerReader(server, "here", NO_FILES, begun)
    look(ledger, reader)
    marks = {"run_started": START_MS + 10**6, "run_ended": START_MS + 10**6}
    assert reader.cursor == marks
    server.count = 10
    again = ServerReader(server, "here", NO_FILES, begun)
    assert look(ledger, again, hours=1, whole=False).appended == 5


def test_a_cursor_from_the_future_is_none() -> None:
    server = FakeServer(count=5)
    reader = ServerReader(server, "here", NO_FILES, FakeClock((START_MS + 10**6) * 1_000))
    found = reader.read(NoMemory(), {"run_started": START_MS + 10**12}, is_whole=False)
    assert len([one for one in found if isinstance(one, Document) and one.kind == "run"]) == 5


def test_the_cursor_stays_where_a_kind_could_not_be_read() -> None:
    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        is_late = name == "runs/search" and "filter" in question
        return SourceRefusedError("Not for you", status=403) if is_late else None

    server = FakeServer(count=RUNS_PAGE + 1, fail=fail)
    reader = ServerReader(server, "here", NO_FILES)
    before: JsonValue = {"run_started": 7, "run_ended": 8}
    list(reader.read(NoMemory(), before, is_whole=True))
    assert reader.cursor == before


@pytest.mark.long
def test_a_hundred_thousand_runs_are_never_held_in_memory() -> None:
    server = FakeServer(count=100_000)
    reader = ServerReader(server, "here", NO_FILES)
    tracemalloc.start()
    shown = sum(isinstance(one, Document) for one in reader.read(NoMemory(), None, is_whole=True))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown == 100_001
    assert peak < 40 * 1_048_576  # a page, and the names of the runs: the runs are over 50 MB


def test_all_that_tags_may_say_is_taken_in_by_the_ledger() -> None:
    md5 = "0f343b0931126a20f133d67c2b018a3b"
    tags = {
        "dvc.md5.data/raw": f"{md5}.dir",
        "dvc.md5.data/train.csv": md5,
        "dvc.md5.empty": "d41d8cd98f00b204e9800998ecf8427e",
        "dvc.rev": "c" * 40,
        "data": f"dvc:data/github.com%2Frisk%2Fchurn/data/a b.csv@md5:{md5}",
        "stage": "dvc:stage/github.com%2Frisk%2Fchurn/dvc.lock/train@0123",
        "rows": "sha256:" + "ab" * 32,
        "lineage.ci.host": "github.com",
        "lineage.ci.repository": "risk/churn",
        "lineage.ci.run_id": "7",
        "lineage.image.digest": "ghcr.io/risk/train@sha256:" + "ab" * 32,
        "$odd": "$value",
        "mlflow.parentRunId": run_id(9),
    }

    def tagged(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
        return run

    ledger = fresh_ledger()
    tally = look(ledger, ServerReader(FakeServer(tagged, count=1), "here", NO_FILES))
    assert tally.unread == []
    found = graph(ledger)
    contents = {word for _, word, class_ in found.links if class_ == "content"}
    assert contents == {f"dvc-dir:{md5}.dir", f"md5:{md5}", "sha256:" + "ab" * 32}
    stage = "dvc:stage/github.com%2Frisk%2Fchurn/dvc.lock/train@0123"
    assert (f"mlflow:run/tracking.example.org:5000/{run_id(0)}", stage, "asserted") in found.links


def test_a_tag_that_leads_elsewhere_now_links_no_longer_where_it_led_before() -> None:
    stages = {name: f"dvc:stage/github.com%2Frisk%2Fchurn/dvc.lock/train@{name}" for name in "ab"}
    led_to = ""

    def tagged(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["tags"] = [{"key": "stage", "value": led_to}]
        return run

    ledger = fresh_ledger()
    server = FakeServer(tagged, count=1)
    for hours, name in enumerate(("a", "b", "", "a")):
        led_to = stages.get(name, "")
        look(ledger, ServerReader(server, "here", NO_FILES), hours=hours)
        found = {word for _, word, class_ in graph(ledger).links if class_ == "asserted"}
        assert found & set(stages.values()) == ({led_to} if led_to else set())
