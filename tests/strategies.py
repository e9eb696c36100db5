"""What hypothesis may say to a ledger: observations, commands, whole histories.

The vocabulary is small on purpose: what matters happens where two statements meet.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from msgspec.structs import replace

from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import (
    AnyRecord,
    Claim,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import JsonValue, PropertyType

T = TypeVar("T")

ARTIFACTS = tuple(f"acme:a/{number}" for number in range(5))
EXECUTIONS = tuple(f"acme:e/{number}" for number in range(4))
CONTEXTS = tuple(f"acme:c/{number}" for number in range(3))
KEYS = {Kind.ARTIFACT: ARTIFACTS, Kind.EXECUTION: EXECUTIONS, Kind.CONTEXT: CONTEXTS}
DIGESTS = ("sha256:" + "a1" * 32, "md5:" + "b2" * 16)
ALIASES = ("other:alias/0", "other:alias/1")
SOURCES = ("ci", "dvc", "mlflow")
DAWN = datetime(2026, 1, 1, tzinfo=UTC)
INSTANTS = tuple(DAWN + timedelta(hours=hours) for hours in range(3))
_MICROSECOND = timedelta(microseconds=1)
"""Few, so that two statements often carry the same one."""


def texts() -> st.SearchStrategy[str]:
    """Any text the log can keep: lone surrogates and U+0000 are refused, and tested elsewhere."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


def values() -> st.SearchStrategy[JsonValue]:
    """Any property value, small ones first: equal values must meet."""
    scalars: st.SearchStrategy[JsonValue] = st.one_of(
        st.sampled_from([0, 1, "x", "y", True, 1.5]),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts(),
        st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(_tagged),
    )
    plain = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts())
    # A key that begins with $ is a tag of our own, and refused anywhere else.
    keys = texts().filter(lambda key: not key.startswith("$"))
    objects: st.SearchStrategy[JsonValue] = st.dictionaries(
        keys, st.one_of(plain, st.lists(plain, max_size=2)), max_size=2
    ).map(_as_value)
    return st.one_of(scalars, objects)


def _tagged(name: str) -> JsonValue:
    return {"$float": name}


def _as_value(value: object) -> JsonValue:
    return value  # type: ignore[return-value]


def stated_times() -> st.SearchStrategy[StatedTime | None]:
    """None at all, or one of a few instants."""
    return st.one_of(
        st.none(), st.sampled_from([StatedTime(start=instant) for instant in INSTANTS])
    )


def _custom() -> st.SearchStrategy[dict[str, JsonValue]]:
    """Custom properties under few names; ``None`` clears."""
    return st.dictionaries(st.sampled_from(["p", "q"]), st.one_of(st.none(), values()), max_size=2)


def _maybe(*choices: T) -> st.SearchStrategy[T | None]:
    return st.one_of(st.none(), st.sampled_from(choices))


def _names() -> st.SearchStrategy[str | None]:
    return _maybe("ada", "bob")


def artifacts() -> st.SearchStrategy[AnyRecord]:
    """Descriptions of artifacts, of no type or of one of two, declared properties included."""
    declared: dict[str | None, st.SearchStrategy[dict[str, JsonValue]]] = {
        None: st.just({}),
        "lineage.DataSet": _optional(row_count=st.integers(0, 2), owner=st.just("eve")),
        "lineage.Model": _optional(size_bytes=st.integers(0, 2), owner=st.just("eve")),
    }
    return st.sampled_from(list(declared)).flatmap(
        lambda name: st.builds(
            Artifact,
            key=st.sampled_from(ARTIFACTS),
            type=st.just(name),
            name=_names(),
            uri=_maybe("file:///u", "file:///v"),
            state=_maybe(ArtifactState.PENDING, ArtifactState.LIVE, ArtifactState.DELETED),
            properties=declared[name],
            custom_properties=_custom(),
            personal=st.sampled_from([(), ("p",)]),
        )
    )


