"""``lineage watch mlflow``: keep up with an MLflow server."""

from __future__ import annotations

import os
import sys
from threading import Event
from typing import Any, Final

import click

from lineage.clock import steady_clock
from lineage.importing.importer import Tally
from lineage.service import Ledger
from lineage_api.cli.configured import config_of
from lineage_api.cli.durations import DURATION, shown_duration
from lineage_api.cli.mlflow_source import (
    ENVIRONMENT,
    Server,
    given,
    looking,
    server_at,
    server_options,
    warn,
)
from lineage_api.cli.session import Session, namespace_option, pass_session, store_option
from lineage_api.cli.signalled import stopping_on_signals
from lineage_api.cli.watched import Stoppable
from lineage_api.looking import Beat, Look, StoppedError, Watch
from lineage_api.outbound.transport import Sleep
from lineage_api.settings import read_places

EVERY_DEFAULT: Final = "60s"
WHOLE_DEFAULT: Final = "1h"
DUE_PARTS: Final = 2
"""A whole look is promised within this many times as long as one is meant to take."""


@click.command("mlflow", epilog=ENVIRONMENT)
@click.argument("url", metavar="URL")
@server_options
@click.option(
    "--every",
    metavar="SPAN",
    type=DURATION,
    default=EVERY_DEFAULT,
    show_default=True,
    help="How often to look at what is new: 90s, 15m, 1h.",
)
@click.option(
    "--whole-every",
    metavar="SPAN",
    type=DURATION,
    default=WHOLE_DEFAULT,
    show_default=True,
    help="How often to look at all of it.",
)
@click.option(
    "--due",
    "due_seconds",
    metavar="SPAN",
    type=DURATION,
    help="Promise a whole look within so long: else answers say that it is overdue.  "
    "[default: twice --whole-every]",
)
@store_option
@namespace_option
@click.pass_context
@pass_session
def watch_mlflow(session: Session, ctx: click.Context, /, url: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Keep up with an MLflow server until interrupted.

    It begins with a look at all of it. A server that cannot be reached is told once, asked less and
    less often, and caught up with when it is back. The server is never changed. Each look is a line
    of the log on standard error. A new ledger is made where there is none.
    """
    from lineage_api.observing.logs import logging_to  # noqa: PLC0415 - whoever imports logs nothing

    said = given(options)
    beat = Beat(options["every"], max(options["every"], options["whole_every"]))
    due = options["due_seconds"] or int(DUE_PARTS * beat.whole_seconds)
    if due < beat.whole_seconds:
        raise click.UsageError(
            f"--due {shown_duration(due)} is shorter than --whole-every "
            f"{shown_duration(beat.whole_seconds)}: it would be broken again and again."
        )
    settings = read_places(os.environ, config=config_of(ctx))
    with (
        stopping_on_signals() as stopping,
        logging_to(sys.stderr, settings.log_format, settings.log_level),
        server_at(session, url, said, _pausing(stopping)) as server,
        session.open_or_make() as ledger,
    ):
        click.echo(f"watching {server.origin.url} as {server.source.name} (Ctrl-C stops)")
        watch = Watch(
            _look(session, ledger, server, due, stopping), beat, stopping.wait, steady_clock
        )
        watch.run()
        _say_farewell(watch, server)


def _pausing(stopping: Event) -> Sleep:
    """Return a sleep that ends a look when the watch is told to stop."""

    def pause(seconds: float) -> None:
        if stopping.wait(seconds):
            raise StoppedError

    return pause


def _look(session: Session, ledger: Ledger, server: Server, due: int, stopping: Event) -> Look:
    look = looking(session, ledger, server.source, due)
    told: set[str] = set()

    def look_once(is_whole: bool) -> Tally:  # noqa: FBT001 - as ``Look`` has it
        reader = server.reader()
        tally = look(Stoppable(reader, stopping), is_whole)
        ledger.custody.catch_up()
        for note in sorted(set(reader.notes) - told):
            warn(note)
        told.update(reader.notes)
        _tell_unread(tally, told)
        return tally

    return look_once


def _tell_unread(tally: Tally, told: set[str]) -> None:
    """Tell of what could not be read, each thing once for as long as it stays so."""
    lines = {f"not read: {one.subject}: {one.reason}" for one in tally.unread}
    for line in sorted(lines - told):
        warn(line)
    told.difference_update({one for one in told if one.startswith("not read: ")} - lines)
    told.update(lines)


def _say_farewell(watch: Watch, server: Server) -> None:
    health = watch.health
    click.echo(
        f"looked {health.looks:,} times, {health.whole_looks:,} of them at all of it; "
        f"{health.failures:,} failed; {health.appended:,} appended; "
        f"{server.traffic.requests:,} requests, {server.traffic.bytes:,} bytes"
    )
