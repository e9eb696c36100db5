"""Who acts in the terminal: the local principal, or whom an API key speaks for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import click

from lineage.access.inquiry import Inquiry, inquiring
from lineage.service import Ledger
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_api.cli.session import Session
from lineage_api.settings import API_KEY_VARIABLE, check_revoked_keys
from lineage_schemas.errors import InvalidInputError

DOOR: Final = "terminal"
KEY_FILE_BYTES_MAX: Final = 8_192
PURPOSE_LENGTH_MAX: Final = 1_024


class Acting(NamedTuple):
    """A ledger that is open, and who acts on it."""

    ledger: Ledger
    principal: Principal


@contextmanager
def acting(session: Session, purpose: str = "") -> Generator[Acting]:
    """Open the ledger for whoever the option ``--api-key`` says, and for a purpose.

    Raises:
        InvalidInputError: the file holds no text; or a setting revokes what is no key.
        UnauthenticatedError: the key opens nothing here.
        StoreError: as ``Session.open``.
    """
    operation = click.get_current_context().command_path
    inquiry = Inquiry(door=DOOR, operation=operation, purpose=purpose[:PURPOSE_LENGTH_MAX])
    with session.open() as ledger, inquiring(inquiry):
        yield Acting(ledger, _principal(ledger, session))


def _principal(ledger: Ledger, session: Session) -> Principal:
    if session.api_key is None:
        return LOCAL_PRINCIPAL
    from lineage_api.identity.barring import Barring  # noqa: PLC0415 - few commands have a key

    check_revoked_keys(session.revoked_keys)
    return Barring(ledger.access, session.revoked_keys).authenticate(_key_in(session.api_key))


def _key_in(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(KEY_FILE_BYTES_MAX)
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        # Nothing of it is quoted: it may be another secret.
        raise InvalidInputError(
            "There is no API key in this file",
            where=str(file),
            hint="It holds what `lineage access key make` has printed, and nothing else.",
        ) from None


def _keep(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    ctx.ensure_object(Session).api_key = value


api_key_option = click.option(
    "--api-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar=API_KEY_VARIABLE,
    show_envvar=True,
    expose_value=False,
    callback=_keep,
    help="A file with your API key: act as whom it speaks for, by what they were granted.  "
    "[default: act as the local principal]",
)

purpose_option = click.option(
    "--purpose",
    metavar="TEXT",
    default="",
    help="What it is wanted for: the access log keeps that with the name of whoever --api-key "
    "speaks for.",
)
