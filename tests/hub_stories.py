"""Histories in which many nodes go by one identifier, and a count of the work that answers take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from unittest.mock import patch

from doubles import FakeClock, SeededRandomness
from lineage.graph import alike, crossing, links, walked
from lineage.graph.index import GraphIndex
from lineage.graph.link_index import IndexedLinks
from lineage.graph.links import StoredLinks
from lineage.graph.partners import LinkColumns
from lineage.graph.stars import LinkArcs
from lineage.ledger import Claim, Event, EventKind, Kind, LinkClass, Statement
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.records import AnyRecord

ROOT, LAST = "acme:root", "acme:last"
DIGEST = f"md5:{7:032x}"
KINDS = ("asserted", "content", "content of one source", "derived", "mixed")
AT_ONCE = 2_000


def claim_of(kind: str, number: int) -> tuple[str, Claim]:
    """Return (source, claim) of one of many outputs."""
    chosen = kind if kind != "mixed" else KINDS[number % 4]
    source = f"s{number}" if chosen == "content" else "ci"
    link_class = LinkClass(chosen.split()[0])
    node = f"acme:out{number}"
    return source, Claim(kind=Kind.ARTIFACT, node=node, identifier=DIGEST, link_class=link_class)


def story(kind: str, count: int, *, loops: bool = False) -> list[Statement]:
    """Tell of so many runs that each take the root and make an output of one identifier.

    One last run takes them all in. With ``loops`` the root is made of the first of them.
    """
    told: dict[str, list[AnyRecord]] = {"ci": []}
    for number in range(count):
        run, out = f"acme:run{number}", f"acme:out{number}"
        told["ci"] += [
            Event(artifact=ROOT, execution=run, kind=EventKind.INPUT),
            Event(artifact=out, execution=run, kind=EventKind.OUTPUT),
            Event(artifact=out, execution="acme:join", kind=EventKind.INPUT),
        ]
        source, claim = claim_of(kind, number)
        told.setdefault(source, []).append(claim)
    told["ci"].append(Event(artifact=LAST, execution="acme:join", kind=EventKind.OUTPUT))
    if loops:
        told["ci"] += [
            Event(artifact="acme:out0", execution="acme:again", kind=EventKind.INPUT),
            Event(artifact=ROOT, execution="acme:again", kind=EventKind.OUTPUT),
        ]
    return statements_of(told)


def chain(kind: str, count: int) -> list[Statement]:
    """Tell of so many runs, each of which takes in what the one before it has made."""
    told: dict[str, list[AnyRecord]] = {"ci": []}
    for number in range(count):
        run, out = f"acme:run{number}", f"acme:out{number}"
        told["ci"] += [
            Event(artifact=f"acme:out{number - 1}", execution=run, kind=EventKind.INPUT),
            Event(artifact=out, execution=run, kind=EventKind.OUTPUT),
        ]
        source, claim = claim_of(kind, number)
        told.setdefault(source, []).append(claim)
    return statements_of(told)


def statements_of(told: dict[str, list[AnyRecord]]) -> list[Statement]:
    """Return what each source tells."""
    return [
        Statement(id=f"{source}/{start}", source=source, records=tuple(part))
        for source, records in told.items()
        for start in range(0, len(records), 1_000)
        for part in (records[start : start + 1_000],)
    ]


def ledger_of(statements: list[Statement], *, is_indexed: bool = True) -> Ledger:
    """Tell a ledger in memory, and let it answer from its index, or from the store."""
    ledger = Ledger(MemoryStore("test/hubs"), FakeClock(), SeededRandomness())
    for start in range(0, len(statements), AT_ONCE):
        ledger.record(statements[start : start + AT_ONCE])
    if not is_indexed:
        ledger._graph = ledger.graph._graph = GraphIndex(memory_bytes=0)
    return ledger


class Work:
    """What was counted: lines of the package that ran, and claims that were handed to arrays."""

    def __init__(self) -> None:
        self.lines = 0
        self.claims = 0


def sized(function: Callable[..., Any], work: Work) -> Callable[..., Any]:
    """Return a function that counts the claims that it takes and gives."""

    def counting(*args: object) -> object:
        found = function(*args)
        work.claims += sum(len(one.hub) for one in (*args, found) if isinstance(one, LinkColumns))
        if isinstance(found, LinkArcs):
            work.claims += len(found.tail)
        return found

    return counting


@contextmanager
def counted() -> Iterator[Work]:
    """Count the work that is done within."""
    work = Work()

    def in_frame(frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        del frame, arg
        if event == "line":
            work.lines += 1
        return in_frame

    def on_call(frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        del event, arg
        return in_frame if "/lineage/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    targets: list[tuple[object, str]] = [
        (crossing, "find_ways"),
        (links, "find_ways"),
        (alike, "find_ways"),
        (alike, "link_arcs"),
        (walked, "joined_entities"),
    ]
    targets += [
        (one, name) for one in (IndexedLinks, StoredLinks) for name in ("of_vertices", "of_hubs")
    ]
    patches = [patch.object(one, name, sized(getattr(one, name), work)) for one, name in targets]
    for one in patches:
        one.start()
    sys.settrace(on_call)
    try:
        yield work
    finally:
        sys.settrace(before)
        for one in patches:
            one.stop()