def _optional(**fields: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[dict[str, JsonValue]]:
    cleared = {name: st.one_of(st.none(), field) for name, field in fields.items()}
    return st.fixed_dictionaries({}, optional=cleared)


def executions() -> st.SearchStrategy[AnyRecord]:
    """Descriptions of executions."""
    return st.builds(
        Execution,
        key=st.sampled_from(EXECUTIONS),
        type=_maybe("lineage.Train", "lineage.Evaluate"),
        name=_names(),
        state=_maybe(ExecutionState.RUNNING, ExecutionState.COMPLETE, ExecutionState.FAILED),
        custom_properties=_custom(),
    )


def contexts() -> st.SearchStrategy[AnyRecord]:
    """Descriptions of contexts."""
    return st.builds(
        Context,
        key=st.sampled_from(CONTEXTS),
        type=_maybe("lineage.Experiment"),
        name=_names(),
        external_id=_maybe("x-1"),
        custom_properties=_custom(),
    )


def events(
    artifacts: Sequence[str] = ARTIFACTS, executions: Sequence[str] = EXECUTIONS
) -> st.SearchStrategy[AnyRecord]:
    """Events between few nodes, so that cycles and second Events of the same ends are common."""
    return st.builds(
        Event,
        artifact=st.sampled_from(artifacts),
        execution=st.sampled_from(executions),
        kind=st.sampled_from([EventKind.INPUT, EventKind.OUTPUT, EventKind.DECLARED_INPUT]),
        path=st.sampled_from([(), ("in", 0), ("in", 1)]),
        time=_maybe(*INSTANTS),
    )


def memberships() -> st.SearchStrategy[AnyRecord]:
    """Attributions, associations, and contexts inside contexts, cycles included."""
    return st.one_of(
        st.builds(
            Attribution, context=st.sampled_from(CONTEXTS), artifact=st.sampled_from(ARTIFACTS)
        ),
        st.builds(
            Association, context=st.sampled_from(CONTEXTS), execution=st.sampled_from(EXECUTIONS)
        ),
        st.builds(ParentContext, child=st.sampled_from(CONTEXTS), parent=st.sampled_from(CONTEXTS)),
    )


class _Claimed(NamedTuple):
    kind: Kind
    node: str
    identifier: str
    link_class: LinkClass


def _claimed() -> st.SearchStrategy[_Claimed]:
    """What a claim or retraction is about. Only contents' digests may be claimed as contents."""

    def of_kind(kind: Kind) -> st.SearchStrategy[_Claimed]:
        others = st.sampled_from([*KEYS[kind], *ALIASES])
        named = st.tuples(
            others,
            st.sampled_from([LinkClass.ASSERTED, LinkClass.DERIVED, LinkClass.GUESSED]),
        )
        content = st.tuples(st.sampled_from(DIGESTS), st.just(LinkClass.CONTENT))
        return st.tuples(st.sampled_from(KEYS[kind]), st.one_of(named, content)).map(
            lambda drawn: _Claimed(kind, drawn[0], *drawn[1])
        )

    return st.sampled_from([Kind.ARTIFACT, Kind.ARTIFACT, Kind.EXECUTION]).flatmap(of_kind)


def claims() -> st.SearchStrategy[AnyRecord]:
    """Claims with or without evidence."""
    return st.builds(
        lambda about, evidence: Claim(
            kind=about.kind,
            node=about.node,
            identifier=about.identifier,
            link_class=about.link_class,
            evidence=evidence,
        ),
        _claimed(),
        st.sampled_from([{}, {"file": "one"}, {"file": "two"}]),
    )


def retractions() -> st.SearchStrategy[AnyRecord]:
    """Retractions, also of what nobody claimed."""
    return st.builds(
        lambda about, reason: Retraction(
            kind=about.kind,
            node=about.node,
            identifier=about.identifier,
            link_class=about.link_class,
            reason=reason,
        ),
        _claimed(),
        st.sampled_from(["", "wrong file"]),
    )


def series() -> st.SearchStrategy[AnyRecord]:
    """Chunks of a metric, equal chunk numbers included."""
    points = st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1.5]), _maybe(*INSTANTS))
    return st.builds(
        MetricSeries,
        execution=st.sampled_from(EXECUTIONS),
        metric=st.just("loss"),
        chunk=st.integers(0, 1),
        points=st.lists(points, max_size=2).map(tuple),
    )


def scans() -> st.SearchStrategy[AnyRecord]:
    """Looks at a source: whole or not, clean or not, ending in few moments."""
    counts = st.dictionaries(st.sampled_from(["run", "model"]), st.integers(0, 2), max_size=2)
    return st.builds(
        lambda finished, whole, unread, due, there, here: SourceScan(
            tool="acme",
            address="https://acme.example.org",
            started=DAWN,
            finished=finished,
            is_whole=whole,
            there=there,
            here=here,
            unread=("run/1: it is locked",) * min(unread, 1),
            unread_count=unread,
            cursor={"after": unread},
            due_seconds=due,
        ),
        st.sampled_from(INSTANTS),
        st.booleans(),
        st.integers(0, 2),
        _maybe(1, 7_200),
        counts,
        counts,
    )


