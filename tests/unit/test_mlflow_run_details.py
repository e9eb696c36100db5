"""What a reader of a tracking server does about the metrics by step and the files of runs."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from lineage.connectors.mlflow.reading import ReadingOptions, SeriesChoice
from lineage.connectors.mlflow.rest import ServerReader
from lineage.connectors.mlflow.runs_of_server import ARTIFACT_FAILURES_MAX, KNOWN_AT_ONCE
from lineage.connectors.scanning import Document, Known, Memory, Unread
from lineage.connectors.transport import (
    Params,
    SourceAnswerError,
    SourceError,
    SourceMissingError,
    SourceSlowError,
)
from lineage.importing.importer import LedgerMemory
from lineage.service import Ledger
from lineage_schemas.limits import METRIC_SERIES_POINTS_MAX
from mlflow_fake import START_MS, FakeServer, made_run, run_id
from mlflow_looking import SERVER, SOURCE, NoMemory, fresh_ledger, look

NO_FILES = ReadingOptions(artifacts_max=0)


def read(
    server: FakeServer, options: ReadingOptions = NO_FILES
) -> tuple[list[Document], list[Unread]]:
    found = list(ServerReader(server, "here", options).read(NoMemory(), None, is_whole=True))
    return (
        [one for one in found if isinstance(one, Document)],
        [one for one in found if isinstance(one, Unread)],
    )


def test_a_long_metric_comes_in_chunks_and_its_rest_is_unread_where_a_page_fails() -> None:
    points = [
        {"key": "m", "value": step / 2, "timestamp": START_MS, "step": step}
        for step in range(2 * METRIC_SERIES_POINTS_MAX + 5)
    ]

    def stepped(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["metrics"] = [points[-1]]
        return run

    things = {"metrics/get-history": points}
    documents, unread = read(FakeServer(stepped, count=1, things=things))
    assert [one.subject.rpartition("/")[2] for one in documents if one.kind == "series"] == [
        *("0", "1", "2")
    ]
    assert unread == []

    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        late = name == "metrics/get-history" and question.get("page_token", "0") >= "2"
        return SourceAnswerError("Cut", status=400) if late else None

    documents, unread = read(FakeServer(stepped, count=1, things=things, fail=fail))
    assert len([one for one in documents if one.kind == "series"]) == 2
    assert [one.kind for one in unread] == ["series"]


def test_the_rest_of_a_metric_whose_page_failed_is_read_by_the_next_look() -> None:
    points = [
        {"key": "m", "value": step / 2, "timestamp": START_MS, "step": step}
        for step in range(METRIC_SERIES_POINTS_MAX + 5)
    ]

    def stepped(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["metrics"] = [points[-1]]
        return run

    is_broken = True

    def fail(name: str, question: Mapping[str, Any]) -> SourceError | None:
        late = name == "metrics/get-history" and "page_token" in question
        return SourceAnswerError("Cut", status=400) if late and is_broken else None

    ledger = fresh_ledger()
    server = FakeServer(stepped, count=1, things={"metrics/get-history": points}, fail=fail)
    for hours in (0, 1):
        tally = look(ledger, ServerReader(server, "here", NO_FILES), hours=hours)
        assert [one.kind for one in tally.unread] == ["series"]
    is_broken = False
    tally = look(ledger, ServerReader(server, "here", NO_FILES), hours=2)
    assert (tally.appended, tally.here["series"], tally.unread) == (1, 2, [])
    server.asked.clear()
    assert look(ledger, ServerReader(server, "here", NO_FILES), hours=3).here["series"] == 2
    assert "metrics/get-history" not in {name for name, _ in server.asked}


def test_series_are_read_only_where_they_are_wanted() -> None:
    wanted = ReadingOptions(artifacts_max=0, series=SeriesChoice.NONE)
    server = FakeServer(count=3)
    read(server, wanted)
    read(server)  # the last step of each is 0
    assert not [name for name, _ in server.asked if name == "metrics/get-history"]
    read(server, ReadingOptions(artifacts_max=0, series=SeriesChoice.ALL))
    assert len([name for name, _ in server.asked if name == "metrics/get-history"]) == 3


@pytest.mark.parametrize("count", [1, 5])
def test_all_series_are_asked_for_once_though_others_were_imported_before(count: int) -> None:
    points = [
        {"key": "m", "value": at / 2, "timestamp": START_MS + at, "step": 0} for at in range(count)
    ]
    ledger = fresh_ledger()
    server = FakeServer(count=1, things={"metrics/get-history": points})
    look(ledger, ServerReader(server, "here", NO_FILES))
    wanted = ReadingOptions(artifacts_max=0, series=SeriesChoice.ALL)
    assert look(ledger, ServerReader(server, "here", wanted), hours=1).appended == 1
    shown = ledger.show(f"mlflow:run/{SERVER}/{run_id(0)}")[0].series
    assert [len(one.points) for one in shown] == ([count] if count > 1 else [])
    server.asked.clear()
    assert look(ledger, ServerReader(server, "here", wanted), hours=2).appended == 0
    assert "metrics/get-history" not in {name for name, _ in server.asked}


def test_a_metric_that_grows_is_appended_by_the_chunk_until_its_run_has_ended() -> None:
    points: list[dict[str, Any]] = []
    status = "RUNNING"

    def logged(number: int) -> dict[str, Any]:
        run = made_run(number, status=status)
        run["data"]["metrics"] = points[-1:]
        return run

    def log(count: int) -> None:
        steps = range(len(points), len(points) + count)
        points.extend({"key": "m", "value": 0.5, "timestamp": START_MS, "step": at} for at in steps)

    def shown(ledger: Ledger) -> int:
        series = ledger.show(f"mlflow:run/{SERVER}/{run_id(0)}")[0].series
        return sum(len(one.points) for one in series)

    ledger = fresh_ledger()
    server = FakeServer(logged, count=1, things={"metrics/get-history": points})
    counts: list[int] = []
    for hours, more in enumerate((5, 5, METRIC_SERIES_POINTS_MAX, 5)):
        log(more)
        look(ledger, ServerReader(server, "here", NO_FILES), hours=hours, whole=not hours)
        counts.append(shown(ledger))
    assert counts == [5, 5, METRIC_SERIES_POINTS_MAX, METRIC_SERIES_POINTS_MAX]
    status = "FINISHED"
    look(ledger, ServerReader(server, "here", NO_FILES), hours=9, whole=False)
    assert shown(ledger) == len(points)


def test_a_run_with_a_secret_is_known_again_without_it() -> None:
    def secret(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["params"] = [{"key": "db", "value": "postgres://me:hunter2secret@db/x"}]
        return run

    ledger = fresh_ledger()
    files: list[dict[str, Any]] = [{"path": "a", "file_size": 1}]
    server = FakeServer(secret, count=3, things={"artifacts/list": files})
    look(ledger, ServerReader(server, "here"))
    server.asked.clear()
    assert look(ledger, ServerReader(server, "here"), hours=1).here["artifacts"] == 3
    assert "artifacts/list" not in {name for name, _ in server.asked}


def test_what_is_known_of_settled_runs_is_asked_for_many_at_once() -> None:
    class Counted:
        def __init__(self, memory: Memory) -> None:
            self.asked: list[list[str]] = []
            self._memory = memory

        def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
            self.asked.append(list(subjects))
            return self._memory.known(self.asked[-1])

        def subjects(self, kind: str) -> Iterator[str]:
            return self._memory.subjects(kind)

    point = {"key": "m", "value": 0.5, "timestamp": START_MS, "step": 9}

    def stepped(number: int) -> dict[str, Any]:
        run = made_run(number)
        run["data"]["metrics"] = [point]
        return run

    files: list[dict[str, Any]] = [{"path": "a", "file_size": 1}]
    things = {"artifacts/list": files, "metrics/get-history": [point]}
    server = FakeServer(stepped, count=100, things=things)
    ledger = fresh_ledger()
    look(ledger, ServerReader(server, "here"))
    server.asked.clear()
    memory = Counted(LedgerMemory(ledger, SOURCE))
    shown = list(ServerReader(server, "here").read(memory, None, is_whole=True))
    kinds = Counter(one.kind for one in shown if isinstance(one, Document))
    assert kinds == {"experiment": 1, "run": 100, "series": 100, "artifacts": 100}
    assert not {"artifacts/list", "metrics/get-history"} & {name for name, _ in server.asked}
    assert len(memory.asked) <= 1 + -(-200 // KNOWN_AT_ONCE)
    assert all(len(one) < 2 * KNOWN_AT_ONCE for one in memory.asked[1:])


def test_a_run_without_files_and_a_store_that_is_out_of_reach_are_two_things() -> None:
    def missing(name: str, _: Mapping[str, Any]) -> SourceError | None:
        return SourceMissingError("None", status=404) if name == "artifacts/list" else None

    def broken(name: str, _: Mapping[str, Any]) -> SourceError | None:
        return SourceAnswerError("Broken", status=400) if name == "artifacts/list" else None

    files = ReadingOptions(artifacts_max=10)
    assert read(FakeServer(count=1, fail=missing), files)[1] == []
    assert [one.kind for one in read(FakeServer(count=1, fail=broken), files)[1]] == ["artifacts"]


def test_details_that_fail_hide_no_deletion_and_are_not_asked_for_without_end() -> None:
    def fail(name: str, _: Mapping[str, Any]) -> SourceError | None:
        return SourceSlowError("Broken", status=500) if name == "artifacts/list" else None

    ledger = fresh_ledger()
    server = FakeServer(count=20, fail=fail)
    reader = ServerReader(server, "here")
    tally = look(ledger, reader)
    assert {one.kind for one in tally.unread} == {"artifacts"}
    assert len(tally.unread) == ARTIFACT_FAILURES_MAX
    assert "no more" in tally.unread[-1].reason
    assert len([name for name, _ in server.asked if name == "artifacts/list"]) == len(tally.unread)
    last = START_MS + 19 * 1_000
    assert reader.cursor == {"run_started": last, "run_ended": last + 500}
    server.count = 15
    assert look(ledger, ServerReader(server, "here"), hours=1).gone == 5


@pytest.mark.parametrize(
    "error",
    [SourceMissingError("Lost", status=404), SourceSlowError("Broken", status=500)],
    ids=["missing", "broken"],
)
def test_a_file_whose_contents_are_lost_hides_no_other(error: SourceError) -> None:
    class Files(FakeServer):
        def get(self, path: str, params: Params) -> bytes:
            if path != "/get-artifact":
                return super().get(path, params)
            if params["path"] == "lost":
                raise error
            return b"hello"

    files: list[dict[str, Any]] = [{"path": name, "file_size": 5} for name in ("lost", "there")]
    wanted = ReadingOptions(hash_bytes_max=10)
    server = Files(count=1, things={"artifacts/list": files})
    documents, unread = read(server, wanted)
    (listed,) = (json.loads(one.body)["files"] for one in documents if one.kind == "artifacts")
    assert {one["path"]: one.get("sha256") for one in listed} == {
        "lost": None,
        "there": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    }
    assert [one.subject for one in unread] == [f"artifacts/{run_id(0)}/lost"]
