"""The mapping ``rows/NAME/VERSION``: what revisions of rows state, by a mapping file.

What a row says is stated when the row says that it was so. A row that changed says otherwise from
some time between two looks on, unless its own time moved on with it; what it says no more is
cleared, taken back, or gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from lineage.connectors.rows.documents import RowDocument, decode_document
from lineage.connectors.rows.loading import Loaded
from lineage.connectors.rows.saying import RowSaid, Told, say_move, say_row
from lineage.connectors.scanning import GONE, Revision, Said
from lineage_schemas.instants import instant_us
from lineage_schemas.mlmd import Artifact, ArtifactState, Context, Execution
from lineage_schemas.records import AnyRecord, Claim, Precision, Retraction, StatedTime
from lineage_schemas.serving import ServingAction

_NODES: Final = (Artifact, Execution, Context)
_NOTHING: Final = RowSaid((), (), ())
_STATE: Final = "source_state"
_GONE: Final = "gone"


class RowsMapping:
    """Understands the rows of one mapping file."""

    def __init__(self, loaded: Loaded) -> None:
        """Understand rows by a mapping that was read."""
        self._mapping = loaded.mapping

    @property
    def tag(self) -> str:
        """What a row's document names: name and version."""
        return f"{self._mapping.mapping}/{self._mapping.version}"

    @property
    def version(self) -> str:
        """The mapping's name and number."""
        return f"rows/{self.tag}"

    def carry(self, before: bytes | None, body: bytes) -> bytes:  # noqa: ARG002 - the contract's
        """Return the document as it is."""
        return body

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision states.

        Raises:
            InvalidInputError: the row holds something else than the mapping says; names the column.
        """
        change = _between(revision)
        told = tuple(self._told(revision, change))
        by_time: dict[StatedTime, list[AnyRecord]] = {}
        for one in told:
            by_time.setdefault(one.stated or change, []).append(one.record)
        return tuple(Said(stated, tuple(records)) for stated, records in by_time.items())

    def _told(self, revision: Revision, change: StatedTime) -> Iterator[Told]:
        before, is_same_mapping = self._row(revision.before)
        now, _ = self._row(revision.body)
        # Of what is gone, what this mapping makes of it is what there is to end.
        is_comparable = is_same_mapping or now is None
        earlier = say_row(self._mapping, before.row) if before and is_comparable else _NOTHING
        said = say_row(self._mapping, now.row) if now else _NOTHING
        yield from _ended(revision, earlier, said, change)
        if now is None:
            return
        known = {_spelled(one) for one in earlier.told}
        is_first = revision.before is None
        for one in said.told:
            if is_first or _spelled(one) in known:
                yield one
                continue
            if one.is_dated or not is_same_mapping:
                yield one
            yield from _changed(one, earlier, change)
        if revision.before == GONE:
            yield from (Told(_back(node), change) for node in said.own)

    def _row(self, body: bytes | None) -> tuple[RowDocument | None, bool]:
        """Return a row, and whether it was read by this mapping; ``None`` for any other document.

        What is gone says nothing, whatever it was read by.
        """
        if body is None or body == GONE:
            return None, True
        document = decode_document(body)
        if not isinstance(document, RowDocument):
            return None, True
        return document, document.mapping == self.tag


def _between(revision: Revision) -> StatedTime:
    if revision.after is None:
        return StatedTime(start=revision.at, precision=Precision.UPPER_BOUND)
    if revision.after == revision.at:
        return StatedTime(start=revision.at)
    return StatedTime(start=revision.after, end=revision.at, precision=Precision.INTERVAL)


def _spelled(one: Told) -> str:
    return repr(one)


def _changed(one: Told, earlier: RowSaid, change: StatedTime) -> Iterator[Told]:
    """Yield what a row says otherwise than before: from then on, as far as is known."""
    record = one.record
    if isinstance(record, _NODES):
        record = _cleared(record, earlier)
    latest = max(
        (told.stated.start for told in earlier.told if told.stated and told.stated.start),
        default=None,
    )
    own = one.stated
    has_moved_on = (
        own is not None and own.start is not None and (latest is not None and own.start > latest)
    )
    yield Told(record, own if has_moved_on and not one.is_dated else change)


def _cleared(
    record: Artifact | Execution | Context, earlier: RowSaid
) -> Artifact | Execution | Context:
    """Return a node with null for each property that the row said of it, and says no more."""
    for told in earlier.told:
        old = told.record
        if isinstance(old, _NODES) and (type(old), old.key) == (type(record), record.key):
            properties = {**dict.fromkeys(old.properties), **record.properties}
            custom = {**dict.fromkeys(old.custom_properties), **record.custom_properties}
            return replace(record, properties=properties, custom_properties=custom)
    return record


def _ended(
    revision: Revision, earlier: RowSaid, said: RowSaid, change: StatedTime
) -> Iterator[Told]:
    """Yield what was so by the row before, and is so no longer."""
    claims = {_claimed(one.record) for one in said.told if isinstance(one.record, Claim)}
    for one in earlier.told:
        if isinstance(one.record, Claim) and _claimed(one.record) not in claims:
            yield Told(_retracted(one.record), change)
    own = {(type(node), node.key) for node in said.own}
    for node in earlier.own:
        if (type(node), node.key) not in own:
            yield Told(_gone(node), change)
    if revision.body != GONE:
        return
    for move in earlier.ending:
        removal = replace(
            move,
            action=ServingAction.REMOVE,
            at=revision.at,
            after=None if revision.after is None else max(revision.after, move.at),
            is_beside=False,
            is_rollback=False,
            trigger=None,
        )
        deployment = quote(move.deployment or "", safe="")
        execution = f"rows:gone/{deployment}/{instant_us(revision.at)}"
        for record in say_move(execution, removal):
            yield Told(record, StatedTime(start=revision.at))


def _claimed(claim: Claim) -> tuple[str, str, str, str]:
    return (claim.kind, str(claim.node), claim.identifier, claim.link_class)


def _retracted(claim: Claim) -> Retraction:
    return Retraction(
        kind=claim.kind,
        node=claim.node,
        identifier=claim.identifier,
        link_class=claim.link_class,
        reason="the row says so no longer",
    )


def _gone(node: Artifact | Execution | Context) -> AnyRecord:
    """Return that a node is not there any more."""
    if isinstance(node, Artifact):
        return Artifact(
            key=node.key, type=node.type, state=ArtifactState.DELETED, properties={_STATE: _GONE}
        )
    return type(node)(key=node.key, type=node.type, properties={_STATE: _GONE})


def _back(node: Artifact | Execution | Context) -> AnyRecord:
    """Return that a node is there again."""
    properties = {_STATE: node.properties.get(_STATE)}
    if isinstance(node, Artifact):
        state = node.state or ArtifactState.LIVE
        return Artifact(key=node.key, type=node.type, state=state, properties=properties)
    return type(node)(key=node.key, type=node.type, properties=properties)
