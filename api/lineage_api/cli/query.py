"""``lineage query``: a GraphQL document, answered in this process."""

from __future__ import annotations

from typing import Any, BinaryIO

import click
import msgspec

from lineage_api.cli.failures import EXIT_USAGE
from lineage_api.cli.printing import print_json
from lineage_api.cli.session import Session, pass_session, store_option
from lineage_api.settings import QUERY_BYTES_MAX
from lineage_schemas.errors import DecodeError, LimitExceededError


@click.command("query")
@click.argument("file", type=click.File("rb"))
@click.option("--variables", metavar="JSON", help="The variables of the document, as an object.")
@click.option("--operation", metavar="NAME", help="Which operation, where there are several.")
@store_option
@pass_session
def query(session: Session, file: BinaryIO, variables: str | None, operation: str | None) -> None:
    """Answer a GraphQL document without a server.

    FILE ("-": standard input) holds the document; what it asks as of when, and of which namespace,
    it says itself. Prints the response as JSON; where that has errors, the exit code is 2.
    """
    # Only here: whoever asks anything else need not wait for the schema to be built.
    from lineage_api.graphql.endpoint import GraphQLRequest, execute  # noqa: PLC0415 - see above

    request = GraphQLRequest(_document(file), _variables(variables), operation)
    with session.open() as ledger:
        executed = execute(ledger, request)
    print_json(executed)
    if executed.errors:
        raise click.exceptions.Exit(EXIT_USAGE)


def _document(file: BinaryIO) -> str:
    body = file.read(QUERY_BYTES_MAX + 1)
    if len(body) > QUERY_BYTES_MAX:
        raise LimitExceededError(
            f"The document is over the limit of {QUERY_BYTES_MAX} bytes (QUERY_BYTES_MAX)"
        )
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"The document is not UTF-8: {error}") from error


def _variables(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise click.BadParameter(
            f"This is no JSON object: {error}", param_hint="'--variables'"
        ) from error
