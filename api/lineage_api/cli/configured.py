"""The options ``--config``, of the whole command line, and ``--set``, of who serves or looks."""

from __future__ import annotations

from typing import Final, cast

import click

from lineage_api.settings import CONFIG_VARIABLE

_CONFIG: Final = "lineage_api.config"
_SET: Final = "lineage_api.set"


def config_of(ctx: click.Context) -> str | None:
    """Return the file of settings that the command line names."""
    found: object = ctx.meta.get(_CONFIG)
    return None if found is None else str(found)


def _keep_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_CONFIG] = value


def set_of(ctx: click.Context) -> dict[str, str]:
    """Return the settings that the command line says, by name."""
    found: object = ctx.meta.get(_SET, {})
    assert isinstance(found, dict)
    return cast("dict[str, str]", found)


def _keep_set(ctx: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise click.BadParameter("Write it as NAME=VALUE.")
        if name in found:
            raise click.BadParameter(f"{name} is there twice.")
        found[name] = text
    ctx.meta[_SET] = found


set_option = click.option(
    "--set",
    metavar="NAME=VALUE",
    multiple=True,
    expose_value=False,
    callback=_keep_set,
    help="Any setting but a secret, before the environment and the file; may be given several "
    "times.",
)

config_option = click.option(
    "--config",
    metavar="FILE",
    expose_value=False,
    is_eager=True,
    callback=_keep_config,
    help=f"A TOML file of settings.  [env var: {CONFIG_VARIABLE}]",
)
