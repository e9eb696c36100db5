"""ML Metadata's rules for commands, in the log's present state (research: mlmd, section 2)."""

from __future__ import annotations

from collections import deque
from typing import Final

from lineage.projections.handles import external_handle, name_handle
from lineage.projections.states import replaced_fields, shown_fields
from lineage.projections.unfolding import command_key
from lineage.projections.views import Views
from lineage.rules.types import check_properties
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import encode_json
from lineage_schemas.entry import MemberItem
from lineage_schemas.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import (
    ArtifactType,
    ContextType,
    EventKind,
    ExecutionType,
    Kind,
    NodeRecord,
    TypeRecord,
)

_TYPE_KINDS: Final[dict[type[TypeRecord], Kind]] = {
    ArtifactType: Kind.ARTIFACT,
    ExecutionType: Kind.EXECUTION,
    ContextType: Kind.CONTEXT,
}


class CommandRules:
    """Judges one command against the views of the transaction it is in.

    The views know a statement only once all of it was judged, so what its earlier records took is
    remembered here.
    """

    def __init__(self, views: Views, namespace: int) -> None:
        self._views = views
        self._namespace = namespace
        self._taken: dict[int, int | None] = {}
        """Handles that this command took, and for which node: ``None`` for one that it makes."""
        self._events: set[tuple[int, int, str]] = set()
        self._parents: dict[int, set[int]] = {}

    def kind_of_type(self, record: TypeRecord) -> Kind:
        """Return the kind of nodes that a type is for."""
        return _TYPE_KINDS[type(record)]

    def existing(self, kind: Kind, assigned: int) -> int:
        """Return the id again, or refuse it.

        Raises:
            InvalidInputError: nothing of that kind has the id.
        """
        if self._vertex(kind, assigned) not in self._views.nodes.known:
            raise InvalidInputError(f"There is no {kind} with the id {assigned}")
        return assigned

    def check_new(self, kind: Kind, record: NodeRecord) -> None:
        """Refuse a new node without a type, or with a name or external id that is taken."""
        if record.type is None:
            raise InvalidInputError("A new node needs a type")
        self._check_type(kind, record, record.type, record.type_version)
        if kind is Kind.CONTEXT and not record.name:
            raise InvalidInputError("A context needs a name that is not empty")
        self._take_name(kind, record, record.type, record.type_version, own=None)
        self._take_external_id(kind, record, own=None)

    def check_update(self, kind: Kind, record: NodeRecord) -> bool:
        """Judge the replacement of a node; tell whether it changes anything.

        Raises:
            InvalidInputError: an unknown id, another type, or an unnamed context.
            PreconditionError: the node is kept by observations.
        """
        assigned = record.id or 0
        vertex = self._vertex(kind, assigned)
        shown = self._views.states.get(vertex)
        if vertex not in self._views.nodes.known:
            raise InvalidInputError(f"Cannot find the given id {assigned} of a {kind}")
        if shown is None or shown.key != command_key(kind, assigned) or shown.type is None:
            raise PreconditionError(
                "This node is kept by observations, which a command would overwrite",
                where=f"{kind} {assigned}",
                hint="Observe it under its key, or make a node of your own.",
            )
        if record.type is not None and _type_of(record) != _type_of(shown):
            raise InvalidInputError(
                f"The type is {shown.type} and cannot become {record.type}",
                where=f"version {record.type_version}" if record.type_version else "",
            )
        self._check_type(kind, record, shown.type, shown.type_version)
        if kind is Kind.CONTEXT and not record.name:
            raise InvalidInputError("A context needs a name that is not empty")
        if kind is Kind.CONTEXT:
            self._take_name(kind, record, shown.type, shown.type_version, own=vertex)
        self._take_external_id(kind, record, own=vertex)
        return _replaces(kind, shown, record)

    def check_event(self, artifact: int, execution: int, kind: EventKind) -> None:
        """Refuse a second event of one kind between the same artifact and execution."""
        ends = self._vertex(Kind.ARTIFACT, artifact), self._vertex(Kind.EXECUTION, execution)
        tail, head = ends if kind.is_input else ends[::-1]
        key = (tail, head, kind.value)
        if key in self._events or self._views.edges.has(key):
            raise AlreadyExistsError(
                f"There is already an Event {kind.value} of these two",
                where=f"artifact {artifact}, execution {execution}",
            )
        self._events.add(key)

    def has_member(self, item: MemberItem) -> bool:
        """Tell whether the membership is already there."""
        return self._views.memberships.has(
            self._vertex(Kind.CONTEXT, item.context), self._vertex(item.kind, item.member)
        )

    def check_parent(self, item: MemberItem) -> None:
        """Refuse a second parent link of the same two, a link to itself, and a cycle."""
        if item.context == item.member:
            raise InvalidInputError("A context cannot lie inside itself", where=f"{item.member}")
        child = self._vertex(Kind.CONTEXT, item.member)
        parent = self._vertex(Kind.CONTEXT, item.context)
        if parent in self._parents_of(child):
            raise AlreadyExistsError(
                "The context already lies in that parent",
                where=f"child {item.member}, parent {item.context}",
            )
        seen, waiting = set[int](), deque([parent])
        while waiting:
            vertex = waiting.popleft()
            if vertex == child:
                raise InvalidInputError(
                    "The parents of a context would form a cycle",
                    where=f"child {item.member}, parent {item.context}",
                )
            above = self._parents_of(vertex) - seen
            seen |= above
            waiting += above
        self._parents.setdefault(child, set()).add(parent)

    def _parents_of(self, context: int) -> frozenset[int]:
        return self._views.memberships.contexts_of(context) | self._parents.get(context, set())

    def check_type(self, kind: Kind, record: TypeRecord) -> None:
        """Refuse an external id that another type of the kind has."""
        if record.external_id is None:
            return
        for row in self._views.catalog.types(self._namespace):
            other = row.definition
            if (row.kind, other.external_id) == (kind, record.external_id) and (
                other.name,
                other.version or "",
            ) != (record.name, record.version or ""):
                raise AlreadyExistsError(
                    f"The external id is taken: {record.external_id[:128]}", where=other.name
                )

    def check_new_type(self, kind: Kind, record: TypeRecord) -> None:
        """Refuse a type whose base type is none of the system types of its kind."""
        if record.base_type is None:
            return
        base = self._views.catalog.find_type(self._namespace, kind, record.base_type, None)
        if base is None:
            raise NotFoundError(f"There is no {kind} type {record.base_type} to be the base type")

    def _check_type(
        self, kind: Kind, record: NodeRecord, type_name: str, version: str | None
    ) -> None:
        known = self._views.catalog.find_type(self._namespace, kind, type_name, version)
        if known is None:
            raise NotFoundError(f"There is no {kind} type {type_name}", hint="Put the type first.")
        check_properties(record, known.definition, strict=True)

    def _take_name(
        self, kind: Kind, record: NodeRecord, type_name: str, version: str | None, own: int | None
    ) -> None:
        if record.name is None:
            return
        handle = name_handle(self._namespace, kind, type_name, version, record.name)
        holders = self._views.handles.holders(handle) - {own}
        held = [shown for vertex in holders if (shown := self._views.states.get(vertex))]
        if self._is_taken(handle, own) or any(
            (shown.name, shown.type) == (record.name, type_name) for shown in held
        ):
            raise AlreadyExistsError(f"The name is taken in its type: {record.name[:128]}")

    def _take_external_id(self, kind: Kind, record: NodeRecord, own: int | None) -> None:
        if record.external_id is None:
            return
        handle = external_handle(self._namespace, kind, record.external_id)
        holders = self._views.handles.holders(handle) - {own}
        held = [shown for vertex in holders if (shown := self._views.states.get(vertex))]
        if self._is_taken(handle, own) or any(
            shown.external_id == record.external_id for shown in held
        ):
            raise AlreadyExistsError(f"The external id is taken: {record.external_id[:128]}")

    def _is_taken(self, handle: int, own: int | None) -> bool:
        """Tell whether an earlier record of this command took the handle; take it, if not."""
        if handle in self._taken and (own is None or self._taken[handle] != own):
            return True
        self._taken[handle] = own
        return False

    def _vertex(self, kind: Kind, assigned: int) -> int:
        return vertex_of(self._namespace, KIND_CODES[kind], assigned)


def _type_of(said: NodeRecord | Node) -> tuple[str | None, str]:
    """Return name and version of a type. An absent version and an empty one are the same."""
    return said.type, said.type_version or ""


def _replaces(kind: Kind, shown: Node, record: NodeRecord) -> bool:
    """Tell whether replacing the node whole changes it; 1, 1.0 and true are three values."""
    before, after = shown_fields(shown), replaced_fields(kind, record, shown)
    return encode_json(before) != encode_json(after)
