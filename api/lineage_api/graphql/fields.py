"""Fields whose answer is made by a function, with the type GraphQL shows given beside it."""

from __future__ import annotations

from collections.abc import Callable

import strawberry
from strawberry.types.field import StrawberryField


def resolved(
    graphql_type: object, description: str | None = None, *, name: str | None = None
) -> Callable[[Callable[..., object]], StrawberryField]:
    """Make a field of a function.

    What the function returns is a struct of ours and only shown as ``graphql_type``, so the two are
    not the same to a type checker.
    """

    def make(resolver: Callable[..., object]) -> StrawberryField:
        field: object = strawberry.field(
            resolver=resolver, graphql_type=graphql_type, description=description, name=name
        )
        assert isinstance(field, StrawberryField)
        return field

    return make
