"""``lineage demo``: the story of one model, loaded, told in words and served."""

from __future__ import annotations

import os
import shlex
from typing import Final

import click

from lineage.ledger import TraceQuery
from lineage.service import Ledger
from lineage.stores.opening import is_postgres, shown_location
from lineage_api.cli.configured import config_of
from lineage_api.cli.documents import Form, Ingestion
from lineage_api.cli.printing import counted, printable
from lineage_api.cli.session import Session, pass_session
from lineage_api.cli.trace import print_answer
from lineage_api.cli.watching import progress_of
from lineage_api.demo.story import CUSTOMERS, FRAUD_MODEL, SOURCE, open_story
from lineage_api.demo.telling import parts
from lineage_api.demo.words import Telling, tell
from lineage_api.settings import PORT_DEFAULT, read_settings
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, LineageAnswer, Node
from lineage_schemas.mlmd import Kind

DEMO_STORE: Final = "lineage-demo.db"


@click.command("demo")
@click.option(
    "--store",
    metavar="LEDGER",
    default=DEMO_STORE,
    show_default=True,
    help="Where to keep the story.",
)
@click.option(
    "--port",
    type=int,
    help="Where to serve it on this machine; 0 is any free port."
    f"  [env var: LINEAGE_PORT; default: {PORT_DEFAULT}]",
)
@click.option("--no-serve", is_flag=True, help="Stop after printing.")
@pass_session
def demo(session: Session, store: str, port: int | None, *, no_serve: bool) -> None:
    """Load the story of one model, tell it in words, and serve it.

    The story was recorded from real tools: a repository with DVC and GTO, an MLflow server, what a
    delivery pipeline and GitHub send. A second, shorter one came from a pipeline of dbt and Python
    over OpenLineage. Both are kept in a ledger of its own, in this folder; a second run finds them
    there and adds nothing.
    """
    config = config_of(click.get_current_context())
    settings = read_settings(os.environ, config=config, store=store, port=port)
    session.store = store
    with session.open_or_make() as ledger:
        _load_whole(ledger, session)
        _load(ledger, session)
        place = _place(session)
        for line in tell(Telling(ledger, session.namespace, place)):
            click.echo(printable(line))
        _tell(ledger, session, place)
        if no_serve:
            return
        from lineage_api import serving  # noqa: PLC0415 - printing need not wait for the web

        try:
            serving.serve(settings, ledger, _say)
        except InvalidInputError as error:
            raise InvalidInputError(
                error.what,
                where=error.where,
                hint="Choose another with --port (`make demo PORT=...`); 0 is any free port.",
            ) from error


def _load_whole(ledger: Ledger, session: Session) -> None:
    told = parts()
    with progress_of("loading the story") as progress:
        entries = 0
        for number, part in enumerate(told, start=1):
            entries += part.take(ledger, session.namespace).entries
            progress(number, len(told))
    tellers = {part.teller for part in told}
    click.echo(
        f"The whole story of fraud-model, as {counted(len(tellers), 'source')} told it: "
        f"{counted(len(told), 'look and message', 'looks and messages')}, "
        f"{counted(entries, 'new entry', 'new entries')} "
        f"({printable(shown_location(session.store))})."
    )


def _load(ledger: Ledger, session: Session) -> None:
    ingestion = Ingestion(ledger, namespace=session.namespace, source=SOURCE, form=Form.OPENLINEAGE)
    with open_story() as stream, progress_of("loading the story") as progress:
        ingestion.take(stream, progress)
    report = ingestion.report()
    click.echo(
        f"A second story, of dbt and Python: {counted(report.read, 'message')} of OpenLineage, "
        f"{report.appended} appended, {report.already_there} already there "
        f"({printable(shown_location(session.store))})."
    )


def _place(session: Session) -> str:
    # The URL of a database may hold a password.
    if is_postgres(session.store):
        return "LEDGER"
    return shlex.quote(printable(shown_location(session.store)))


def _tell(ledger: Ledger, session: Session, place: str) -> None:
    store = f"--store {place}"
    made_from = _ask(ledger, session, FRAUD_MODEL, Direction.UPSTREAM)
    click.echo(
        "\nAnd the second story: what was its model made from?\n"
        f"$ lineage trace {store} {FRAUD_MODEL}\n"
    )
    print_answer(ledger, made_from, "tree")
    reached = _ask(ledger, session, CUSTOMERS, Direction.DOWNSTREAM)
    above = {(node.kind, node.id) for node in made_from.nodes}
    data = [node for node in reached.nodes if node.kind is Kind.ARTIFACT and node.depth]
    others = [node for node in data if (node.kind, node.id) not in above]
    click.echo(
        f"\nWhat else did the customers' data reach?\n"
        f"$ lineage trace {store} --direction downstream {CUSTOMERS}\n\n"
        f"{counted(len(data), 'data set')}, of which {len(others)} are not above: "
        f"{printable(', '.join(map(_title, others)))}"
    )


def _ask(ledger: Ledger, session: Session, start: str, direction: Direction) -> LineageAnswer:
    query = TraceQuery(start=(start,), direction=direction)
    return ledger.trace(query, namespace=session.namespace)


def _title(node: Node) -> str:
    return str(node.properties.get("display_name") or node.key)


def _say(url: str) -> None:
    click.echo(f"\nServing at {url} (Ctrl-C stops)")
