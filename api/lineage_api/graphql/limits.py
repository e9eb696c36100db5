"""Limits of a document: one linear pass before validation, each fragment measured once.

Fragments that spread each other twice over make a document of 600 bytes stand for millions of
fields. Whatever walks every path of such a document is itself the attack; here each fragment's size
is a few integers, added up bottom-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
)
from strawberry.extensions import SchemaExtension

from lineage_api.graphql.errors import OPERATION_FAILED

TOKENS_MAX: Final = 2_000
FRAGMENTS_MAX: Final = 100
DEPTH_MAX: Final = 15
"""What the usual introspection query needs."""

ALIASES_MAX: Final = 50
ROOT_FIELDS_MAX: Final = 20
FIELDS_MAX: Final = 2_000
"""Fields once every fragment is written out where it is spread."""


class Measure(NamedTuple):
    """How large a selection is with fragments written out; ``width`` is its own level's fields."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    width: int = 0


class DocumentLimits(SchemaExtension):
    """Parses a document within its limits, before anything else looks at it."""

    def on_parse(self) -> Iterator[None]:
        """Parse and measure the document."""
        context = self.execution_context
        document = parse_within_limits(context.query or "")
        if context.context.operation_name is None:
            check_single(document)
        context.graphql_document = document
        yield

    def on_execute(self) -> Iterator[None]:
        """Note that the document was found valid: what fails from now on is something else."""
        self.execution_context.context.executing = True
        yield


def parse_within_limits(text: str) -> DocumentNode:
    """Parse a document.

    Raises:
        GraphQLError: it is not one, or over a limit; ``extensions.code`` says which.
    """
    document = parse(text, max_lexical_tokens=TOKENS_MAX)
    try:
        check_document(document)
    except RecursionError as error:
        raise _over("DEPTH", "nested", DEPTH_MAX, "levels") from error
    return document


def check_document(document: DocumentNode) -> None:
    """Refuse a document that is over a limit.

    Raises:
        GraphQLError: and its ``extensions.code`` says which limit.
    """
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    if len(fragments) > FRAGMENTS_MAX:
        raise _over("FRAGMENT", len(fragments), FRAGMENTS_MAX, "fragments")
    measuring = _Measuring(fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _check(measuring.selections(node.selection_set))


def check_single(document: DocumentNode) -> None:
    """Refuse a document of several operations, of which none was named to be executed.

    Raises:
        GraphQLError: with the code of an operation that cannot be told.
    """
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if len(operations) > 1:
        raise GraphQLError(
            "The document has several operations, and operationName names none",
            extensions={"code": OPERATION_FAILED},
        )


def _check(measure: Measure) -> None:
    for name, found, limit, what in (
        ("DEPTH", measure.depth, DEPTH_MAX, "levels"),
        ("ROOT_FIELD", measure.width, ROOT_FIELDS_MAX, "root fields"),
        ("ALIAS", measure.aliases, ALIASES_MAX, "aliases"),
        ("FIELD", measure.fields, FIELDS_MAX, "fields"),
    ):
        if found > limit:
            raise _over(name, found, limit, what)


class _Measuring:
    """Measures selections, remembering what each fragment measures."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._measures: dict[str, Measure] = {}

    def selections(self, node: SelectionSetNode | None) -> Measure:
        """Add up the selections of one set."""
        measures = [self._selection(one) for one in node.selections] if node else []
        return Measure(
            depth=max((one.depth for one in measures), default=0),
            fields=sum(one.fields for one in measures),
            aliases=sum(one.aliases for one in measures),
            width=sum(one.width for one in measures),
        )

    def _selection(self, node: SelectionNode) -> Measure:
        match node:
            case FieldNode():
                inside = self.selections(node.selection_set)
                aliased = 1 if node.alias else 0
                return Measure(inside.depth + 1, inside.fields + 1, inside.aliases + aliased, 1)
            case InlineFragmentNode():
                return self.selections(node.selection_set)
            case FragmentSpreadNode():
                return self._fragment(node.name.value)
            case _:
                return Measure()

    def _fragment(self, name: str) -> Measure:
        if name not in self._measures:
            # Stands for the fragment inside itself: validation refuses that cycle afterwards.
            self._measures[name] = Measure()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._measures[name] = self.selections(fragment.selection_set)
        return self._measures[name]


def _over(name: str, found: object, limit: int, what: str) -> GraphQLError:
    shown = found if not isinstance(found, int) or found <= 10 * limit else f"over {10 * limit}"
    return GraphQLError(
        f"The document has {shown} {what}; the limit is {limit}",
        extensions={
            "code": f"{name}_LIMIT_EXCEEDED",
            "hint": "Ask for less at once, in several requests.",
        },
    )
