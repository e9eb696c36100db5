"""``lineage prove``: prove what is in the log to somebody who does not trust us."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from lineage.questions.proving import ProofQuery, Shown
from lineage.service import Ledger
from lineage_api.cli.evidence import read_note
from lineage_api.cli.printing import counted, print_json
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_target
from lineage_schemas.errors import NotFoundError
from lineage_schemas.integrity import ProofAnswer
from lineage_schemas.mlmd import Kind


@click.command("prove")
@click.argument("target", required=False)
@click.option(
    "--since",
    metavar="CHECKPOINT",
    help="Prove instead that the log still begins with the one of the checkpoint in this file; "
    "goes with --output alone.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="Prove only entries behind a node of this kind.  [default: every kind]",
)
@click.option("--personal", is_flag=True, help="Show personal values too, and not the facts alone.")
@click.option("--envelope-only", is_flag=True, help="Show no payload: only who, when and where.")
@click.option("--recipient", metavar="NAME", default="", help="Who gets the proof.")
@click.option("--purpose", metavar="TEXT", default="", help="What for; it must name nobody.")
@click.option(
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the proof; never over a file.  [default: standard output]",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def prove(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    target: str | None,
    since: str | None,
    kind: str | None,
    recipient: str,
    purpose: str,
    file: Path | None,
    output: str,
    *,
    personal: bool,
    envelope_only: bool,
) -> None:
    """Prove that entries are in the log, or that the log has only grown.

    TARGET is a position, or an identifier or a label, which stands for every entry that what is
    shown of its node rests on. The proof holds without us: `lineage verify` checks it with the
    verifier key alone. What it shows is a copy that no erasure here will reach, so the log states
    that it was taken.

    With --since and no TARGET, the proof is for whoever kept an old checkpoint: `lineage verify`
    checks it with --since too.
    """
    if (target is None) == (since is None):
        raise click.UsageError("Give a TARGET, or --since with a checkpoint.")
    if since is not None:
        ignored = (kind, recipient, purpose, personal, envelope_only, output == "json")
        if any(ignored):
            raise click.UsageError(
                "--since proves growth and shows no entry: only --output goes with it."
            )
        _prove_growth(session, since, file)
        return
    assert target is not None
    if personal and envelope_only:
        raise click.UsageError("--personal and --envelope-only exclude each other.")
    query = ProofQuery(
        target=read_target(target),
        kind=None if kind is None else Kind(kind),
        shown=Shown(facts=not envelope_only, personal=personal),
        recipient=recipient,
        purpose=purpose,
    )
    with _written(file) as written, session.open() as ledger:
        answer = _proved(ledger, query, session.namespace)
        if written is not None:
            written.write(answer.proofs.encode())
    if output == "json":
        print_json(answer)
        return
    if file is None:
        click.echo(answer.proofs.encode(), nl=False)
    for line in _told(answer):
        click.echo(line, err=True)


def _proved(ledger: Ledger, query: ProofQuery, namespace: str) -> ProofAnswer:
    try:
        return ledger.prove(query, namespace=namespace)
    except NotFoundError as error:
        if isinstance(query.target, str) or error.hint:
            raise
        hint = "`lineage query` lists the entries that are there."
        raise NotFoundError(error.what, where=error.where, hint=hint) from error


def _prove_growth(session: Session, since: str, file: Path | None) -> None:
    old = read_note(since)
    with _written(file) as written, session.open() as ledger:
        proof = ledger.custody.prove_growth(old)
        if written is not None:
            written.write(proof)
    if file is None:
        click.echo(proof, nl=False)


@contextmanager
def _written(file: Path | None) -> Generator[BinaryIO | None]:
    """Make the file before anything is disclosed; without a proof, it is gone again."""
    if file is None:
        yield None
        return
    with file.open("xb") as written:
        try:
            yield written
            written.flush()
            os.fsync(written.fileno())
        except BaseException:
            file.unlink(missing_ok=True)
            raise


def _told(answer: ProofAnswer) -> Iterator[str]:
    entries = counted(len(answer.positions), "entry", "entries")
    yield f"proved    {entries} of the log of size {answer.size}"
    if answer.left_out:
        yield f"left out  {counted(answer.left_out, 'payload part')}, because erased"
    if answer.disclosure is None:
        yield "disclosed nothing but envelopes"
    else:
        yield f"disclosed as position {answer.disclosure} of the log states"
