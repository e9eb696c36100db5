"""Two runs compared by hand: each verdict of each aspect, and nothing that is guessed."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from calendars import DAWN
from erasing import asked
from lineage.connectors.mlflow.documents import run_document
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.scanning import Revision
from lineage.ledger import (
    Artifact,
    Claim,
    CompareQuery,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    StatedTime,
    Statement,
)
from lineage.questions.citing import Cited
from lineage.questions.comparing import compare_numbers, compare_values
from lineage.service import Ledger
from lineage_schemas.comparisons import AspectName, ComparisonAnswer, Verdict
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from mlflow_fake import made_run, run_id
from mlflow_looking import SERVER
from openlineage_messages import RUN, job_with, mapped, run_event

A, B, COMMIT = "acme:a", "acme:b", "ab" * 20
SAME, DIFFERS, PARTLY = Verdict.SAME, Verdict.DIFFERS, Verdict.PARTLY_KNOWN
ONE, OTHER, UNKNOWN = Verdict.ONLY_ONE, Verdict.ONLY_OTHER, Verdict.UNKNOWN
Tell = Callable[..., None]


@pytest.fixture
def tell(ledger: Ledger) -> Tell:
    def record(*records: AnyRecord, day: int | None = None, source: str = "ci") -> None:
        stated = None if day is None else StatedTime(start=DAWN + timedelta(days=day))
        name = f"s-{ledger.head().size}"
        ledger.record([Statement(id=name, source=source, stated=stated, records=records)])

    return record


def run(key: str, **properties: JsonValue) -> Execution:
    return Execution(key=key, type="lineage.Train", properties=properties)


def taken(artifact: str, execution: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=EventKind.INPUT)


def made(artifact: str, execution: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=EventKind.OUTPUT)


def data(key: str, **properties: JsonValue) -> Artifact:
    return Artifact(key=key, type="lineage.DataSet", properties=properties)


def compared(ledger: Ledger, one: str = A, other: str = B) -> ComparisonAnswer:
    return ledger.graph.compare(CompareQuery(one=one, other=other))


def verdict(answer: ComparisonAnswer, name: AspectName) -> Verdict:
    return next(aspect.verdict for aspect in answer.aspects if aspect.name is name)


def items(answer: ComparisonAnswer, name: AspectName) -> dict[str, Verdict]:
    (aspect,) = (aspect for aspect in answer.aspects if aspect.name is name)
    return {
        item.name: item.verdict
        for item in aspect.items
        if item.one is not None or item.other is not None
    }


CLEAN: dict[str, JsonValue] = {"code_commit": COMMIT, "code_is_dirty": False}
DIRTY: dict[str, JsonValue] = {"code_commit": COMMIT, "code_is_dirty": True}
DIFF: dict[str, JsonValue] = {"code_diff_digest": "sha256:" + "1" * 64}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (CLEAN, CLEAN, SAME),
        (CLEAN, {"code_commit": "cd" * 20, "code_is_dirty": False}, DIFFERS),
        (CLEAN, DIRTY, DIFFERS),
        (DIRTY, DIRTY, PARTLY),
        (DIRTY | DIFF, DIRTY | DIFF, SAME),
        (CLEAN, {"code_commit": COMMIT}, PARTLY),
        ({"code_commit": COMMIT}, {"code_commit": COMMIT}, PARTLY),
        (CLEAN, {}, ONE),
        ({}, CLEAN, OTHER),
        ({}, {}, UNKNOWN),
        ({"entry_point": "a.py"}, {"entry_point": "b.py"}, UNKNOWN),
    ],
)
def test_code(
    ledger: Ledger,
    tell: Tell,
    one: dict[str, JsonValue],
    other: dict[str, JsonValue],
    expected: Verdict,
) -> None:
    tell(run(A, **one), run(B, **other))
    assert verdict(compared(ledger), AspectName.CODE) is expected


WEB, SSH = "https://Git.example/org/fraud.git", "git@git.example:org/fraud"
FORK = "https://git.example/somebody/fraud"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((WEB, COMMIT), (SSH, COMMIT), (SAME, SAME, SAME)),
        ((WEB, "cd" * 20), (SSH, COMMIT), (SAME, DIFFERS, DIFFERS)),
        # A commit names its tree and its past, so it is the same code in a fork.
        ((WEB, COMMIT), (FORK, COMMIT), (DIFFERS, SAME, SAME)),
        ((WEB, COMMIT), (None, COMMIT), (ONE, SAME, SAME)),
        ((WEB, COMMIT), (WEB, COMMIT.upper()), (SAME, SAME, SAME)),
        # Seven digits of a hash, or a revision of something else, name nothing everywhere.
        ((WEB, "abababa"), (FORK, "abababa"), (DIFFERS, SAME, DIFFERS)),
        ((WEB, "r1A"), (WEB, "r1a"), (SAME, DIFFERS, DIFFERS)),
        ((WEB, COMMIT), (WEB, "ab" * 32), (SAME, UNKNOWN, PARTLY)),
        ((WEB, None), (FORK, None), (DIFFERS, UNKNOWN, DIFFERS)),
    ],
)
def test_one_commit_is_one_code_however_it_and_its_repository_are_spelt(
    ledger: Ledger,
    tell: Tell,
    one: tuple[str | None, str | None],
    other: tuple[str | None, str | None],
    expected: tuple[Verdict, Verdict, Verdict],
) -> None:
    for key, (repository, commit) in ((A, one), (B, other)):
        said = {"code_repository": repository, "code_commit": commit}
        known: dict[str, JsonValue] = {name: text for name, text in said.items() if text}
        tell(run(key, code_is_dirty=False, **known))
    answer = compared(ledger)
    (aspect,) = (aspect for aspect in answer.aspects if aspect.name is AspectName.CODE)
    verdicts = {item.name: item.verdict for item in aspect.items}
    assert (verdicts["code_repository"], verdicts["code_commit"], aspect.verdict) == expected


def test_the_commit_may_be_an_input(ledger: Ledger, tell: Tell) -> None:
    revision = Artifact(
        key=f"git:commit/{COMMIT}", type="lineage.CodeRevision", properties={"commit": COMMIT}
    )
    tell(run(A, code_is_dirty=False), run(B, **CLEAN), revision, taken(f"git:commit/{COMMIT}", A))
    answer = compared(ledger)
    assert verdict(answer, AspectName.CODE) is SAME
    assert items(answer, AspectName.DATA) == {}


def test_data_by_identity_bytes_and_name(ledger: Ledger, tell: Tell) -> None:
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    tell(run(A), run(B))
    tell(data("acme:shared", content_digest=first), taken("acme:shared", A))
    tell(taken("acme:shared", B))
    tell(data("acme:bare"), taken("acme:bare", A), taken("acme:bare", B))
    # The same bytes under two names, by a claim and by a property.
    tell(data("acme:x@1"), taken("acme:x@1", A))
    claim = Claim(
        kind=Kind.ARTIFACT, node="acme:x@1", identifier=second, link_class=LinkClass.CONTENT
    )
    tell(claim, data("acme:y", content_digest=second), taken("acme:y", B))
    tell(data("acme:t@1", content_digest=first[:-1] + "3"), taken("acme:t@1", A))
    tell(data("acme:t@2", content_digest=first[:-1] + "4"), taken("acme:t@2", B))
    tell(data("acme:v@1", version="1"), taken("acme:v@1", A))
    tell(data("acme:v@2", version="2"), taken("acme:v@2", B))
    tell(data("acme:u@1", version="1"), taken("acme:u@1", A))
    tell(data("acme:u@2", content_digest=first[:-1] + "5"), taken("acme:u@2", B))
    tell(data("acme:w@1", version="7"), taken("acme:w@1", A))
    tell(data("acme:w@2", version="7"), taken("acme:w@2", B))
    tell(data("acme:only-a"), taken("acme:only-a", A))
    tell(data("acme:only-b"), taken("acme:only-b", B))
    answer = compared(ledger)
    assert verdict(answer, AspectName.DATA) is DIFFERS
    assert items(answer, AspectName.DATA) == {
        "acme:shared": SAME,
        "acme:bare": UNKNOWN,
        "acme:x@1": SAME,
        "acme:t@1": DIFFERS,
        "acme:v@1": DIFFERS,
        "acme:u@1": UNKNOWN,
        "acme:w@1": UNKNOWN,
        "acme:only-a": ONE,
        "acme:only-b": OTHER,
    }


def test_one_address_whose_bytes_changed_is_unknown(ledger: Ledger, tell: Tell) -> None:
    tell(run(A), taken("acme:table", A), data("acme:table", content_digest="md5:" + "1" * 32))
    claim = Claim(
        kind=Kind.ARTIFACT,
        node="acme:table",
        identifier="md5:" + "2" * 32,
        link_class=LinkClass.CONTENT,
    )
    tell(run(B), taken("acme:table", B), claim)
    answer = compared(ledger)
    assert items(answer, AspectName.DATA) == {"acme:table": UNKNOWN}
    assert verdict(answer, AspectName.DATA) is UNKNOWN


def test_parameters_and_environment(ledger: Ledger, tell: Tell) -> None:
    tell(
        run(
            A,
            hyperparameters={"depth": 6, "rate": 0.1, "only": True},
            python_version="3.11.7",
            library_versions={"numpy": "2.0", "scipy": "1.14"},
            numpy_seed=7,
        ),
        run(
            B,
            hyperparameters={"depth": 6.0, "rate": "0.1"},
            python_version="3.11.7",
            library_versions={"numpy": "2.0"},
        ),
    )
    answer = compared(ledger)
    assert items(answer, AspectName.PARAMETERS) == {"depth": SAME, "rate": DIFFERS, "only": ONE}
    assert verdict(answer, AspectName.PARAMETERS) is DIFFERS
    assert items(answer, AspectName.ENVIRONMENT) == {
        "python_version": SAME,
        "library_versions.numpy": SAME,
        "library_versions.scipy": ONE,
        "numpy_seed": ONE,
    }
    assert verdict(answer, AspectName.ENVIRONMENT) is PARTLY
    assert verdict(answer, AspectName.METRICS) is UNKNOWN
    assert verdict(answer, AspectName.OUTPUTS) is UNKNOWN


def test_a_parameter_that_only_one_run_has_is_a_difference(ledger: Ledger, tell: Tell) -> None:
    tell(run(A, hyperparameters={"depth": 6, "extra": 1}), run(B, hyperparameters={"depth": 6}))
    assert verdict(compared(ledger), AspectName.PARAMETERS) is DIFFERS
    tell(run("acme:c"))
    assert verdict(compared(ledger, A, "acme:c"), AspectName.PARAMETERS) is ONE


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.5, 0.75, (DIFFERS, 0.25, 0.5)),
        (-0.5, -1.0, (DIFFERS, -0.5, -1.0)),
        (0, 3, (DIFFERS, 3, None)),
        (2, 2.0, (SAME, 0.0, 0.0)),
        ({"$float": "NaN"}, {"$float": "NaN"}, (SAME, None, None)),
        ({"$float": "NaN"}, 1.0, (DIFFERS, None, None)),
        ({"$float": "Infinity"}, {"$float": "-Infinity"}, (DIFFERS, None, None)),
        (-1e308, 1e308, (DIFFERS, {"$float": "Infinity"}, None)),
        (2**63 - 1, -(2**63), (DIFFERS, -(2**64) + 1, -2.0)),
        ("high", 1.0, (DIFFERS, None, None)),
        (True, 1, (DIFFERS, None, None)),
        (None, 1.0, (OTHER, None, None)),
        (1.0, None, (ONE, None, None)),
        (None, None, (UNKNOWN, None, None)),
    ],
)
def test_figures(
    one: JsonValue, other: JsonValue, expected: tuple[Verdict, JsonValue, float | None]
) -> None:
    first, second = (
        None if value is None else Cited(value, None, "ci", position)
        for position, value in enumerate((one, other))
    )
    found = compare_numbers("auc", first, second)
    assert (found.verdict, found.difference, found.ratio) == expected
    assert found.verdict is compare_values("auc", first, second).verdict
    assert found.ratio is None or math.isfinite(found.ratio)


def test_versions_are_compared_by_the_runs_that_made_them(ledger: Ledger, tell: Tell) -> None:
    for name in ("a", "b"):
        version, model, key = (f"acme:{what}/{name}" for what in ("version", "model", "run"))
        tell(
            Artifact(key=version, type="lineage.ModelVersion"),
            Execution(key=f"acme:register/{name}", type="lineage.Register"),
            made(version, f"acme:register/{name}"),
            taken(model, f"acme:register/{name}"),
            Artifact(
                key=model,
                type="lineage.Model",
                properties={"evaluation_metrics": {"auc": 0.5}},
            ),
            made(model, key),
            run(key, metrics={"loss": 1.0 if name == "a" else 0.5}),
        )
    answer = compared(ledger, "acme:version/a", "acme:version/b")
    assert [side.run and side.run.key for side in (answer.one, answer.other)] == [
        "acme:run/a",
        "acme:run/b",
    ]
    assert items(answer, AspectName.METRICS) == {"loss": DIFFERS}
    models = compared(ledger, "acme:model/a", "acme:model/b")
    assert items(models, AspectName.METRICS) == {
        "loss": DIFFERS,
        "evaluation_metrics.auc": SAME,
    }


def test_what_nothing_made_and_what_nobody_has_heard_of(ledger: Ledger, tell: Tell) -> None:
    tell(Artifact(key="acme:orphan", type="lineage.ModelVersion"))
    answer = compared(ledger, "acme:orphan", "acme:nobody")
    assert (answer.one.run, answer.other.subject) == (None, None)
    assert answer.unknown == ("acme:nobody",)
    assert {aspect.verdict for aspect in answer.aspects} == {UNKNOWN}


def test_values_of_a_stated_time(ledger: Ledger, tell: Tell) -> None:
    tell(run(A, numpy_seed=1), run(B, numpy_seed=1), day=1)
    tell(run(B, numpy_seed=2), day=5)
    query = CompareQuery(one=A, other=B)
    early = ledger.graph.compare(query, valid_at=DAWN + timedelta(days=2))
    assert items(early, AspectName.ENVIRONMENT) == {"numpy_seed": SAME}
    assert items(compared(ledger), AspectName.ENVIRONMENT) == {"numpy_seed": DIFFERS}
    assert early.basis.valid_at is not None


def test_an_erased_value_cannot_be_told(ledger: Ledger, tell: Tell) -> None:
    tell(
        Execution(
            key=A,
            type="lineage.Train",
            properties={"hyperparameters": {"user": "eve"}},
            personal=("hyperparameters",),
        ),
        run(B, hyperparameters={"user": "eve"}),
    )
    ledger.erasures.erase(asked(A))
    answer = compared(ledger)
    assert items(answer, AspectName.PARAMETERS) == {"hyperparameters": UNKNOWN}
    assert answer.redactions


def test_what_cannot_be_compared(ledger: Ledger, tell: Tell) -> None:
    tell(run(A), run(B), made("acme:m", A), made("acme:m", B), Context(key="acme:c"))
    with pytest.raises(InvalidInputError, match=f"Several runs made this: {A}, {B}"):
        compared(ledger, "acme:m", A)
    with pytest.raises(InvalidInputError, match="groups runs"):
        compared(ledger, "acme:c", A)
    with pytest.raises(NotFoundError):
        compared(ledger, "nobody calls it so", A)
    tell(made(A, "acme:d"))
    with pytest.raises(InvalidInputError, match="Several things"):
        compared(ledger, A, B)


def test_a_run_of_mlflow_against_a_run_of_openlineage(ledger: Ledger, tell: Tell) -> None:
    shown = made_run(7)
    shown["data"]["tags"] = [
        {"key": "mlflow.source.git.commit", "value": COMMIT},
        {"key": "mlflow.source.git.repoURL", "value": "https://example.org/fraud.git"},
    ]
    document = run_document(shown)
    revision = Revision(
        subject=document.subject, body=document.body, before=None, after=None, at=DAWN
    )
    for told in MlflowMapping(SERVER).map(revision):
        tell(*told.records, source="mlflow")
    code: JsonValue = {
        "_producer": "https://example.org",
        "_schemaURL": "https://example.org",
        "type": "git",
        "url": "https://example.org/fraud.git",
        "repoUrl": "https://example.org/fraud.git",
        "version": "cd" * 20,
    }
    tell(*mapped(run_event(job=job_with(sourceCodeLocation=code))), source="airflow")
    answer = compared(ledger, f"mlflow:run/{SERVER}/{run_id(7)}", RUN)
    assert verdict(answer, AspectName.CODE) is DIFFERS
    assert items(answer, AspectName.CODE)["code_commit"] is DIFFERS
    assert items(answer, AspectName.CODE)["code_repository"] is SAME
    assert verdict(answer, AspectName.PARAMETERS) is ONE
    assert verdict(answer, AspectName.METRICS) is ONE
