"""What the log refuses: rules of form, and each limit at its edge."""

import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lineage.ledger import (
    Artifact,
    Claim,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    MetricSeries,
    Mode,
    Statement,
)
from lineage.service import Ledger
from lineage_schemas.codec import encode_parts
from lineage_schemas.errors import (
    InvalidInputError,
    LedgerError,
    LimitExceededError,
    NotFoundError,
    StaleHeadError,
)
from lineage_schemas.limits import (
    BATCH_BYTES_MAX,
    BATCH_STATEMENTS_MAX,
    ENVELOPE_BYTES_MAX,
    IDENTIFIER_BYTES_MAX,
    METRIC_SERIES_POINTS_MAX,
    NAME_BYTES_MAX,
    NAMESPACE_BYTES_MAX,
    PAYLOAD_PART_BYTES_MAX,
    STATEMENT_ID_BYTES_MAX,
    STATEMENT_RECORDS_MAX,
    VALUE_DEPTH_MAX,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

A, B, RUN = "acme:a", "acme:b", "acme:run"


def said(statement_id: str, *records: AnyRecord) -> Statement:
    return Statement(id=statement_id, source="ci", records=records)


@pytest.fixture
def log(ledger: Ledger) -> Ledger:
    return ledger


# --- rules of form -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        Artifact(name="no key"),
        Artifact(key=A, id=1),
        Artifact(key="no scheme"),
        Artifact(key=A, type="Nothing"),
        Artifact(key=A, type="lineage.Train"),
        Artifact(key=A, properties={"row_count": 1}),
        Artifact(key=A, type="lineage.DataSet", properties={"unheard_of": 1}),
        Artifact(key=A, type="lineage.DataSet", properties={"row_count": "three"}),
        Artifact(key=A, type="lineage.DataSet", properties={"row_count": 1.0}),
        Artifact(key=A, custom_properties={"p": [1]}),
        Artifact(key=A, custom_properties={"p": float("nan")}),
        Artifact(key=A, custom_properties={"p": {"q": float("inf")}}),
        Artifact(key=A, custom_properties={"p": 2**63}),
        Artifact(key=A, custom_properties={"p": -(2**63) - 1}),
        Artifact(key=A, custom_properties={"p": {"$float": "nan"}}),
        Artifact(key=A, custom_properties={"p": {"$else": 1}}),
        Artifact(key=A, custom_properties={"p": "nul \0"}),
        Artifact(key=A, custom_properties={"p": "lone \ud800"}),
        Artifact(key=A, name="nul \0"),
        Artifact(key=A, custom_properties={"": 1}),
        Event(artifact=1, execution=RUN, kind=EventKind.INPUT),
        Event(artifact="#0", execution=RUN, kind=EventKind.INPUT),
        Claim(kind=Kind.ARTIFACT, node=A, identifier="x", link_class=LinkClass.ASSERTED),
        Claim(kind=Kind.ARTIFACT, node=A, identifier=B, link_class=LinkClass.CONTENT),
        Claim(
            kind=Kind.ARTIFACT,
            node=A,
            identifier="md5:d41d8cd98f00b204e9800998ecf8427e",
            link_class=LinkClass.CONTENT,
        ),
    ],
    ids=repr,
)
def test_what_breaks_a_rule_of_form_is_refused_and_nothing_is_written(
    log: Ledger, record: AnyRecord
) -> None:
    with pytest.raises(InvalidInputError):
        log.record([said("good", Artifact(key=B)), said("1", record)])
    assert log.head().size == 0


def test_a_whole_number_will_do_where_an_observation_means_a_double(log: Ledger) -> None:
    record = Artifact(key=A, type="lineage.DataSet", properties={"missing_ratio": 0})
    log.record([said("1", record)])
    assert log.show(A)[0].node.properties == {"missing_ratio": 0}


@pytest.mark.parametrize(
    "statement",
    [
        Statement(id="1", source="lineage", records=(Artifact(key=A),)),
        Statement(id="", source="ci", records=(Artifact(key=A),)),
        Statement(id=" 1", source="ci", records=(Artifact(key=A),)),
        Statement(id="1\n", source="ci", records=(Artifact(key=A),)),
        Statement(id="1", source="", records=(Artifact(key=A),)),
        Statement(id="1", source="ci", records=(Artifact(key=A),), message="never sent"),
    ],
)
def test_a_statement_that_cannot_be_is_refused(log: Ledger, statement: Statement) -> None:
    with pytest.raises(InvalidInputError):
        log.record([statement])
    assert log.head().size == 0


