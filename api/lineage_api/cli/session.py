"""What every command shares: which ledger, which namespace, as of when, in which form."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from lineage.clock import Clock, Randomness, system_clock, system_randomness
from lineage.graph_file import GraphPlace
from lineage.ledger import configured_files, is_remembered, open_ledger
from lineage.questions.as_of import AsOf
from lineage.service import Ledger
from lineage.stores.opening import has_store, shown_location
from lineage.writing.submission import DEFAULT_NAMESPACE
from lineage_api.cli.configured import config_of
from lineage_api.cli.watching import late_progress
from lineage_api.compose import graph_place
from lineage_api.identity.declarers import KnownDeclarer
from lineage_api.settings import STORE_DEFAULT, read_places
from lineage_schemas.errors import LedgerError, StoreError
from lineage_schemas.instants import instant_of, parse_instant

STORE_VARIABLE: Final = "LINEAGE_STORE"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Session:
    """What the shared options say, and what is taken from the machine. Tests give their own."""

    clock: Clock = system_clock
    randomness: Randomness = system_randomness
    store: str = STORE_DEFAULT
    namespace: str = DEFAULT_NAMESPACE
    as_of: AsOf = None
    key: Path | None = None
    sidecar: Path | None = None
    graph: GraphPlace = field(default_factory=GraphPlace)
    api_key: Path | None = None
    revoked_keys: tuple[str, ...] = ()
    declarers: tuple[KnownDeclarer, ...] = ()

    def open(self) -> Ledger:
        """Open the ledger that is there; never make one, or a slip of the pen would.

        Raises:
            StoreError: there is none, or it cannot be used.
        """
        # One that is remembered and gone is another story, which opening it tells.
        if not has_store(self.store) and not is_remembered(self.store, sidecar=self.sidecar):
            raise StoreError(
                "There is no ledger here",
                where=shown_location(self.store),
                hint=f"Name one with --store or {STORE_VARIABLE}, or make one: "
                "`lineage ingest` and `lineage serve` do.",
            )
        return self.open_or_make()

    def open_or_make(self) -> Ledger:
        """Open the ledger, or make a new one.

        Raises:
            StoreError: it cannot be used.
        """
        return open_ledger(
            self.store,
            clock=self.clock,
            randomness=self.randomness,
            key=self.key,
            sidecar=self.sidecar,
            graph=self.graph._replace(progress=late_progress("reading the graph")),
        )


pass_session = click.make_pass_decorator(Session, ensure=True)


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    setattr(ctx.ensure_object(Session), str(parameter.name), value)


def _keep_store(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    """Keep which ledger it is, where its two files lie and whom it bars: as the settings say."""
    session = ctx.ensure_object(Session)
    is_said = ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    settings = read_places(os.environ, config=config_of(ctx), store=value if is_said else None)
    session.store = settings.store
    session.graph = graph_place(settings)
    session.revoked_keys = settings.revoked_keys
    session.declarers = settings.declarers
    session.key, session.sidecar = configured_files(
        settings.store,
        Path(settings.key) if settings.key else None,
        Path(settings.sidecar) if settings.sidecar else None,
    )


def _keep_as_of(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.ensure_object(Session).as_of = None if value is None else parse_as_of(value)


def parse_as_of(text: str) -> AsOf:
    """Read a size, or a time.

    Raises:
        click.BadParameter: it is neither.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return instant_of(parse_instant(text))
    except LedgerError as error:
        raise click.BadParameter(f"{error.what} and no size: {text!r}. {error.hint}") from error


store_option = click.option(
    "--store",
    metavar="LEDGER",
    envvar=STORE_VARIABLE,
    default=STORE_DEFAULT,
    show_default=True,
    show_envvar=True,
    expose_value=False,
    is_eager=True,
    callback=_keep_store,
    help="The ledger: a path, sqlite:///PATH, or postgresql://USER@HOST/DATABASE.",
)

namespace_option = click.option(
    "--namespace",
    metavar="NAME",
    default=DEFAULT_NAMESPACE,
    show_default=True,
    expose_value=False,
    callback=_keep,
    help="The namespace to record into or to ask of.",
)

as_of_option = click.option(
    "--as-of",
    metavar="SIZE|TIME",
    expose_value=False,
    callback=_keep_as_of,
    help="Answer as of a size of the log, or as of a time (RFC 3339).  [default: now]",
)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Return the option ``--format``, with the first of ``formats`` as its default."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print the answer.",
    )


def asks(command: Command) -> Command:
    """Give a command the options of a question: which ledger, which namespace, as of when."""
    return store_option(namespace_option(as_of_option(command)))
