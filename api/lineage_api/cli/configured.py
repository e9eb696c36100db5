"""The option ``--config``: of the whole command line, and of the commands that serve or look."""

from __future__ import annotations

from typing import Final

import click

from lineage_api.settings import CONFIG_VARIABLE

_CONFIG: Final = "lineage_api.config"


def config_of(ctx: click.Context) -> str | None:
    """Return the file of settings that the command line names."""
    found: object = ctx.meta.get(_CONFIG)
    return None if found is None else str(found)


def _keep_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_CONFIG] = value


config_option = click.option(
    "--config",
    metavar="FILE",
    expose_value=False,
    is_eager=True,
    callback=_keep_config,
    help=f"A TOML file of settings.  [env var: {CONFIG_VARIABLE}]",
)