def test_the_error_names_the_statement_and_the_record(log: Ledger) -> None:
    bad = said("the-one", Artifact(key=A), Artifact(key=B, custom_properties={"hue": [1]}))
    with pytest.raises(InvalidInputError) as caught:
        log.record([said("good", Artifact(key=A)), bad])
    for part in ("the-one", "record 1", "hue"):
        assert part in caught.value.where


def test_an_observation_of_a_command_record_is_refused(log: Ledger) -> None:
    command = Statement(id="1", source="ci", mode=Mode.COMMAND, records=(Artifact(key=A),))
    with pytest.raises(InvalidInputError, match="command names a node by its id"):
        log.record([command])


def test_an_unknown_kind_or_type_is_not_found(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A))])
    with pytest.raises(NotFoundError):
        log.list_nodes("Nothing")


def test_an_error_can_be_copied_and_handed_to_another_process() -> None:
    for error in (LedgerError("a"), StaleHeadError("what", where="there", hint="Do that.")):
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
            assert type(twin) is type(error)
            assert (twin.what, twin.where, twin.hint) == (error.what, error.where, error.hint)
            assert str(twin) == str(error)


# --- limits --------------------------------------------------------------------------------------


def sized(record: Artifact, part_bytes: int, *, personal: bool = False) -> Statement:
    """Return a statement with that property, made so long that its part has so many bytes."""
    parts = encode_parts((record,))
    part = parts.personal if personal else parts.facts
    missing = part_bytes - len(part or b"")
    longer = Artifact(
        key=record.key,
        custom_properties={"p": "x" * missing},
        personal=record.personal,
    )
    statement = said(f"sized {part_bytes}", longer)
    parts = encode_parts((longer,))
    assert len((parts.personal if personal else parts.facts) or b"") == part_bytes
    return statement


