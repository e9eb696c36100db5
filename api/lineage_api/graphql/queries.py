"""The root fields: each is one call of the service.

Every answer of one request that does not say as of when is of one size: the log's as the request
began.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Final, TypedDict

import strawberry
from msgspec import Struct

from lineage.questions.as_of import SOFTWARE, AsOf, Present
from lineage.questions.columns import ColumnsQuery
from lineage.questions.conflict_lists import ConflictQuery
from lineage.questions.link_lists import LinkQuery
from lineage.questions.search import PAGE_NODES_DEFAULT
from lineage.questions.serving import ServingQuery
from lineage.questions.trace import DEPTH_MAX, TraceQuery
from lineage.questions.why import WhyQuery
from lineage.service import Ledger
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_api.graphql.column_types import ColumnsAnswerType, FieldArgument
from lineage_api.graphql.definition_types import TypesAnswerType
from lineage_api.graphql.fields import resolved
from lineage_api.graphql.identity_types import ConflictPageType, WhyAnswerType
from lineage_api.graphql.inputs import (
    AfterArgument,
    AsOfArgument,
    AsOfInput,
    CrossedClass,
    FilterArgument,
    FirstArgument,
    KeyArgument,
    LinkedArgument,
    NamespaceArgument,
    ValidAtArgument,
    ValidDuringArgument,
    ValidDuringInput,
    interval_of,
)
from lineage_api.graphql.link_types import LinkPageType, UnresolvedPageType
from lineage_api.graphql.registry_types import RegistryAnswerType
from lineage_api.graphql.scalars import Int64
from lineage_api.graphql.serving_types import (
    EnvironmentArgument,
    OfArgument,
    ServiceArgument,
    ServingAnswerType,
)
from lineage_api.graphql.sources import SourcesAnswerType
from lineage_api.graphql.types import (
    BasisType,
    EntryPageType,
    HeadOfLog,
    HeadType,
    KeyType,
    LineageAnswerType,
    NodeAnswerType,
    NodePageType,
)
from lineage_schemas import graph, identity, linking
from lineage_schemas.basis import Basis
from lineage_schemas.columns import ColumnsAnswer
from lineage_schemas.entry import Head
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.filters import parse_filter
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.integrity import CheckpointAnswer, KeyView
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass
from lineage_schemas.registry_views import RegistryAnswer
from lineage_schemas.serving import ServingAnswer
from lineage_schemas.sources import SourcesAnswer

STARTS_MAX: Final = 100
NODES_DEFAULT: Final = 1_000
NODES_MAX: Final = 10_000
"""Nodes of one lineage answer over GraphQL; the engine itself can do more."""

FIRST_POSITION: Final = Int64(0)
CROSSED_DEFAULT: Final = (CrossedClass.ASSERTED, CrossedClass.CONTENT)


class _Question(TypedDict):
    namespace: str
    as_of: AsOf
    principal: Principal


class Asker(Struct, frozen=True):
    """Who asks, and which namespace is meant where a field names none."""

    principal: Principal = LOCAL_PRINCIPAL
    namespace: str = DEFAULT_NAMESPACE


class QueryContext:
    """What the resolvers of one request share."""

    def __init__(
        self, ledger: Ledger, operation_name: str | None = None, asker: Asker | None = None
    ) -> None:
        self.ledger = ledger
        self.operation_name = operation_name
        self.asker = asker or Asker()
        self.executing = False
        """Set once the document was found valid."""

    @cached_property
    def head(self) -> Head:
        """Where the log stood when this request first asked."""
        return self.ledger.head(principal=self.asker.principal)

    @cached_property
    def present(self) -> Present:
        """The present that every question of this request is asked of."""
        return Present(self.head.size, self.ledger.clock())

    @cached_property
    def signed(self) -> CheckpointAnswer | None:
        """The last checkpoint that was signed; ``None`` where there is none."""
        try:
            return self.ledger.custody.last_checkpoint(principal=self.asker.principal)
        except NotFoundError:
            return None


Info = strawberry.Info[QueryContext, None]


@strawberry.type(description="Questions about one ledger.")
class Query:
    """The root of every question."""

    @resolved(NodeAnswerType, "All that is known of one artifact.")
    def artifact(
        self,
        info: Info,
        key: KeyArgument,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.NodeAnswer:
        """Show an artifact."""
        return _show(info, Kind.ARTIFACT, key, namespace, as_of)

    @resolved(NodeAnswerType, "All that is known of one execution.")
    def execution(
        self,
        info: Info,
        key: KeyArgument,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.NodeAnswer:
        """Show an execution."""
        return _show(info, Kind.EXECUTION, key, namespace, as_of)

    @resolved(NodeAnswerType, "All that is known of one context.")
    def context(
        self,
        info: Info,
        key: KeyArgument,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.NodeAnswer:
        """Show a context."""
        return _show(info, Kind.CONTEXT, key, namespace, as_of)

    @resolved(
        LineageAnswerType,
        "The lineage of one or more identifiers, bounded: what is cut says so.",
    )
    def lineage(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        start: Annotated[
            list[str],
            strawberry.argument(description="Identifiers, scheme:value, or labels; 1 to 100."),
        ],
        direction: graph.Direction = graph.Direction.UPSTREAM,
        depth: Annotated[
            int | None,
            strawberry.argument(
                description="How many lineage edges to follow, 0 to 100000; left out, all."
            ),
        ] = None,
        nodes: Annotated[
            int, strawberry.argument(description="How many nodes at most, 1 to 10000.")
        ] = NODES_DEFAULT,
        cross: Annotated[
            list[CrossedClass],
            strawberry.argument(description="The classes of links that may be crossed."),
        ] = list(CROSSED_DEFAULT),  # noqa: B006 - read by the library, changed by nobody
        fanout: Annotated[
            int | None,
            strawberry.argument(
                description="How many edges of one node to follow each way, 1 to 1000000; left "
                "out, all."
            ),
        ] = None,
        filter: Annotated[  # noqa: A002 - it is the argument's name
            str | None,
            strawberry.argument(
                description="Show only what fulfils these terms, and the start, such as "
                "`type:lineage.Model state:LIVE rows>=1000`; what is left out is counted."
            ),
        ] = None,
        stop_at: Annotated[
            str | None,
            strawberry.argument(description="Terms as of `filter`: do not walk on from these."),
        ] = None,
        valid_at: ValidAtArgument = None,
        valid_during: ValidDuringArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.LineageAnswer:
        """Trace lineage."""
        if len(start) > STARTS_MAX:
            raise InvalidInputError(
                f"A trace starts from {STARTS_MAX} identifiers at the most", where="start"
            )
        if nodes > NODES_MAX:
            raise InvalidInputError(
                f"The node limit is from 1 to {NODES_MAX} here", where=str(nodes)
            )
        query = TraceQuery(
            start=tuple(start),
            # The library hands an enumeration's values on as plain text, unless left out.
            direction=graph.Direction(direction),
            depth=DEPTH_MAX if depth is None else depth,
            nodes=nodes,
            cross=tuple(map(LinkClass, cross)),
            fanout=fanout,
            filter=None if filter is None else parse_filter(filter),
            stop_at=None if stop_at is None else parse_filter(stop_at),
        )
        return info.context.ledger.graph.trace(
            query,
            valid_at=valid_at,
            valid_during=interval_of(valid_during),
            **_question(info, namespace, as_of),
        )

    @resolved(
        ColumnsAnswerType,
        "Column lineage: which fields a data set's fields were made from, or what is made of them.",
    )
    def column_lineage(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        dataset: KeyArgument,
        field: FieldArgument = None,
        direction: graph.Direction = graph.Direction.UPSTREAM,
        depth: Annotated[
            int | None,
            strawberry.argument(description="How many steps to walk, 0 to 100000; left out, all."),
        ] = None,
        columns: Annotated[
            int, strawberry.argument(description="How many fields at most, 1 to 10000.")
        ] = NODES_DEFAULT,
        valid_at: ValidAtArgument = None,
        valid_during: ValidDuringArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> ColumnsAnswer:
        """Follow fields."""
        if columns > NODES_MAX:
            raise InvalidInputError(
                f"The limit of fields is from 1 to {NODES_MAX} here", where=str(columns)
            )
        query = ColumnsQuery(
            dataset=dataset,
            field=field,
            direction=graph.Direction(direction),
            depth=DEPTH_MAX if depth is None else depth,
            columns=columns,
        )
        return info.context.ledger.graph.columns(
            query,
            valid_at=valid_at,
            valid_during=interval_of(valid_during),
            **_question(info, namespace, as_of),
        )

    @resolved(
        NodePageType,
        "Nodes that show every word of a text, the best first, and fulfil a filter.",
    )
    def find(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        text: Annotated[
            str,
            strawberry.argument(
                description="Words of names, labels, keys, URIs, identifiers, properties and types."
            ),
        ] = "",
        filter: FilterArgument = None,  # noqa: A002 - it is the argument's name
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.NodePage:
        """Find nodes by words."""
        _check_page(after, as_of)
        wanted = None if filter is None else parse_filter(filter)
        return info.context.ledger.find(
            text, filter=wanted, cursor=after, count=first, **_question(info, namespace, as_of)
        )

    @resolved(
        NodePageType,
        "Nodes of a type (and of those based on it), or of a kind such as artifact.",
    )
    def nodes(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        type: str,  # noqa: A002 - it is the argument's name
        filter: FilterArgument = None,  # noqa: A002 - as type
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.NodePage:
        """List nodes by type."""
        _check_page(after, as_of)
        wanted = None if filter is None else parse_filter(filter)
        return info.context.ledger.list_nodes(
            type, filter=wanted, cursor=after, count=first, **_question(info, namespace, as_of)
        )

    @resolved(
        LinkPageType,
        "Links: which node goes by which identifier, by whose claim, and what that joins it to.",
    )
    def links(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        node: LinkedArgument = None,
        classes: Annotated[
            list[LinkClass] | None,
            strawberry.argument(name="class", description="Only these; left out, every class."),
        ] = None,
        source: Annotated[
            str | None, strawberry.argument(description="Only what this source claims.")
        ] = None,
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> linking.LinkPage:
        """List links."""
        _check_page(after, as_of)
        query = LinkQuery(node=node, classes=tuple(map(LinkClass, classes or ())), source=source)
        return info.context.ledger.linking.links(
            query, cursor=after, count=first, **_question(info, namespace, as_of)
        )

    @resolved(
        UnresolvedPageType,
        "What is referred to and described by nobody, and data sets without a link; with guesses.",
    )
    def unresolved(
        self,
        info: Info,
        node: LinkedArgument = None,
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> linking.UnresolvedPage:
        """List what is unresolved."""
        _check_page(after, as_of)
        return info.context.ledger.linking.unresolved(
            node, cursor=after, count=first, **_question(info, namespace, as_of)
        )

    @resolved(
        WhyAnswerType,
        "Why two names mean one thing: by whose claims; or what comes nearest to that.",
    )
    def why(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        one: KeyArgument,
        other: KeyArgument,
        valid_at: ValidAtArgument = None,
        valid_during: ValidDuringArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> identity.WhyAnswer:
        """Tell why."""
        return info.context.ledger.linking.why(
            WhyQuery(one=one, other=other),
            valid_at=valid_at,
            valid_during=interval_of(valid_during),
            **_question(info, namespace, as_of),
        )

    @resolved(
        ConflictPageType,
        "What cannot all be true of what links make one thing. The links stand all the same.",
    )
    def conflicts(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        node: LinkedArgument = None,
        kinds: Annotated[
            list[graph.ConflictKind] | None,
            strawberry.argument(name="kind", description="Only these; left out, every kind."),
        ] = None,
        valid_at: ValidAtArgument = None,
        valid_during: ValidDuringArgument = None,
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> identity.ConflictPage:
        """List conflicts."""
        _check_page(after, as_of)
        query = ConflictQuery(node=node, kinds=tuple(map(graph.ConflictKind, kinds or ())))
        return info.context.ledger.linking.conflicts(
            query,
            valid_at=valid_at,
            valid_during=interval_of(valid_during),
            cursor=after,
            count=first,
            **_question(info, namespace, as_of),
        )

    @resolved(
        ServingAnswerType,
        "Serving intervals: which deployment in which place, in what role, from when to when.",
    )
    def serving(  # noqa: PLR0913, PLR0917 - a field's arguments are its resolver's
        self,
        info: Info,
        of: OfArgument = None,
        service: ServiceArgument = None,
        environment: EnvironmentArgument = None,
        valid_at: ValidAtArgument = None,
        valid_during: ValidDuringArgument = None,
        first: FirstArgument = PAGE_NODES_DEFAULT,
        after: AfterArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> ServingAnswer:
        """List serving intervals."""
        _check_page(after, as_of)
        return info.context.ledger.registry.serving(
            ServingQuery(of=of, service=service, environment=environment),
            valid_at=valid_at,
            valid_during=interval_of(valid_during),
            cursor=after,
            count=first,
            **_question(info, namespace, as_of),
        )

    @resolved(
        RegistryAnswerType,
        "A registered model: versions, stages, aliases, approvals, and what served; by its key or "
        "label, or by those of a version of it.",
    )
    def registered_model(
        self,
        info: Info,
        name: KeyArgument,
        valid_at: ValidAtArgument = None,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> RegistryAnswer:
        """Show a registered model."""
        return info.context.ledger.registry.model(
            name, valid_at=valid_at, **_question(info, namespace, as_of)
        )

    @resolved(EntryPageType, "Entries of the log from a position on.")
    def entries(
        self,
        info: Info,
        start: Annotated[Int64, strawberry.argument(name="from")] = FIRST_POSITION,
        first: FirstArgument = PAGE_NODES_DEFAULT,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.EntryPage:
        """Read the log."""
        return info.context.ledger.entries(start, count=first, **_question(info, namespace, as_of))

    @resolved(TypesAnswerType, "The types of a namespace, by id.")
    def types(
        self,
        info: Info,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> graph.TypesAnswer:
        """List types."""
        return info.context.ledger.types(**_question(info, namespace, as_of))

    @resolved(SourcesAnswerType, "The sources of a namespace, by name, and what they owe.")
    def sources(
        self,
        info: Info,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> SourcesAnswer:
        """List sources."""
        return info.context.ledger.watching.sources(**_question(info, namespace, as_of))

    @resolved(BasisType, "The basis that an answer as of then would rest on.")
    def basis(
        self,
        info: Info,
        namespace: NamespaceArgument = None,
        as_of: AsOfArgument = None,
    ) -> Basis:
        """State a basis."""
        return info.context.ledger.basis(**_question(info, namespace, as_of))

    @resolved(HeadType, "Where the log stood as this request began.")
    def head(self, info: Info) -> HeadOfLog:
        """State the head."""
        context = info.context
        return HeadOfLog(context.ledger.origin, context.head, lambda: context.signed)

    @resolved(list[KeyType], "Every verifier key that the log names, in its order.")
    def keys(self, info: Info) -> tuple[KeyView, ...]:
        """List the keys."""
        return info.context.ledger.custody.keys(principal=info.context.asker.principal)


def _show(
    info: Info, kind: Kind, key: str, namespace: str | None, as_of: AsOfInput | None
) -> graph.NodeAnswer:
    """Return the one answer: within a kind, all that an identifier means is one entity."""
    return info.context.ledger.show(key, kind=kind, **_question(info, namespace, as_of))[0]


def _question(info: Info, namespace: str | None, as_of: AsOfInput | None) -> _Question:
    """Return what every question of the service is given, whoever asks it."""
    asker = info.context.asker
    named = asker.namespace if namespace is None else namespace
    return {
        "namespace": named,
        "as_of": _as_of(info, as_of, named),
        "principal": asker.principal,
    }


def _as_of(info: Info, given: AsOfInput | None, namespace: str) -> AsOf:
    if given is None:
        return info.context.present
    if given.size is not None and given.size is not strawberry.UNSET:
        return given.size
    if given.time is not None and given.time is not strawberry.UNSET:
        return given.time
    basis = given.basis
    if basis is None or basis is strawberry.UNSET:
        raise InvalidInputError("As of when? One of size, time and basis is needed", where="asOf")
    return Basis(
        origin=basis.origin,
        size=basis.size,
        root=basis.root,
        projection=basis.projection,
        software=SOFTWARE,
        namespace=namespace,
        valid_at=(None if basis.valid_at is None else format_instant(instant_us(basis.valid_at))),
        valid_during=_basis_interval(basis.valid_during),
        last_erasure=basis.last_erasure,
        sources_at=(
            None if basis.sources_at is None else format_instant(instant_us(basis.sources_at))
        ),
    )


def _basis_interval(given: ValidDuringInput | None) -> tuple[str, str] | None:
    if given is None:
        return None
    return format_instant(instant_us(given.start)), format_instant(instant_us(given.end))


def _check_page(after: str | None, given: AsOfInput | None) -> None:
    """A cursor carries the size of the first page, so nothing else may say as of when."""
    if after is not None and given is not None:
        raise InvalidInputError(
            "The cursor already says as of when", where="asOf", hint="Leave asOf out."
        )
