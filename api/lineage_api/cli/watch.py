"""``lineage watch``: look at a source again and again."""

from __future__ import annotations

from typing import Final

import click

from lineage_api.cli.verbs import Verbs

WHAT: Final = {"mlflow": "lineage_api.cli.watch_mlflow:watch_mlflow"}


@click.group("watch", commands=Verbs(dict(WHAT)))
def watch() -> None:
    """Look at a source again and again, until you stop it.

    Each look takes in what is new. A whole look, now and then, finds what leaves no trace in any
    time that the source tells, and what is gone.
    """
