"""``lineage import``: take in what another tool, or another ledger, has."""

from __future__ import annotations

from typing import Final

import click

from lineage_api.cli.import_dvc import import_dvc
from lineage_api.cli.import_ledger import import_command

_DEFAULT: Final = "export"
_HELP: Final = "--help"


class Imports(click.Group):
    """Commands by what is imported; without one of their names the argument is an export."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read which import is meant."""
        if args and args[0] not in self.commands and args[0] != _HELP:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=Imports)
def import_group() -> None:
    """Take in what another tool or another ledger has.

    `lineage import FILE` is short for `lineage import export FILE`.
    """


import_group.add_command(import_command)
import_group.add_command(import_dvc)
