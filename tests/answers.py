"""Answers made from a seed, with names that mean something in other tools' languages."""

from __future__ import annotations

from random import Random  # noqa: TID251 - answers by number, the same each time
from typing import Final

from hypothesis import strategies as st

from lineage_schemas.basis import Basis
from lineage_schemas.graph import (
    Direction,
    Edge,
    LineageAnswer,
    Link,
    Node,
    Truncation,
    TruncationReason,
)
from lineage_schemas.identifiers import dataset_identifier
from lineage_schemas.mlmd import EventKind, ExecutionState, Kind
from lineage_schemas.values import JsonValue

HOSTILE: Final = (
    *('"', "\\", '\\"', '"];evil [x="', "</data></node>", "]]>", "<!ENTITY x>", "&#0;", "&amp;"),
    *("\n//", "*/", "\r\n", "\t", "\x01", "\x1b[2J", "\x85\x9b", "\ufffe\uffff", "\u202e\u2028"),
    *(":", "a:b", "_:x", "%41", "'", "\\u0001", "\U0001f9ea", "$", "prov:Bundle", " ", "plain"),
)
RUN_IDS: Final = tuple(f"0192f1c7-5f0a-7c11-9a55-3a9d3f1f2b{number:02x}" for number in range(4))
STARTED: Final = "2026-03-01T12:00:00Z"

_VALUES: Final[list[JsonValue]] = [
    *(0, 1, -(2**63), 2**63 - 1, 0.5, -1e300, 5e-324, True, False),
    {"$float": "NaN"},
    {"$float": "-Infinity"},
    {"$redacted": 7},
    {"a": ["b", None]},
]


def answers() -> st.SearchStrategy[LineageAnswer]:
    """Answers of a few nodes; some edges lead to what they do not show."""
    return st.integers(0, 2**32).map(answer_of)


def answer_of(seed: int) -> LineageAnswer:
    """Return the answer of a seed."""
    random = Random(seed)  # noqa: S311 - answers, not secrets
    shown = [_node(random, Kind.ARTIFACT, number) for number in range(random.randint(1, 4))]
    shown += [_node(random, Kind.EXECUTION, number) for number in range(random.randint(0, 4))]
    shown += [_node(random, Kind.CONTEXT, 0)] * random.randint(0, 1)
    unknown = tuple({f"never:{_text(random)}": None for _ in range(random.randint(0, 2))})
    reasons = random.sample(list(TruncationReason), random.randint(0, 2))
    return LineageAnswer(
        basis=Basis(
            origin=_text(random),
            size=random.randint(0, 9),
            root="ab" * 32,
            projection="views/6",
            software="lineage-ledger/0.1.0",
            namespace=_text(random),
            redactions=random.randint(0, 2),
            sources=tuple(_text(random) for _ in range(random.randint(0, 2))),
            complete=random.random() < 0.5,
        ),
        direction=random.choice(list(Direction)),
        start=("acme:start", *unknown),
        nodes=(*shown, *(Node(key=key, stub=True) for key in unknown)),
        edges=_edges(random),
        links=tuple(_link(random) for _ in range(random.randint(0, 3))),
        truncations=tuple(Truncation(reason=one, limit=3, hidden=5) for one in reasons),
        unknown=unknown,
    )


def _text(random: Random) -> str:
    """Return text the log can keep; often what some language gives a meaning to."""
    if random.random() < 0.7:
        return "".join(random.choices(HOSTILE, k=random.randint(1, 3)))
    points = (random.randint(1, 0xFFFF) for _ in range(random.randint(1, 5)))
    return "x" + "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


def _value(random: Random) -> JsonValue:
    if random.random() < 0.4:
        return _text(random)
    table: JsonValue = {f"x{_text(random)}": _text(random)}
    return random.choice([*_VALUES, table])


def _maybe(random: Random, text: str) -> str | None:
    return text if random.random() < 0.7 else None


def _node(random: Random, kind: Kind, number: int) -> Node:
    keys = [f"acme:{kind.value}/{number}/{_text(random)}"]
    if kind is Kind.ARTIFACT:
        keys.append(dataset_identifier("s3://bucket", f"data {number}.csv"))
    if kind is Kind.EXECUTION:
        keys.append(f"ol:run/{RUN_IDS[number]}")
    properties = {_text(random): _value(random) for _ in range(random.randint(0, 3))}
    for name in ("owner", "started_by", "ended_time"):
        if random.random() < 0.3:
            properties[name] = _value(random)
    if random.random() < 0.5:
        properties["started_time"] = STARTED
    return Node(
        kind=kind,
        id=number,
        key=_maybe(random, random.choice(keys)),
        type=_maybe(random, _text(random)),
        name=_maybe(random, _text(random)),
        uri=_maybe(random, _text(random)),
        state=_maybe(random, random.choice(list(ExecutionState)).value),
        properties=properties,
        custom_properties={_text(random): _value(random) for _ in range(random.randint(0, 2))},
        stub=random.random() < 0.3,
        depth=random.randint(0, 9),
        redacted=random.randint(0, 2),
    )


def _edges(random: Random) -> tuple[Edge, ...]:
    kinds = list(EventKind)
    ends = {
        (random.randint(0, 4), random.randint(0, 4), random.choice(kinds))
        for _ in range(random.randint(0, 12))
    }
    return tuple(
        Edge(
            *end,
            tuple(random.choices([_text(random), 0, 3], k=random.randint(0, 2))),
            random.choice([None, random.randint(0, 10**15)]),
        )
        for end in sorted(ends)
    )


def _link(random: Random) -> Link:
    return Link(
        kind=random.choice([Kind.ARTIFACT, Kind.EXECUTION]),
        node=random.randint(0, 3),
        identifier=_maybe(random, f"other:{_text(random)}"),
        link_class=random.choice(["key", "asserted", "content", "derived"]),
        source=_text(random),
        evidence={_text(random): _text(random)},
    )
