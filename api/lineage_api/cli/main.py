"""The command ``lineage``: its verbs put together, and its entry point.

A verb is imported when it is named: whoever verifies a proof loads no store and no web, and needs
no ledger.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Final

import click

from lineage_api.cli.configured import config_option
from lineage_api.cli.failures import EXIT_CODES, told
from lineage_api.cli.verbs import Verbs
from lineage_schemas.api_keys import without_api_keys

VERBS: Final = {
    "access": "lineage_api.cli.access:access",
    "anchor": "lineage_api.cli.anchor:anchor",
    "attach": "lineage_api.cli.attach:attach",
    "audit": "lineage_api.cli.audit:audit",
    "backup": "lineage_api.cli.backup:backup",
    "between": "lineage_api.cli.between:between",
    "checkpoint": "lineage_api.cli.checkpoint:checkpoint",
    "columns": "lineage_api.cli.columns:columns",
    "common": "lineage_api.cli.common:common",
    "compare": "lineage_api.cli.compare:compare",
    "config": "lineage_api.cli.config:config",
    "conflicts": "lineage_api.cli.conflicts:conflicts",
    "cycles": "lineage_api.cli.cycles:cycles",
    "declare": "lineage_api.cli.declare:declare",
    "demo": "lineage_api.cli.demo:demo",
    "diff": "lineage_api.cli.diff:diff",
    "doctor": "lineage_api.cli.doctor:doctor",
    "erasure": "lineage_api.cli.erasure:erasure",
    "expect": "lineage_api.cli.expect:expect",
    "export": "lineage_api.cli.export:export",
    "find": "lineage_api.cli.find:find",
    "history": "lineage_api.cli.history:history",
    "hold": "lineage_api.cli.hold:hold",
    "holds": "lineage_api.cli.holds:holds",
    "impact": "lineage_api.cli.impact:impact",
    "import": "lineage_api.cli.importing:import_group",
    "ingest": "lineage_api.cli.ingest:ingest",
    "key": "lineage_api.cli.key:key",
    "late": "lineage_api.cli.history:late",
    "links": "lineage_api.cli.links:links",
    "list": "lineage_api.cli.list:list_nodes",
    "orphans": "lineage_api.cli.orphans:orphans",
    "paths": "lineage_api.cli.paths:paths",
    "prove": "lineage_api.cli.prove:prove",
    "provenance": "lineage_api.cli.provenance:provenance",
    "query": "lineage_api.cli.query:query",
    "rebuild": "lineage_api.cli.rebuild:rebuild",
    "recover": "lineage_api.cli.recover:recover",
    "redact": "lineage_api.cli.redact:redact",
    "registry": "lineage_api.cli.registry:registry",
    "release": "lineage_api.cli.release:release",
    "report": "lineage_api.cli.report:report",
    "restore": "lineage_api.cli.restore:restore",
    "retain": "lineage_api.cli.retain:retain",
    "serve": "lineage_api.cli.serve:serve",
    "serving": "lineage_api.cli.serving:serving",
    "show": "lineage_api.cli.show:show",
    "sources": "lineage_api.cli.sources:sources",
    "trace": "lineage_api.cli.trace:trace",
    "verify": "lineage_api.cli.verify:verify",
    "watch": "lineage_api.cli.watch:watch",
    "why": "lineage_api.cli.why:why",
}

ENVIRONMENT: Final = """\b
Files beside a ledger, unless the environment says otherwise:
  LINEAGE_KEY      the signing key  [default: the ledger's path and .key]
  LINEAGE_SIDECAR  what was signed, erased and handed out; it must not be in a
                   backup of the ledger  [default: the path and .sidecar]
"""


class Lineage(click.Group):
    """The command as a whole: what is wrong with a call is told without the API keys in it."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            # The library calls it final, and every kind of error prints it in its own way.
            vars(error)["message"] = without_api_keys(error.message)
            raise


@click.group(
    "lineage", cls=Lineage, commands=Verbs(dict(VERBS)), epilog=f"{ENVIRONMENT}\n{EXIT_CODES}"
)
@config_option
@click.version_option(version("lineage-ledger"), prog_name="lineage")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep metadata and lineage of machine learning in a log that an auditor can trust."""
    ctx.with_resource(told())


def main() -> None:
    """Run the command line; ends the process with the command's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a letter shows its number, and the answer goes on.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="lineage")
