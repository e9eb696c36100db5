"""ML Metadata's rules for commands, in the log's present state (research: mlmd, section 2)."""

from __future__ import annotations

from collections import deque
from typing import Final

from lineage.projections.handles import external_handle, name_handle
from lineage.projections.states import command_scalars
from lineage.projections.unfolding import command_key
from lineage.projections.views import Views
from lineage.rules.types import check_properties
from lineage.vertices import KIND_CODES, vertex_of
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
    """Judges one command against the views of the transaction it is in."""

    def __init__(self, views: Views, namespace: int) -> None:
        self._views = views
        self._namespace = namespace

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
        self._check_unique(kind, record, record.type, record.type_version, own=None)

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
        if record.type not in {None, shown.type}:
            raise InvalidInputError(f"The type is {shown.type} and cannot become {record.type}")
        self._check_type(kind, record, shown.type, shown.type_version)
        if kind is Kind.CONTEXT and not record.name:
            raise InvalidInputError("A context needs a name that is not empty")
        self._check_unique(kind, record, shown.type, shown.type_version, own=vertex)
        return _replaces(kind, shown, record)

    def check_event(self, artifact: int, execution: int, kind: EventKind) -> None:
        """Refuse a second event of one kind between the same artifact and execution."""
        ends = self._vertex(Kind.ARTIFACT, artifact), self._vertex(Kind.EXECUTION, execution)
        tail, head = ends if kind.is_input else ends[::-1]
        if self._views.edges.has((tail, head, kind.value)):
            raise AlreadyExistsError(
                f"There is already an Event {kind.value} of these two",
                where=f"artifact {artifact}, execution {execution}",
            )

    def has_member(self, item: MemberItem) -> bool:
        """Tell whether the membership is already there."""
        return self._views.memberships.has(
            self._vertex(Kind.CONTEXT, item.context), self._vertex(item.kind, item.member)
        )

    def check_parent(self, item: MemberItem) -> None:
        """Refuse a second parent link of the same two, a link to itself, and a cycle."""
        if item.context == item.member:
            raise InvalidInputError("A context cannot lie inside itself", where=f"{item.member}")
        if self.has_member(item):
            raise AlreadyExistsError(
                "The context already lies in that parent",
                where=f"child {item.member}, parent {item.context}",
            )
        child = self._vertex(Kind.CONTEXT, item.member)
        seen, waiting = set[int](), deque([self._vertex(Kind.CONTEXT, item.context)])
        while waiting:
            vertex = waiting.popleft()
            if vertex == child:
                raise InvalidInputError(
                    "The parents of a context would form a cycle",
                    where=f"child {item.member}, parent {item.context}",
                )
            for parent in self._views.memberships.contexts_of(vertex):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)

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

    def _check_unique(
        self, kind: Kind, record: NodeRecord, type_name: str, version: str | None, own: int | None
    ) -> None:
        if record.name is not None:
            handle = name_handle(self._namespace, kind, type_name, version, record.name)
            for vertex in self._views.handles.holders(handle) - {own}:
                shown = self._views.states.get(vertex)
                if shown and (shown.name, shown.type) == (record.name, type_name):
                    raise AlreadyExistsError(f"The name is taken in its type: {record.name[:128]}")
        if record.external_id is not None:
            handle = external_handle(self._namespace, kind, record.external_id)
            for vertex in self._views.handles.holders(handle) - {own}:
                shown = self._views.states.get(vertex)
                if shown and shown.external_id == record.external_id:
                    raise AlreadyExistsError(
                        f"The external id is taken: {record.external_id[:128]}"
                    )

    def _vertex(self, kind: Kind, assigned: int) -> int:
        return vertex_of(self._namespace, KIND_CODES[kind], assigned)


def _replaces(kind: Kind, shown: Node, record: NodeRecord) -> bool:
    """Tell whether replacing the node whole changes it. Names of all but contexts stay."""
    said = command_scalars(kind, shown, record)
    return (
        said != {name: getattr(shown, name) for name in said}
        or record.properties != shown.properties
        or record.custom_properties != shown.custom_properties
    )
