"""``lineage key``: the keys that sign the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lineage.anchoring.keys import load_signing_key, make_signing_key
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.verifying import format_verifier_key
from lineage_api.cli.printing import print_json, print_lines, print_rows, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_schemas.errors import AlreadyExistsError
from lineage_schemas.integrity import KeyView


@click.group("key")
def key() -> None:
    """List, change or make the keys that sign the log."""


@key.command("list")
@store_option
@format_option("text", "json")
@pass_session
def list_keys(session: Session, output: str) -> None:
    """List every verifier key the log names.

    Prints the key, the sizes of the log that it signs, and whether it is the present one.
    """
    with session.open() as ledger:
        keys = ledger.custody.keys()
    if output == "json":
        print_json(keys)
    else:
        print_rows([_row(one) for one in keys])


@key.command("rotate")
@click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Why; it is kept in the log for ever, so it must name nobody.",
)
@click.option(
    "--lost",
    is_flag=True,
    help="The old key is lost or was stolen: go on without its last signature.",
)
@store_option
@format_option("text", "json")
@pass_session
def rotate(session: Session, reason: str, output: str, *, lost: bool) -> None:
    """Let a new key sign from now on.

    The log says so, and the old key signs that last: `lineage key handover` proves the new key to
    whoever trusts the old one. Where it is lost, you must give them the new one yourself.
    """
    with session.open() as ledger:
        found = ledger.custody.rotate_key(reason, lost=lost)
    if output == "json":
        print_json(found)
        return
    print_lines(_rotated(found, lost=lost))


@key.command("handover")
@click.argument("position", type=click.IntRange(min=0), required=False)
@store_option
@pass_session
def handover(session: Session, position: int | None) -> None:
    """Prove a new key to whoever trusts only the old one.

    Prints a proof of the entry that introduces the key (the present one, or the one introduced at
    POSITION), under the last checkpoint that the key before it has signed: `lineage verify` checks
    it with the old key, and shows the new one.
    """
    with session.open() as ledger:
        click.echo(ledger.custody.prove_handover(position), nl=False)


@key.command("make")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--name",
    metavar="NAME",
    required=True,
    help="What the key and its ledger are called for ever, such as example.org/ledger.",
)
@pass_session
def make(session: Session, file: Path, name: str) -> None:
    """Make a signing key, to be given to a new ledger.

    Name FILE as LINEAGE_KEY when the ledger is made: the ledger's origin is then the key's name.
    FILE is readable by you alone. Prints the verifier key, which anybody may have.
    """
    if load_signing_key(file) is not None:
        raise AlreadyExistsError(
            "There is a signing key in this file",
            where=str(file),
            hint="Name another file: a key that has signed is never written over.",
        )
    made = make_signing_key(file, name, session.randomness)
    click.echo(printable(format_verifier_key(verifier_key_of(made))))


def _rotated(found: KeyView, *, lost: bool) -> Iterator[str]:
    yield printable(f"key       {found.verifier}")
    yield f"signs     from size {found.signs_from} on"
    if lost:
        yield "tell      whoever trusts the lost key: its signature does not lead to this one"


def _row(one: KeyView) -> list[str]:
    until = "" if one.signs_to is None else str(one.signs_to)
    state = "present" if one.is_current else "past"
    return [printable(one.verifier), f"{one.signs_from}-{until}", state]