def expectations() -> st.SearchStrategy[AnyRecord]:
    """What is expected of a source, of one that never spoke too."""
    return st.builds(
        SourceExpectation,
        source=st.sampled_from((*SOURCES, "silent")),
        due_seconds=_maybe(1, 7_200),
    )


def observed_records() -> st.SearchStrategy[AnyRecord]:
    """Any record of an observation."""
    return st.one_of(
        artifacts(),
        executions(),
        contexts(),
        events(),
        events(),
        memberships(),
        claims(),
        retractions(),
        series(),
        scans(),
        expectations(),
    )


def observations(
    records: st.SearchStrategy[AnyRecord] | None = None,
) -> st.SearchStrategy[Statement]:
    """A statement without an id of its own; ``numbered`` gives it one."""
    said = observed_records() if records is None else records
    return st.builds(
        Statement,
        id=st.just("unnumbered"),
        source=st.sampled_from(SOURCES),
        records=st.lists(said, min_size=1, max_size=4).map(tuple),
        stated=stated_times(),
    )


def numbered(statements: Sequence[Statement], start: int = 0) -> list[Statement]:
    """Give each statement an id of its own."""
    return [replace(one, id=f"s-{number}") for number, one in enumerate(statements, start)]


def histories(
    records: st.SearchStrategy[AnyRecord] | None = None, statements_max: int = 12
) -> st.SearchStrategy[list[Statement]]:
    """Observation statements with ids, references before descriptions as often as after."""
    return st.lists(observations(records), min_size=1, max_size=statements_max).map(numbered)


def lineage_records() -> st.SearchStrategy[AnyRecord]:
    """Records that shape lineage, and nothing else: dense graphs with cycles and links."""
    return st.one_of(events(), events(), events(), claims(), retractions())


def cut(statements: Sequence[Statement], sizes: Sequence[int]) -> list[list[Statement]]:
    """Cut statements into batches of these sizes, over and over, until none is left."""
    batches: list[list[Statement]] = []
    start = 0
    while start < len(statements):
        size = sizes[len(batches) % len(sizes)]
        batches.append(list(statements[start : start + size]))
        start += size
    return batches


def batch_sizes() -> st.SearchStrategy[list[int]]:
    """How a history is cut into batches."""
    return st.lists(st.integers(1, 5), min_size=1, max_size=4)


# --- commands ------------------------------------------------------------------------------------

SHAPE_TYPES: tuple[AnyRecord, ...] = (
    ArtifactType(name="Shape", properties={"sides": PropertyType.INT}),
    ContextType(name="Group"),
)
"""What the other commands build on; put it first."""


def commands() -> st.SearchStrategy[Statement]:
    """Commands, of which the log will refuse some: names and ids are few."""
    new_artifact = st.builds(
        Artifact,
        type=st.just("Shape"),
        name=_names(),
        uri=_maybe("file:///u"),
        properties=st.sampled_from([{}, {"sides": 3}, {"sides": 4}]),
    )
    replacement = st.builds(
        Artifact,
        id=st.integers(1, 4),
        type=st.just("Shape"),
        uri=_maybe("file:///u", "file:///v"),
        properties=st.sampled_from([{}, {"sides": 3}]),
        custom_properties=_custom().map(_without_nulls),
    )
    group = st.builds(Context, type=st.just("Group"), name=st.sampled_from(["g", "h"]))
    made: st.SearchStrategy[list[AnyRecord]] = st.one_of(
        st.just(list(SHAPE_TYPES)),
        st.lists(new_artifact, min_size=1, max_size=2),
        st.lists(replacement, min_size=1, max_size=1),
        st.tuples(group, new_artifact).map(
            lambda pair: [*pair, Attribution(context="#0", artifact="#1")]
        ),
    )
    return st.builds(
        Statement,
        id=st.just("unnumbered"),
        source=st.just("client"),
        mode=st.just(Mode.COMMAND),
        records=made.map(tuple),
    )


def _without_nulls(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in properties.items() if value is not None}


def valid_times() -> st.SearchStrategy[tuple[datetime, datetime]]:
    """Draw moments on and beside those at which things are stated, and intervals between them."""
    around = [
        moment + shift
        for moment in INSTANTS
        for shift in (-_MICROSECOND, 0 * _MICROSECOND, _MICROSECOND)
    ]
    moments = st.sampled_from(around)
    at = moments.map(lambda moment: (moment, moment + _MICROSECOND))
    during = st.tuples(moments, moments).filter(lambda both: both[0] < both[1])
    return st.one_of(at, during)
