"""``lineage import``: take a whole in, a ledger or what another tool keeps."""

from __future__ import annotations

from typing import Final

import click

from lineage_api.cli.verbs import Verbs

WHAT: Final = {
    "argocd": "lineage_api.cli.import_argocd:import_argocd",
    "dvc": "lineage_api.cli.import_dvc:import_dvc",
    "kubernetes": "lineage_api.cli.import_kubernetes:import_kubernetes",
    "ledger": "lineage_api.cli.import_ledger:import_command",
    "mlflow": "lineage_api.cli.import_mlflow:import_mlflow",
    "rows": "lineage_api.cli.import_rows:import_rows",
    "terraform": "lineage_api.cli.import_terraform:import_terraform",
}


@click.group("import", commands=Verbs(dict(WHAT)))
def import_group() -> None:
    """Make a ledger of an export, or take in what another tool keeps.

    A tool is only ever read. What is in the ledger already is not written again, so an import that
    was interrupted goes on when it is run again.
    """
