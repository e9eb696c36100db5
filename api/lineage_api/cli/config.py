"""``lineage config``: which settings are in force, and where each came from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click
from msgspec import Struct, json

from lineage_api.cli.configured import config_of, config_option, set_of, set_option
from lineage_api.cli.printing import print_json, print_lines, print_rows, printable
from lineage_api.cli.session import format_option
from lineage_api.configuration.page import settings_rows
from lineage_api.configuration.reading import Sourced
from lineage_api.configuration.showing import shown
from lineage_api.settings import PREFIX, Settings, read_sourced


class SettingView(Struct, frozen=True):
    """A setting in force; a secret's value is not shown."""

    name: str
    value: Any
    came_from: str


@click.command("config")
@config_option
@set_option
@format_option("text", "json")
@click.option(
    "--reference",
    is_flag=True,
    help="Print what every setting means, as a table in Markdown, and read none.",
)
@click.pass_context
def config(ctx: click.Context, output: str, *, reference: bool) -> None:
    """Print the settings in force, and where each came from.

    A flag comes before the environment, that before the file of settings, and that before the
    default. Secrets are not shown. Where a setting is unknown or cannot be, this says so as
    `lineage serve` would, with the exit code 2.
    """
    if reference:
        print_lines(settings_rows(Settings, PREFIX))
        return
    found = settings_views(read_sourced(os.environ, config=config_of(ctx), **set_of(ctx)))
    if output == "json":
        print_json(list(found))
        return
    print_rows([(one.name, printable(_text(one.value)), printable(one.came_from)) for one in found])


def settings_views(sourced: Sourced[Settings]) -> Iterator[SettingView]:
    """Yield what may be seen of settings."""
    for name, value in shown(sourced.settings).items():
        yield SettingView(name, value, sourced.came_from[name])


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.encode(value).decode()
