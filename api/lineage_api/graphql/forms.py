"""The form of a document: what is asked for, without any value. It is kept where values are not."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    Node,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

_REMEMBERED = 128


class _Blank(Visitor):
    """Puts a blank in the place of every text and number."""

    def enter_string_value(self, *_: Any) -> Node:  # noqa: ANN401 - as the library calls it
        return StringValueNode(value="", block=False)

    def enter_int_value(self, *_: Any) -> Node:  # noqa: ANN401 - as above
        return IntValueNode(value="0")

    def enter_float_value(self, *_: Any) -> Node:  # noqa: ANN401 - as above
        return FloatValueNode(value="0.0")


@lru_cache(_REMEMBERED)
def form_of(document: str) -> str:
    """Return a document with blanks for its values; nothing, where it cannot be read."""
    try:
        read = parse(document, no_location=True)
        return print_ast(visit(read, _Blank()))
    except (GraphQLError, RecursionError):
        return ""
