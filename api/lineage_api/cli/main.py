"""The command ``lineage``: its verbs put together, and its entry point."""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper

import click

from lineage_api.cli.audit import audit
from lineage_api.cli.demo import demo
from lineage_api.cli.failures import EXIT_CODES, told
from lineage_api.cli.find import find
from lineage_api.cli.ingest import ingest
from lineage_api.cli.list import list_nodes
from lineage_api.cli.query import query
from lineage_api.cli.rebuild import rebuild
from lineage_api.cli.serve import serve
from lineage_api.cli.show import show
from lineage_api.cli.trace import trace


@click.group("lineage", epilog=EXIT_CODES)
@click.version_option(version("lineage-ledger"), prog_name="lineage")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep metadata and lineage of machine learning in a log that an auditor can trust."""
    ctx.with_resource(told())


for _verb in (serve, ingest, find, list_nodes, trace, show, query, audit, rebuild, demo):
    cli.add_command(_verb)


def main() -> None:
    """Run the command line; ends the process with the command's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a letter shows its number, and the answer goes on.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="lineage")
