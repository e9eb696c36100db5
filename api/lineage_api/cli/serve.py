"""``lineage serve``: serve a ledger on this machine."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from lineage.stores.opening import shown_location
from lineage_api.cli.configured import config_of, config_option, set_of, set_option
from lineage_api.cli.session import STORE_VARIABLE
from lineage_api.compose import open_configured_ledger
from lineage_api.settings import HOST_DEFAULT, PORT_DEFAULT, STORE_DEFAULT, read_settings

ENVIRONMENT: Final = """\b
Signing and anchoring, from the environment (all settings: docs/settings.md):
  LINEAGE_PUBLISH_SECONDS        how often to sign what is new  [default: 1]
  LINEAGE_ANCHOR_DIRECTORY       a folder to write each new checkpoint into
  LINEAGE_ANCHOR_WEBHOOK         a URL to post each new checkpoint to
  LINEAGE_ANCHOR_WEBHOOK_SECRET  what to sign those messages with: whsec_...
  LINEAGE_ANCHOR_SECONDS         how often to look for a new one  [default: 60]
Who may come from elsewhere, and how:
  LINEAGE_SIGN_IN                local, or required: each request has a credential
  LINEAGE_HOSTS                  the names the server goes by, divided by commas
  LINEAGE_TLS_CERTIFICATE        PEM files; or, where a proxy speaks TLS,
  LINEAGE_TLS_KEY                LINEAGE_BEHIND_PROXY=true
  LINEAGE_ISSUERS                whose tokens are believed, as JSON
What fails is in the log of the server and in /readyz, and is tried again.
"""


@click.command("serve", epilog=ENVIRONMENT)
@config_option
@set_option
@click.option("--host", help=f"Where to listen.  [env var: LINEAGE_HOST; default: {HOST_DEFAULT}]")
@click.option(
    "--port",
    type=int,
    help=f"Where to listen; 0 is any free port.  [env var: LINEAGE_PORT; default: {PORT_DEFAULT}]",
)
@click.option(
    "--store",
    metavar="LEDGER",
    help="The ledger: a path, sqlite:///PATH, or postgresql://USER@HOST/DATABASE.  "
    f"[env var: {STORE_VARIABLE}; default: {STORE_DEFAULT}]",
)
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None, store: str | None) -> None:
    """Serve a ledger on this machine until interrupted.

    A new ledger is made where there is none. What is recorded is signed within a second or so, and
    served at /log/checkpoint and /log/tile. Every setting may also come from the environment, as
    LINEAGE_ and its name, or from a file of settings; `lineage config` shows what is in force.
    """
    # Only here: whoever asks a question in the terminal need not wait for the web to be imported.
    from lineage_api import serving  # noqa: PLC0415 - see above
    from lineage_api.observing.logs import logging_to  # noqa: PLC0415 - see above

    said = {"store": store, "host": host, "port": port}
    flags = set_of(ctx) | {name: one for name, one in said.items() if one is not None}
    settings = read_settings(os.environ, config=config_of(ctx), **flags)
    with (
        logging_to(sys.stderr, settings.log_format, settings.log_level),
        open_configured_ledger(settings, serving.logged_progress()) as ledger,
    ):
        ledger.prepare_graph()
        serving.serve(settings, ledger, lambda url: _say(url, shown_location(settings.store)))


def _say(url: str, store: str) -> None:
    click.echo(f"serving {store} at {url} (Ctrl-C stops)")
