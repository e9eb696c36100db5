"""The GraphQL API put together, and its SDL as it is published."""

from __future__ import annotations

from typing import Final

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from lineage_api.graphql.errors import log_error
from lineage_api.graphql.limits import DocumentLimits
from lineage_api.graphql.queries import Query
from lineage_api.graphql.scalars import SCALARS


class LedgerSchema(strawberry.Schema):
    """Logs what is our own fault only; what a client got wrong, it is told."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log faults."""
        del execution_context
        for error in errors:
            log_error(error)


SCHEMA: Final = LedgerSchema(
    query=Query,
    extensions=[DocumentLimits],
    config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True),
)


def printed_sdl() -> str:
    """Return the SDL as it is published; the same text each time."""
    return SCHEMA.as_str() + "\n"
