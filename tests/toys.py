"""A source of our own making that is looked at: a shelf of things, each with a label."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lineage.connectors.scanning import (
    GONE,
    Document,
    Listed,
    Look,
    Memory,
    Revision,
    Said,
    Unread,
    subject_of,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import Artifact, Event, EventKind, Execution
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.values import JsonValue


class Thing(msgspec.Struct, omit_defaults=True):
    """What the shelf shows of one thing. ``turn`` counts its labels, and is ours."""

    label: str = ""
    turn: int = 0
    gone: bool = False


class ShelfMapping:
    """What the things of a shelf state: an artifact each, and an execution for each new label."""

    version = "shelf/1"

    def carry(self, before: bytes | None, body: bytes) -> bytes:
        """Count the labels."""
        last = Thing() if before is None else msgspec.json.decode(before, type=Thing)
        if body == GONE:
            return msgspec.json.encode(Thing(turn=last.turn, gone=True))
        thing = msgspec.json.decode(body, type=Thing)
        thing.turn = last.turn + (thing.label != last.label)
        return msgspec.json.encode(thing)

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """State the thing as it is by now, and the change as it came to be in between."""
        thing = msgspec.json.decode(revision.body, type=Thing)
        if thing.label == "unspeakable":
            raise InvalidInputError("This label has no meaning", where="$.label")
        key = f"toy:{revision.subject}"
        state = Artifact(
            key=key,
            custom_properties={"label": thing.label or None, "gone": thing.gone},
        )
        said = [Said(StatedTime(start=revision.at), (state,))]
        if not thing.gone:
            changed: tuple[AnyRecord, ...] = (
                Execution(key=f"toy:labelling/{revision.subject}/{thing.turn}"),
                Event(
                    artifact=key,
                    execution=f"toy:labelling/{revision.subject}/{thing.turn}",
                    kind=EventKind.INPUT,
                ),
            )
            between = StatedTime(
                start=revision.after, end=revision.at, precision=Precision.INTERVAL
            )
            said.append(Said(between, changed))
        return tuple(said)


class ShelfReader:
    """Shows a shelf. What is in ``unreadable`` is there and cannot be read."""

    tool = "shelf"
    address = "file:///shelf"
    listed = ("thing",)

    def __init__(
        self,
        things: dict[str, str],
        *,
        unreadable: Sequence[str] = (),
        fixed: bool = False,
        shown_at: datetime | None = None,
    ) -> None:
        self.things = things
        self.unreadable = unreadable
        self.shown_at = shown_at
        self.asked: JsonValue = None
        self._fixed = fixed

    @property
    def cursor(self) -> JsonValue:
        """The number of things."""
        return len(self.things)

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:
        """Show every thing."""
        del memory
        self.asked = cursor
        for name, label in self.things.items():
            subject = subject_of("thing", name)
            if name in self.unreadable:
                yield Unread("thing", subject, "the box is locked")
            else:
                body = msgspec.json.encode(Thing(label))
                yield Document("thing", subject, body, is_fixed=self._fixed)
        if is_whole:
            yield Listed("thing")
