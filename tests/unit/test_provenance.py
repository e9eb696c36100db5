"""Provenance by hand: the order of steps, what is told of each, and every gap by its code."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from calendars import DAWN
from dossier_story import APPROVAL, DATA, FILE, MODEL, RAW, RUN, VERSION, story
from erasing import asked
from lineage.ledger import (
    Artifact,
    Claim,
    CompareQuery,
    DiffQuery,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    PartsErased,
    ProvenanceQuery,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.questions.provenance import MAKERS_MAX
from lineage.questions.trace import DEPTH_MAX
from lineage.service import Ledger
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import Truncation, TruncationReason
from lineage_schemas.provenance import GapCode, ProvenanceAnswer
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

COMMIT = "ab" * 20
Tell = Callable[..., None]


@pytest.fixture
def tell(ledger: Ledger) -> Tell:
    def record(*records: AnyRecord, day: int | None = None, source: str = "ci") -> None:
        stated = None if day is None else StatedTime(start=DAWN + timedelta(days=day))
        name = f"s-{ledger.head().size}"
        ledger.record([Statement(id=name, source=source, stated=stated, records=records)])

    return record


def taken(artifact: str, execution: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=EventKind.INPUT)


def made(artifact: str, execution: str) -> Event:
    return Event(artifact=artifact, execution=execution, kind=EventKind.OUTPUT)


def provenance(ledger: Ledger, subject: str, depth: int = DEPTH_MAX) -> ProvenanceAnswer:
    return ledger.graph.provenance(ProvenanceQuery(subject=subject, depth=depth))


def steps(answer: ProvenanceAnswer) -> list[list[str]]:
    return [[one.thing.key for one in step.executions] for step in answer.steps]


def gaps(answer: ProvenanceAnswer) -> set[tuple[GapCode, str]]:
    return {(one.code, one.key) for one in answer.gaps}


def test_a_story_of_four_tools_step_by_step(ledger: Ledger) -> None:
    for statement in story():
        ledger.record([statement])
    answer = provenance(ledger, VERSION)
    assert steps(answer) == [["dvc:stage/prepare"], [RUN], ["acme:register/3"]]
    (training,) = answer.steps[1].executions
    assert (training.started, training.started_by) == ("2026-01-02T00:00:00Z", "ann")
    assert (training.code_commit, training.code_is_dirty) == (COMMIT, False)
    assert training.parameters == {"depth": 6, "rate": 0.1}
    assert [(one.source, one.stated_at) for one in training.told] == [
        ("mlflow", "2026-01-02T00:00:00.000000Z")
    ]
    inputs = {one.thing.key: one for one in training.inputs}
    # The data goes by the same bytes as the file that the step before it wrote.
    assert inputs[DATA].made_by == (1,)
    assert inputs[DATA].same_content == (FILE,)
    assert inputs[DATA].versions == ("sha256:" + "cd" * 32,)
    assert [one.thing.key for one in training.outputs] == [MODEL]
    assert [one.key for one in answer.sources] == [RAW, f"git:commit/{COMMIT}"]
    assert gaps(answer) == {
        (GapCode.STUB, RAW),
        (GapCode.NO_PRODUCER, RAW),
        (GapCode.NO_CODE, "dvc:stage/prepare"),
    }
    assert all(gap.what and gap.hint for gap in answer.gaps)
    assert answer.complete


def test_a_decision_counts_only_where_it_approves(ledger: Ledger, tell: Tell) -> None:
    for statement in story():
        ledger.record([statement])
    withdrawn: dict[str, JsonValue] = {"decision": "withdrawn"}
    tell(Artifact(key=APPROVAL, type="lineage.Approval", properties=withdrawn), day=9)
    answer = provenance(ledger, VERSION)
    (gap,) = (one for one in answer.gaps if one.code is GapCode.NO_APPROVAL)
    assert (gap.key, "withdrawn" in gap.what) == (VERSION, True)
    early = ledger.graph.provenance(
        ProvenanceQuery(subject=VERSION), valid_at=DAWN + timedelta(days=8)
    )
    assert GapCode.NO_APPROVAL not in {one.code for one in early.gaps}


@pytest.mark.parametrize(
    "described",
    [
        Artifact(key=APPROVAL, type="lineage.Approval", properties={"decision": "approved"}),
        Execution(key="acme:approve/1", type="lineage.Approve"),
    ],
    ids=["approval", "step"],
)
def test_a_decision_that_was_erased_is_no_missing_approval(
    ledger: Ledger, tell: Tell, described: Artifact | Execution
) -> None:
    tell(
        Artifact(key=VERSION, type="lineage.ModelVersion"),
        taken(VERSION, "acme:approve/1"),
        made(APPROVAL, "acme:approve/1"),
    )
    if described.key == APPROVAL:
        tell(Execution(key="acme:approve/1", type="lineage.Approve"))
    tell(described)
    erased_at = ledger.head().size - 1
    ledger.erasures.erase(asked(erased_at, parts=PartsErased.ALL))
    answer = provenance(ledger, VERSION)
    codes = {one.code for one in answer.gaps}
    assert GapCode.APPROVAL_ERASED in codes
    assert GapCode.NO_APPROVAL not in codes
    assert [one.position for one in answer.redactions] == [erased_at]
    assert answer.basis.redactions == 1


def test_every_gap_of_a_poor_story(ledger: Ledger, tell: Tell) -> None:
    tell(
        Artifact(key="acme:v", type="lineage.ModelVersion"),
        Execution(key="acme:train", type="lineage.Train"),
        made("acme:v", "acme:train"),
        taken("acme:data", "acme:train"),
        taken("acme:named", "acme:train"),
        taken("acme:bought", "acme:train"),
        Artifact(key="acme:data", type="lineage.DataSet"),
        Artifact(key="acme:bought", type="lineage.DataSet", properties={"source": "a vendor"}),
        made("acme:data", "acme:start"),
    )
    answer = provenance(ledger, "acme:v")
    assert gaps(answer) == {
        (GapCode.NO_APPROVAL, "acme:v"),
        (GapCode.NO_CODE, "acme:train"),
        (GapCode.NO_VERSION, "acme:data"),
        (GapCode.NO_VERSION, "acme:bought"),
        (GapCode.STUB, "acme:named"),
        (GapCode.NO_PRODUCER, "acme:named"),
        (GapCode.STUB, "acme:start"),
        (GapCode.NO_INPUTS, "acme:start"),
    }


def test_a_rich_story_has_no_gap(ledger: Ledger, tell: Tell) -> None:
    digest: dict[str, JsonValue] = {"content_digest": "sha256:" + "ef" * 32}
    tell(
        Execution(key="acme:collect", type="lineage.Collect", properties={"code_commit": COMMIT}),
        Artifact(key="acme:data", type="lineage.DataSet", properties=digest),
        made("acme:data", "acme:collect"),
        Execution(key="acme:train", type="lineage.Train"),
        Artifact(key=f"git:commit/{COMMIT}", type="lineage.CodeRevision"),
        taken("acme:data", "acme:train"),
        taken("acme:train.py", "acme:train"),
        Artifact(key="acme:train.py", type="lineage.DataSet", properties=digest),
        taken(f"git:commit/{COMMIT}", "acme:train"),
        Artifact(key="acme:m", type="lineage.Metrics"),
        made("acme:m", "acme:train"),
    )
    assert gaps(provenance(ledger, "acme:m")) == set()


def test_a_stub_that_is_asserted_to_be_something_described_is_no_gap(
    ledger: Ledger, tell: Tell
) -> None:
    tell(
        Execution(key="acme:run", type="lineage.Train", properties={"code_commit": COMMIT}),
        taken("acme:here", "acme:run"),
        Claim(
            kind=Kind.ARTIFACT,
            node="acme:here",
            identifier="other:there",
            link_class=LinkClass.ASSERTED,
        ),
        Artifact(
            key="other:there",
            type="lineage.DataSet",
            properties={"source": "a survey", "version": "3"},
        ),
    )
    answer = provenance(ledger, "acme:run")
    assert gaps(answer) == set()
    (source,) = answer.sources
    assert (source.key, len(source.ids), source.type) == ("acme:here", 2, "lineage.DataSet")


def test_a_circle_is_one_step_that_says_so(ledger: Ledger, tell: Tell) -> None:
    tell(
        taken("acme:table", "acme:clean"),
        made("acme:table", "acme:clean"),
        taken("acme:table", "acme:report"),
        made("acme:page", "acme:report"),
        taken("acme:page", "acme:digest"),
        made("acme:post", "acme:digest"),
    )
    answer = provenance(ledger, "acme:post")
    assert steps(answer) == [["acme:clean"], ["acme:report"], ["acme:digest"]]
    assert [step.is_knot for step in answer.steps] == [True, False, False]
    tell(taken("acme:post", "acme:report"))
    answer = provenance(ledger, "acme:post")
    assert steps(answer) == [["acme:clean"], ["acme:report", "acme:digest"]]
    assert [step.is_knot for step in answer.steps] == [True, True]


def test_a_limit_is_a_gap_and_makes_no_other(ledger: Ledger, tell: Tell) -> None:
    for number in range(4):
        tell(
            made(f"acme:d{number + 1}", f"acme:e{number}"),
            taken(f"acme:d{number}", f"acme:e{number}"),
        )
    answer = provenance(ledger, "acme:d4", depth=4)
    assert steps(answer) == [["acme:e2"], ["acme:e3"]]
    assert (GapCode.CUT, "acme:d4") in gaps(answer)
    assert (GapCode.NO_PRODUCER, "acme:d2") not in gaps(answer)
    assert not answer.complete
    odd = provenance(ledger, "acme:d4", depth=3)
    assert (GapCode.NO_INPUTS, "acme:e2") not in gaps(odd)


def test_what_was_erased_is_a_gap(ledger: Ledger, tell: Tell) -> None:
    tell(Execution(key="acme:run", type="lineage.Train", properties={"code_commit": COMMIT}))
    tell(taken("acme:x", "acme:run"))
    ledger.erasures.erase(asked("acme:run", parts=PartsErased.ALL))
    answer = provenance(ledger, "acme:run")
    found = {one.code for one in answer.gaps if one.thing and one.thing.kind is Kind.EXECUTION}
    assert GapCode.REDACTED in found
    assert GapCode.STUB not in found
    assert answer.redactions


def test_what_nobody_has_heard_of_is_the_gap(ledger: Ledger) -> None:
    answer = provenance(ledger, "acme:nobody")
    assert (answer.subject, answer.steps, answer.unknown) == (None, (), ("acme:nobody",))
    assert gaps(answer) == {(GapCode.UNKNOWN, "acme:nobody")}


def test_what_had_not_begun_at_a_stated_time_is_told_apart(ledger: Ledger, tell: Tell) -> None:
    tell(Execution(key="acme:run", type="lineage.Train"), day=5)
    query = ProvenanceQuery(subject="acme:run")
    answer = ledger.graph.provenance(query, valid_at=DAWN)
    assert (answer.subject, gaps(answer)) == (None, {(GapCode.NOT_BEGUN, "acme:run")})
    assert answer.unknown == ()
    diff = DiffQuery(trace=TraceQuery(start=("acme:run",)), valid_before=DAWN)
    told = ledger.graph.diff(diff, ledger.head().size)
    assert (told.not_begun_before, told.not_begun) == (("acme:run",), ())
    assert [node.key for node in told.nodes_added] == ["acme:run"]


def test_a_name_means_what_was_there_at_the_stated_time(ledger: Ledger, tell: Tell) -> None:
    digest = "md5:" + "ab" * 16
    for day, key in enumerate(("acme:x", "acme:y")):
        claim = Claim(kind=Kind.ARTIFACT, node=key, identifier=digest, link_class=LinkClass.CONTENT)
        tell(Artifact(key=key), claim, made(key, f"{key}/make"), day=day)
    ask, later = ledger.graph, DAWN + timedelta(days=1)
    then = ask.provenance(ProvenanceQuery(subject=digest), valid_at=DAWN)
    assert then.subject is not None
    assert then.subject.key == "acme:x"
    query = CompareQuery(one=digest, other="acme:x")
    compared = ask.compare(query, valid_at=DAWN)
    assert compared.one.subject == compared.other.subject
    for asking in (
        lambda: ask.provenance(ProvenanceQuery(subject=digest), valid_at=later),
        lambda: ask.compare(query, valid_at=later),
    ):
        with pytest.raises(InvalidInputError, match="Several things"):
            asking()


def test_bytes_that_two_things_have_are_no_subject(ledger: Ledger, tell: Tell) -> None:
    digest = "md5:" + "ab" * 16
    for key in ("acme:x", "acme:y"):
        claim = Claim(kind=Kind.ARTIFACT, node=key, identifier=digest, link_class=LinkClass.CONTENT)
        tell(Artifact(key=key), claim, made(key, f"{key}/make"), source=key[-1])
    with pytest.raises(InvalidInputError, match=r"Several things .* acme:x, acme:y"):
        provenance(ledger, digest)
    # Equal bytes of another source still lead from the one to who made the other.
    answer = provenance(ledger, "acme:x")
    assert answer.subject is not None
    assert answer.subject.key == "acme:x"
    assert {one for step in steps(answer) for one in step} == {"acme:x/make", "acme:y/make"}
    query = ProvenanceQuery(subject="acme:x", cross=(LinkClass.ASSERTED,))
    assert steps(ledger.graph.provenance(query)) == [["acme:x/make"]]
    with pytest.raises(InvalidInputError, match="never crossed"):
        ledger.graph.provenance(ProvenanceQuery(subject="acme:x", cross=(LinkClass.GUESSED,)))
    same = Claim(
        kind=Kind.ARTIFACT, node="acme:x", identifier="acme:y", link_class=LinkClass.ASSERTED
    )
    tell(same)
    joined = provenance(ledger, digest).subject
    assert joined is not None
    assert len(joined.ids) == 2


def test_what_cannot_be_asked(ledger: Ledger) -> None:
    for statement in story():
        ledger.record([statement])
    with pytest.raises(InvalidInputError, match="no data flows"):
        provenance(ledger, "acme:registered/fraud")
    for query in (
        ProvenanceQuery(subject=VERSION, depth=-1),
        ProvenanceQuery(subject=VERSION, nodes=0),
        ProvenanceQuery(subject=VERSION, nodes=100_001),
    ):
        with pytest.raises(InvalidInputError, match="from"):
            ledger.graph.provenance(query)
    with pytest.raises(NotFoundError):
        provenance(ledger, "nobody calls it so")


def test_of_a_table_that_many_wrote_and_many_read_the_last_makers_are_shown(
    ledger: Ledger, tell: Tell
) -> None:
    count = MAKERS_MAX + 3
    for number in range(count):
        tell(made("acme:table", f"acme:writer/{number}"))
        tell(taken("acme:table", f"acme:reader/{number}"), made(MODEL, f"acme:reader/{number}"))
    answer = provenance(ledger, MODEL)
    assert len(answer.steps) == 2 * count
    for step in answer.steps[count:]:
        (reader,) = step.executions
        (table,) = reader.inputs
        assert table.made_by == tuple(range(count - MAKERS_MAX + 1, count + 1))
    (cut,) = answer.truncations
    assert cut == Truncation(reason=TruncationReason.NEIGHBOURS, limit=MAKERS_MAX, hidden=3)
