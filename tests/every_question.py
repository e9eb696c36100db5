"""Every question of the graph, of whatever names, bounds and times are drawn, answered as bytes."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from msgspec.structs import replace

from lineage.graph.exports.dot import dot_lines
from lineage.graph.exports.graphml import graphml_lines
from lineage.graph.exports.node_link import node_link_lines
from lineage.graph.exports.openlineage import openlineage_lines
from lineage.graph.exports.prov import prov_lines
from lineage.ledger import (
    BetweenQuery,
    ColumnsQuery,
    CommonQuery,
    CompareQuery,
    CyclesQuery,
    DiffQuery,
    Direction,
    HistoryQuery,
    ImpactQuery,
    LateQuery,
    Ledger,
    LinkClass,
    OrphanKind,
    OrphansQuery,
    PathsQuery,
    ProvenanceQuery,
    TraceQuery,
    WhyQuery,
)
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import LedgerError
from lineage_schemas.filters import parse_filter
from oracle import Interval
from strategies import ALIASES, ARTIFACTS, DIGESTS, EXECUTIONS, INSTANTS
from told_graphs import DEFAULT, EVERY

NAMES: Final = (*ARTIFACTS, *EXECUTIONS, *ALIASES, DIGESTS[0])
FILTERS: Final = ("kind:artifact", "kind:execution", "is:stub", "key:acme:a/1")
EXPORTS: Final = (dot_lines, graphml_lines, node_link_lines, prov_lines, openlineage_lines)


class Asked(NamedTuple):
    """What is asked about, and within which bounds."""

    one: str
    other: str
    direction: Direction
    cross: tuple[LinkClass, ...]
    depth: int
    nodes: int
    fanout: int
    page: int
    filter: str
    without: OrphanKind


class Times(NamedTuple):
    """A size of the log, an earlier one, and a moment or interval of stated time, or neither."""

    size: int
    earlier: int
    valid_at: datetime | None = None
    valid_during: tuple[datetime, datetime] | None = None

    @property
    def both(self) -> dict[str, Any]:
        """The arguments that ask of a past and of a stated time."""
        return {"as_of": self.size} | self.stated

    @property
    def stated(self) -> dict[str, Any]:
        """The arguments that ask of a stated time."""
        return {"valid_at": self.valid_at, "valid_during": self.valid_during}

    @property
    def interval(self) -> Interval | None:
        """The stated time as a half-open interval."""
        if self.valid_at is not None:
            return self.valid_at, self.valid_at + timedelta(microseconds=1)
        return self.valid_during


def asked_things() -> st.SearchStrategy[Asked]:
    """Draw names that mean something as a rule, and bounds that often cut."""
    return st.builds(
        Asked,
        one=st.sampled_from(NAMES),
        other=st.sampled_from(NAMES),
        direction=st.sampled_from(Direction),
        cross=st.sampled_from([DEFAULT, DEFAULT, EVERY, (), (LinkClass.ASSERTED,)]),
        depth=st.integers(0, 4),
        nodes=st.integers(1, 6),
        fanout=st.integers(1, 2),
        page=st.integers(1, 3),
        filter=st.sampled_from(FILTERS),
        without=st.sampled_from(OrphanKind),
    )


def valid_times() -> st.SearchStrategy[dict[str, Any]]:
    """Draw no stated time, a moment at which things are stated, or an interval between two."""
    during = st.tuples(st.sampled_from(INSTANTS[:-1]), st.integers(1, 2)).map(
        lambda drawn: (drawn[0], INSTANTS[min(INSTANTS.index(drawn[0]) + drawn[1], 2)])
    )
    return st.one_of(
        st.just({}),
        st.sampled_from(INSTANTS).map(lambda moment: {"valid_at": moment}),
        during.map(lambda interval: {"valid_during": interval}),
    )


def pages(ask: Callable[[str | None], Any]) -> list[Any]:
    """Return every page of an answer."""
    found = [ask(None)]
    while (cursor := found[-1].cursor) is not None:
        found.append(ask(cursor))
    return found


Question = Callable[[Ledger, Asked, Times], object]


def _trace(**more: Callable[[Asked], object]) -> Question:
    def ask(ledger: Ledger, asked: Asked, times: Times) -> object:
        bounds = {name: of(asked) for name, of in more.items()}
        query = TraceQuery(start=(asked.one,), direction=asked.direction, cross=asked.cross)
        return ledger.graph.trace(replace(query, **bounds), **times.both)

    return ask


def _exports(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = TraceQuery(start=(asked.one,), direction=Direction.BOTH, cross=asked.cross)
    answer = ledger.graph.trace(query, **times.both)
    return ["".join(lines(answer)) for lines in EXPORTS]


def _one_way(asked: Asked) -> Direction:
    is_down = asked.direction is Direction.DOWNSTREAM
    return Direction.DOWNSTREAM if is_down else Direction.UPSTREAM


def _common(ledger: Ledger, asked: Asked, times: Times) -> object:
    start = (asked.one, asked.other)
    query = CommonQuery(start=start, direction=_one_way(asked), cross=asked.cross)
    cut = replace(query, depth=asked.depth, nodes=asked.nodes)
    return [ledger.graph.common(each, **times.both) for each in (query, cut)]


def _paths(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = PathsQuery(
        start=asked.one,
        end=asked.other,
        direction=asked.direction,
        cross=asked.cross,
        count=asked.page,
    )
    cut = replace(query, depth=asked.depth, nodes=asked.nodes)
    return [ledger.graph.paths(each, **times.both) for each in (query, cut)]


def _impact(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = ImpactQuery(start=(asked.one,), cross=asked.cross, listed=asked.page)
    cut = replace(query, depth=asked.depth, nodes=asked.nodes, filter=parse_filter(asked.filter))
    return [ledger.graph.impact(each, **times.both) for each in (query, cut)]


def _orphans(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = OrphansQuery(without=asked.without, cross=asked.cross, count=asked.page)
    return pages(lambda cursor: ledger.graph.orphans(replace(query, cursor=cursor), **times.both))


def _cycles(ledger: Ledger, asked: Asked, times: Times) -> object:
    queries = (CyclesQuery(), CyclesQuery(entities=False, count=1), CyclesQuery(start=asked.one))
    return [ledger.graph.cycles(each, **times.both) for each in queries]


def _diff(ledger: Ledger, asked: Asked, times: Times) -> object:
    walk = TraceQuery(start=(asked.one,), direction=asked.direction, cross=asked.cross)
    stated_apart = DiffQuery(trace=walk, valid_before=INSTANTS[0], valid_after=INSTANTS[-1])
    return [
        ledger.graph.diff(DiffQuery(trace=walk), times.earlier, times.size, **times.stated),
        ledger.graph.diff(stated_apart, times.size, times.size),
    ]


def _between(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = BetweenQuery(first=times.earlier, last=times.size)
    return pages(lambda cursor: ledger.graph.between(query, cursor=cursor, count=asked.page + 2))


def _history(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = HistoryQuery(node=asked.one, count=asked.page)
    return pages(lambda cursor: ledger.graph.history(replace(query, cursor=cursor), **times.both))


def _late(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = LateQuery(lag=0, count=asked.page)
    return pages(lambda cursor: ledger.graph.late(replace(query, cursor=cursor), **times.both))


def _columns(ledger: Ledger, asked: Asked, times: Times) -> object:
    query = ColumnsQuery(dataset=asked.one, direction=asked.direction)
    cut = replace(query, field="a", depth=asked.depth, columns=asked.nodes, fanout=asked.fanout)
    return [ledger.graph.columns(each, **times.both) for each in (query, cut)]


def _words(ledger: Ledger, asked: Asked, times: Times) -> object:
    wanted = parse_filter(asked.filter)
    page = {"count": asked.page, "as_of": times.size}
    return [
        *pages(lambda cursor: ledger.find("ada", cursor=cursor, **page)),  # type: ignore[arg-type]
        *pages(lambda cursor: ledger.find("a", filter=wanted, cursor=cursor, **page)),  # type: ignore[arg-type]
        *pages(lambda cursor: ledger.find(filter=wanted, cursor=cursor, **page)),  # type: ignore[arg-type]
        *pages(lambda cursor: ledger.list_nodes("artifact", cursor=cursor, **page)),  # type: ignore[arg-type]
    ]


def _links(ledger: Ledger, asked: Asked, times: Times) -> object:
    page = {"count": asked.page, "as_of": times.size}
    return [
        *pages(lambda cursor: ledger.linking.links(cursor=cursor, **page)),  # type: ignore[arg-type]
        *pages(lambda cursor: ledger.linking.unresolved(cursor=cursor, **page)),  # type: ignore[arg-type]
        *pages(lambda cursor: ledger.linking.conflicts(cursor=cursor, **page)),  # type: ignore[arg-type]
    ]


QUESTIONS: Final[dict[str, Question]] = {
    "trace": _trace(),
    "trace so deep": _trace(depth=lambda asked: asked.depth),
    "trace so many": _trace(nodes=lambda asked: asked.nodes),
    "trace so wide": _trace(fanout=lambda asked: asked.fanout),
    "trace filtered": _trace(filter=lambda asked: parse_filter(asked.filter)),
    "trace stopping": _trace(stop_at=lambda asked: parse_filter(asked.filter)),
    "exports": _exports,
    "paths": _paths,
    "common": _common,
    "impact": _impact,
    "orphans": _orphans,
    "cycles": _cycles,
    "diff": _diff,
    "between": _between,
    "provenance": lambda ledger, asked, times: ledger.graph.provenance(
        ProvenanceQuery(subject=asked.one), **times.both
    ),
    "compare": lambda ledger, asked, times: ledger.graph.compare(
        CompareQuery(one=EXECUTIONS[0], other=asked.other), **times.both
    ),
    "history": _history,
    "late": _late,
    "columns": _columns,
    "show": lambda ledger, asked, times: ledger.show(asked.one, as_of=times.size),
    "search": _words,
    "links, what is unresolved, conflicts": _links,
    "why": lambda ledger, asked, times: ledger.linking.why(
        WhyQuery(one=asked.one, other=asked.other), as_of=times.size
    ),
}


def answers(ledger: Ledger, asked: Asked, times: Times) -> Iterator[tuple[str, bytes]]:
    """Yield the answer to each question as the bytes a surface would send, errors included."""
    for name, question in QUESTIONS.items():
        yield name, encode_json(_attempt(question, ledger, asked, times))


def _attempt(question: Question, ledger: Ledger, asked: Asked, times: Times) -> object:
    try:
        found = question(ledger, asked, times)
    except LedgerError as error:
        return type(error).__name__, str(error)
    return list(found) if isinstance(found, Iterable) else found
