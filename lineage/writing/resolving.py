"""Resolve what a statement says by name into assigned ids: the structure of its envelope.

A reference resolves by key, never through a claim. A key that nobody has described makes a stub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lineage.projections.catalog import TYPE_CODE, KnownTypeRow, merge_types
from lineage.projections.unfolding import COMMAND_KEYS
from lineage.projections.views import Views
from lineage.rules.form import kind_of
from lineage.rules.types import check_evolution, check_properties
from lineage.vertices import HUB_CODE, KIND_CODES, id_of, realm_of, vertex_in, vertex_of
from lineage.writing.commands import CommandRules
from lineage_schemas.entry import (
    EdgeItem,
    EraseItem,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    PlainItem,
    SeriesItem,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.errors import InvalidInputError, LedgerError, NotFoundError
from lineage_schemas.governance import Erasure
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    Kind,
    NodeRecord,
    ParentContext,
    Record,
    Ref,
    TypeRecord,
)
from lineage_schemas.records import COMMAND, Claim, MetricSeries, Retraction, Statement

# As for ``COMMAND``.
_ARTIFACT: Final = Kind.ARTIFACT
_EXECUTION: Final = Kind.EXECUTION
_CONTEXT: Final = Kind.CONTEXT


class Resolver:
    """Resolves the records of a namespace's statements, one after another, in order."""

    def __init__(self, views: Views, namespace: int) -> None:
        self._views = views
        self._namespace = namespace
        self._vertices = views.nodes.vertices
        self._realms = {kind: realm_of(namespace, code) for kind, code in KIND_CODES.items()}
        self._begin(0, is_command=False)

    def _begin(self, position: int, *, is_command: bool) -> None:
        self._position = position
        self._is_command = is_command
        if is_command:
            # What a command took is the next one's to take again, once the views have folded it.
            self._commands = CommandRules(self._views, self._namespace)
        # Observations name nodes by key only: ``rules.form`` has seen to it.
        self._ref: Callable[[Kind, Ref], int] = self._ref_of_command if is_command else self._by_key
        self._items: list[Item] = []
        self._keys: list[Item] = []
        self.is_effective = not is_command
        """Whether the statement changes anything; an unchanged command is not appended."""

    def resolve(self, position: int, statement: Statement) -> tuple[Item, ...]:
        """Return the structure: an item a record, then the key items that followed.

        Raises:
            RuleError: a command breaks a rule of ML Metadata in the log's present state.
            InvalidInputError: a type that nobody put, or properties that it does not declare.
        """
        self._begin(position, is_command=statement.mode is COMMAND)
        for index, record in enumerate(statement.records):
            try:
                resolve = _RESOLVES.get(type(record), Resolver.resolve_plain)
                self._items.append(resolve(self, record))
            except LedgerError as error:
                where = f"statement {statement.id[:64]}: record {index}"
                raise error.at(where) from error
        return (*self._items, *self._keys)

    def resolve_plain(self, _: Record) -> PlainItem:
        """Nothing is joined: an actor, a message, or what the ledger says of itself."""
        self.is_effective = True
        return PlainItem()

    def resolve_node(self, record: NodeRecord) -> NodeItem:
        """A node is described."""
        kind = kind_of(record)
        if not self._is_command:
            self._check_type(kind, record)
            assert record.key is not None
            return NodeItem(kind, self._by_key(kind, record.key))
        if record.id is None:
            self._commands.check_new(kind, record)
            self.is_effective = True
            return NodeItem(kind, self._new_node(kind, None))
        if self._commands.check_update(kind, record):
            self.is_effective = True
        return NodeItem(kind, record.id)

    def _check_type(self, kind: Kind, record: NodeRecord) -> None:
        if record.type is None:
            return
        known = self._views.catalog.find_type(
            self._namespace, kind, record.type, record.type_version
        )
        if known is None:
            raise InvalidInputError(
                f"There is no {kind} type {record.type}",
                where=record.key or "",
                hint="Use a well-known type such as lineage.DataSet, or put the type first.",
            )
        if record.properties:
            check_properties(record, known.definition, strict=False)

    def resolve_event(self, record: Event) -> EdgeItem:
        """An artifact and an execution are joined."""
        artifact = self._ref(_ARTIFACT, record.artifact)
        execution = self._ref(_EXECUTION, record.execution)
        if self._is_command:
            self._commands.check_event(artifact, execution, record.kind)
            self.is_effective = True
        return EdgeItem(artifact, execution, record.kind)

    def _member(self, context: Ref, kind: Kind, member: Ref) -> MemberItem:
        item = MemberItem(self._ref(_CONTEXT, context), kind, self._ref(kind, member))
        if self._is_command and not self._commands.has_member(item):
            self.is_effective = True
        return item

    def resolve_attribution(self, record: Attribution) -> MemberItem:
        """An artifact belongs to a context."""
        return self._member(record.context, _ARTIFACT, record.artifact)

    def resolve_association(self, record: Association) -> MemberItem:
        """An execution belongs to a context."""
        return self._member(record.context, _EXECUTION, record.execution)

    def resolve_series(self, record: MetricSeries) -> SeriesItem:
        """A chunk of a metric series."""
        self.is_effective = True
        return SeriesItem(self._ref(_EXECUTION, record.execution))

    def resolve_parent(self, record: ParentContext) -> MemberItem:
        """A context lies inside another."""
        child = self._ref(_CONTEXT, record.child)
        parent = self._ref(_CONTEXT, record.parent)
        item = MemberItem(parent, _CONTEXT, child)
        if self._is_command:
            self._commands.check_parent(item)
            self.is_effective = True
        return item

    def resolve_link(self, record: Claim | Retraction) -> Item:
        """A claim is made, or taken back."""
        assigned = self._ref(record.kind, record.node)
        hub = self._hub(record.kind, record.identifier)
        self.is_effective = True
        if isinstance(record, Claim):
            return LinkItem(record.kind, assigned, hub, record.link_class)
        return UnlinkItem(record.kind, assigned, hub, record.link_class)

    def resolve_erasure(self, record: Erasure) -> EraseItem:
        """Parts of earlier entries are erased."""
        return EraseItem(record.parts, record.positions)

    def resolve_type(self, record: TypeRecord) -> TypeItem:
        """A type is put."""
        catalog = self._views.catalog
        kind = self._commands.kind_of_type(record)
        known = catalog.find_type(self._namespace, kind, record.name, record.version)
        self._commands.check_type(kind, record)
        if known is None:
            self._commands.check_new_type(kind, record)
            type_id = catalog.next_id(self._namespace, TYPE_CODE)
        else:
            type_id = known.id
            check_evolution(known.definition, record)
        if known is None or merge_types(known.definition, record) != known.definition:
            self.is_effective = True
            # At once, for the next record of this statement may build on it.
            put = KnownTypeRow(self._namespace, type_id, kind, record, self._position)
            catalog.put_type(self._position, put)
        return TypeItem(kind, type_id)

    def _ref_of_command(self, kind: Kind, ref: Ref) -> int:
        if isinstance(ref, int):
            return self._commands.existing(kind, ref)
        if ref.startswith("#"):
            return self._local(kind, ref)
        return self._existing_key(kind, ref)

    def _local(self, kind: Kind, ref: str) -> int:
        number = ref[1:]
        # Written in one way only, as loading has looked for it: "#00" is not "#0".
        if number.isdecimal() and str(int(number)) == number and int(number) < len(self._items):
            item = self._items[int(number)]
            if isinstance(item, NodeItem) and item.kind is kind:
                return item.id
        raise InvalidInputError(
            f"{ref} names no {kind} of this statement",
            hint="#N names the node of record N, which stands before the record that names it.",
        )

    def _existing_key(self, kind: Kind, key: str) -> int:
        vertex = self._views.nodes.vertices.get((self._realms[kind], key))
        if vertex is None:
            raise NotFoundError(f"There is no {kind} with the key {key[:128]}")
        return id_of(vertex)

    def _by_key(self, kind: Kind, key: Ref) -> int:
        assert isinstance(key, str)
        vertex = self._vertices.get((self._realms[kind], key))
        if vertex is not None:
            return id_of(vertex)
        _refuse_command_key(kind, key)
        return self._new_node(kind, key)

    def _new_node(self, kind: Kind, key: str | None) -> int:
        assigned = self._views.catalog.next_id(self._namespace, KIND_CODES[kind])
        if key is not None:
            named = self._realms[kind], key
            self._views.nodes.vertices[named] = vertex_in(named[0], assigned)
            hub = self._views.links.hubs.get(named)
            if hub is not None:
                self._keys.append(KeyItem(kind, assigned, id_of(hub)))
        return assigned

    def _hub(self, kind: Kind, identifier: str) -> int:
        """Return the hub of a kind's identifier; a new one is linked to the node of that key."""
        named = self._realms[kind], identifier
        hub = self._views.links.hubs.get(named)
        if hub is None:
            if named not in self._views.nodes.vertices:
                _refuse_command_key(kind, identifier)
            assigned = self._views.catalog.next_id(self._namespace, HUB_CODE)
            hub = vertex_of(self._namespace, HUB_CODE, assigned)
            self._views.links.hubs[named] = hub
            node = self._views.nodes.vertices.get(named)
            if node is not None:
                self._keys.append(KeyItem(kind, id_of(node), assigned))
        return id_of(hub)


def _refuse_command_key(kind: Kind, key: str) -> None:
    if key.startswith(COMMAND_KEYS):
        raise NotFoundError(
            f"There is no {kind} with the key {key[:128]}",
            hint="Keys of this scheme belong to nodes that commands have made.",
        )


_RESOLVES: Final[dict[type[Record], Callable[..., Item]]] = {
    Artifact: Resolver.resolve_node,
    Execution: Resolver.resolve_node,
    Context: Resolver.resolve_node,
    Event: Resolver.resolve_event,
    Attribution: Resolver.resolve_attribution,
    Association: Resolver.resolve_association,
    ParentContext: Resolver.resolve_parent,
    Claim: Resolver.resolve_link,
    Retraction: Resolver.resolve_link,
    MetricSeries: Resolver.resolve_series,
    ArtifactType: Resolver.resolve_type,
    ExecutionType: Resolver.resolve_type,
    ContextType: Resolver.resolve_type,
    Erasure: Resolver.resolve_erasure,
}
