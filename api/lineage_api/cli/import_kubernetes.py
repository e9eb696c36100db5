"""``lineage import kubernetes``: take in what a cluster's objects show, or what a log told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import BinaryIO

import click

from lineage.connectors.json_stream import read_bodies
from lineage.connectors.kubernetes.events import RoundReader, is_event, rounds_of
from lineage.connectors.kubernetes.keys import check_name
from lineage.connectors.kubernetes.mapping import KubernetesMapping
from lineage.connectors.kubernetes.reading import KubernetesReader
from lineage.connectors.kubernetes.shown import KINDS
from lineage.connectors.mlflow.keys import check_server
from lineage.connectors.plain_json import Body
from lineage.importing.importer import Source, Tally
from lineage_api.cli.instants import INSTANT
from lineage_api.cli.looks import Look, due_option, look_once, looking, tell_look
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_schemas.instants import instant_of


@click.command("kubernetes")
@click.argument("file", metavar="PATH", type=click.File("rb"))
@click.option(
    "--cluster",
    metavar="NAME",
    required=True,
    help="What the cluster is called in identifiers, for ever: no two may share a name.",
)
@click.option(
    "--at",
    "shown_at",
    metavar="TIME",
    type=INSTANT,
    help="When the objects were as they are shown, or until when was watched.  [default: now]",
)
@click.option(
    "--whole",
    "whole",
    metavar="KIND",
    multiple=True,
    type=click.Choice(KINDS, case_sensitive=False),
    help="PATH shows every object of this kind in the cluster, so what it does not show is gone; "
    "may be given several times.",
)
@click.option(
    "--mlflow-server",
    metavar="NAME",
    help="The MLflow server that models:/NAME/1 of an InferenceService means.",
)
@click.option(
    "--source", metavar="NAME", help="The source of what it says.  [default: k8s:CLUSTER]"
)
@due_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_kubernetes(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    file: BinaryIO,
    *,
    cluster: str,
    shown_at: datetime | None,
    whole: tuple[str, ...],
    mlflow_server: str | None,
    source: str | None,
    due_seconds: int | None,
    output: str,
) -> None:
    """Take in what a cluster's objects show: which revision of what was at work, and when.

    PATH ("-": standard input) is what kubectl get -o json wrote, what kubectl get --watch
    --output-watch-events -o json did, or an audit log. Of each object only a list of allowed fields
    is kept: no variables, no Secrets, no manifests. What could not be read is told on standard
    error, and then the exit code is 1. What is known already is not written again. A new ledger is
    made where there is none.
    """
    check_name(cluster, "a cluster")
    server = None if mlflow_server is None else check_server(mlflow_server)
    read = Source(
        name=source or f"k8s:{cluster}",
        mapping=KubernetesMapping(cluster, server),
        namespace=session.namespace,
    )
    at = shown_at or instant_of(session.clock())
    with session.open_or_make() as ledger:
        look = looking(session, ledger, read, due_seconds)
        bodies = read_bodies(file, is_whole=bool(whole))
        first = next(bodies, None)
        given = iter(()) if first is None else chain((first,), bodies)
        if first is not None and is_event(first[0]):
            if whole:
                raise click.UsageError("A watch or an audit log is never whole: leave out --whole.")
            tally = _take_events(look, given, cluster, at)
        else:
            reader = KubernetesReader(given, cluster, at, whole)
            tally = look_once(look, reader, is_whole=bool(whole))
    tell_look(read, tally, output)


def _take_events(
    look: Look, given: Iterator[tuple[Body, str]], cluster: str, at: datetime
) -> Tally:
    """Take in rounds of changes, one after the other, and count them together."""
    total = Tally()
    for changes in rounds_of(given):
        tally = look(RoundReader(cluster, at, changes), False)  # noqa: FBT003 - as ``Look`` has it
        for kind, count in tally.there.items():
            total.there[kind] = total.there.get(kind, 0) + count
        for kind, count in tally.here.items():
            total.here[kind] = total.here.get(kind, 0) + count
        total.appended += tally.appended
        total.unchanged += tally.unchanged
        total.gone += tally.gone
        total.older += tally.older
        total.erased += tally.erased
        total.entries += tally.entries
        total.unread += tally.unread
    return total