def nested(depth: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(depth):
        value = {"n": value}
    return value


AT_THE_LIMIT: dict[str, tuple[Statement, Statement]] = {
    "STATEMENT_ID": (
        said("i" * STATEMENT_ID_BYTES_MAX, Artifact(key=A)),
        said("i" * (STATEMENT_ID_BYTES_MAX - 1) + "\u00e9", Artifact(key=A)),
    ),
    "SOURCE": (
        Statement(id="1", source="s" * NAME_BYTES_MAX, records=(Artifact(key=A),)),
        Statement(id="1", source="s" * (NAME_BYTES_MAX + 1), records=(Artifact(key=A),)),
    ),
    "NAME": (
        said("1", Artifact(key=A, name="\u00e9" * (NAME_BYTES_MAX // 2))),
        said("1", Artifact(key=A, name="\u00e9" * (NAME_BYTES_MAX // 2) + "n")),
    ),
    "EXTERNAL_ID": (
        said("1", Artifact(key=A, external_id="n" * NAME_BYTES_MAX)),
        said("1", Artifact(key=A, external_id="n" * (NAME_BYTES_MAX + 1))),
    ),
    "PROPERTY": (
        said("1", Artifact(key=A, custom_properties={"n" * NAME_BYTES_MAX: 1})),
        said("1", Artifact(key=A, custom_properties={"n" * (NAME_BYTES_MAX + 1): 1})),
    ),
    "METRIC": (
        said("1", MetricSeries(execution=RUN, metric="n" * NAME_BYTES_MAX, chunk=0, points=())),
        said(
            "1", MetricSeries(execution=RUN, metric="n" * (NAME_BYTES_MAX + 1), chunk=0, points=())
        ),
    ),
    "URI": (
        said("1", Artifact(key=A, uri="u" * IDENTIFIER_BYTES_MAX)),
        said("1", Artifact(key=A, uri="u" * (IDENTIFIER_BYTES_MAX + 1))),
    ),
    "IDENTIFIER": (
        said("1", Artifact(key="acme:" + "k" * (IDENTIFIER_BYTES_MAX - 5))),
        said("1", Artifact(key="acme:" + "k" * (IDENTIFIER_BYTES_MAX - 4))),
    ),
    "RECORDS": (
        said("1", *[Artifact(key=A)] * STATEMENT_RECORDS_MAX),
        said("1", *[Artifact(key=A)] * (STATEMENT_RECORDS_MAX + 1)),
    ),
    "POINTS": (
        said(
            "1",
            MetricSeries(
                execution=RUN,
                metric="loss",
                chunk=0,
                points=((0, 0.5, datetime(2026, 1, 1, tzinfo=UTC)),) * METRIC_SERIES_POINTS_MAX,
            ),
        ),
        said(
            "1",
            MetricSeries(
                execution=RUN,
                metric="loss",
                chunk=0,
                points=((0, 0.5, None),) * (METRIC_SERIES_POINTS_MAX + 1),
            ),
        ),
    ),
    "DEPTH": (
        said("1", Artifact(key=A, custom_properties={"p": nested(VALUE_DEPTH_MAX)})),
        said("1", Artifact(key=A, custom_properties={"p": nested(VALUE_DEPTH_MAX + 1)})),
    ),
    "INT": (
        said("1", Artifact(key=A, custom_properties={"p": 2**63 - 1, "q": -(2**63)})),
        said("1", Artifact(key=A, custom_properties={"p": 2**63})),
    ),
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_what_is_at_a_limit_is_kept_and_one_more_is_refused(log: Ledger, name: str) -> None:
    at, over = AT_THE_LIMIT[name]
    with pytest.raises(InvalidInputError) as caught:
        log.record([over])
    assert isinstance(caught.value, LimitExceededError) or name == "INT"
    assert log.head().size == 0
    log.record([at])
    (entry,) = log.entries(2).entries
    assert entry.statement == at.id
    assert log.audit().findings == ()


@pytest.mark.parametrize("personal", [False, True])
def test_a_payload_part_has_a_limit(log: Ledger, personal: bool) -> None:  # noqa: FBT001
    record = Artifact(key=A, custom_properties={"p": ""}, personal=("p",) if personal else ())
    log.record([sized(record, PAYLOAD_PART_BYTES_MAX, personal=personal)])
    over = Artifact(
        key=A,
        custom_properties={"p": "x" * PAYLOAD_PART_BYTES_MAX},
        personal=record.personal,
    )
    with pytest.raises(LimitExceededError, match="PAYLOAD_PART_BYTES_MAX"):
        log.record([said("over", over)])
    assert log.head().size == 3


def test_a_namespace_has_a_limit(log: Ledger) -> None:
    log.record([said("1", Artifact(key=A))], namespace="n" * NAMESPACE_BYTES_MAX)
    for name in ("n" * (NAMESPACE_BYTES_MAX + 1), "", " n", "n\n"):
        with pytest.raises(InvalidInputError):
            log.record([said("1", Artifact(key=A))], namespace=name)
    assert log.head().size == 3


def test_a_batch_has_a_limit_of_statements(log: Ledger) -> None:
    def many(count: int) -> Iterator[Statement]:
        return (said(str(number), Artifact(key=A)) for number in range(count))

    receipts = log.record(many(BATCH_STATEMENTS_MAX))
    assert receipts[-1].position == BATCH_STATEMENTS_MAX + 1
    with pytest.raises(LimitExceededError, match="BATCH_STATEMENTS_MAX"):
        log.prepare(many(BATCH_STATEMENTS_MAX + 1))


def test_a_batch_has_a_limit_of_bytes(log: Ledger) -> None:
    largest = sized(Artifact(key=A, custom_properties={"p": ""}), PAYLOAD_PART_BYTES_MAX)
    fitting = BATCH_BYTES_MAX // PAYLOAD_PART_BYTES_MAX
    every = [said(f"b{number}", *largest.records) for number in range(fitting)]
    log.prepare(every)
    with pytest.raises(LimitExceededError, match="BATCH_BYTES_MAX"):
        log.prepare([*every, said("one more", Artifact(key=A))])


def test_an_envelope_has_a_limit_and_the_batch_is_undone(log: Ledger) -> None:
    # Each claim names one execution by the key of another: a link, and the key that follows.
    executions = [f"acme:e/{number}" for number in range(STATEMENT_RECORDS_MAX)]
    log.record([said("first", *(Execution(key=f"acme:d/{number}") for number in range(999)))])
    log.record([said("nodes", *(Execution(key=key) for key in executions))])
    before = log.head()
    claims = [
        Claim(kind=Kind.EXECUTION, node=key, identifier=other, link_class=LinkClass.ASSERTED)
        for key, other in zip(executions, reversed(executions), strict=True)
    ]
    with pytest.raises(LimitExceededError, match="ENVELOPE_BYTES_MAX"):
        log.record([said("small", Artifact(key=A)), said("large", *claims)])
    assert log.head() == before
    assert log.show(A)[0].node.id is None
    log.record([said("large/1", *claims[:500]), said("large/2", *claims[500:])])
    assert len(log.show(executions[0])[0].members) == 2
    with log._store.read() as reader:
        longest = max(len(entry.envelope) for entry in reader.entries(0, 100))
    assert ENVELOPE_BYTES_MAX // 2 < longest <= ENVELOPE_BYTES_MAX
