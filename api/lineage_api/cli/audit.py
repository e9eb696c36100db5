"""``lineage audit``: derive everything again and compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import click

from lineage.audit import AuditFinding, AuditLevel, AuditReport, LevelReport
from lineage.proofs.verifying import NOTE_BYTES_MAX, VerifierKey, parse_verifier_key
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of
from lineage_schemas.errors import LedgerError

_NOT_SIGNED: Final = "nobody has signed this ledger: it vouches for itself alone"
_NOT_ANCHORED: Final = (
    "nothing is anchored: whoever has the file and the key could rewrite all of it unseen"
)


def _parse_keys(
    _: click.Context, __: click.Parameter, texts: tuple[str, ...]
) -> tuple[VerifierKey, ...]:
    try:
        return tuple(map(parse_verifier_key, texts))
    except LedgerError as error:
        raise click.BadParameter(printable(str(error))) from error


@click.command("audit")
@store_option
@format_option("text", "json")
@click.option(
    "--level",
    type=click.IntRange(min(AuditLevel), max(AuditLevel)),
    default=max(AuditLevel).value,
    show_default=True,
    help="How deep to look: 0 signatures, 1 tree, 2 entries, 3 payloads, 4 views.",
)
@click.option(
    "--key",
    "keys",
    metavar="VKEY",
    multiple=True,
    callback=_parse_keys,
    help="Trust this verifier key, and not those the log names. May be repeated.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.File("rb"),
    help="A signed checkpoint that was kept elsewhere: the strongest evidence.",
)
@click.option(
    "--state",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep progress in this file, and go on from it.",
)
@pass_session
def audit(
    session: Session,
    output: str,
    level: int,
    keys: tuple[VerifierKey, ...],
    checkpoint: BinaryIO | None,
    state: Path | None,
) -> None:
    """Derive everything again and report what differs.

    Signatures by their keys, the tree from leaves, leaves from envelopes, commitments from
    payloads, views from entries; each level includes those before it. Where anything differs, the
    exit code is 1.
    """
    note = None if checkpoint is None else checkpoint.read(NOTE_BYTES_MAX + 1)
    with session.open() as ledger:
        with progress_of("auditing") as progress:
            report = ledger.audit(
                level=AuditLevel(level),
                keys=keys,
                checkpoint=note,
                state=state,
                progress=progress,
            )
        if output == "json":
            print_json(report)
        else:
            print_lines(map(printable, _lines(report)))
    if not report.clean:
        raise finding()


def _lines(report: AuditReport) -> Iterator[str]:
    yield f"origin    {report.origin}"
    yield f"size      {counted(report.size, 'entry', 'entries')}"
    yield f"root      {report.root}"
    yield f"signed    {_signed(report)}"
    yield f"anchored  {_anchored(report)}"
    for remark in report.remarks:
        yield f"remark    {remark}"
    for one in report.levels:
        yield f"level {one.level.value}   {one.level.name.lower()}: {_verdict(one)}"
    yield f"audit     {'clean' if report.clean else counted(len(report.findings), 'finding')}"
    if report.first_bad_position is not None:
        yield f"first bad {_place(report.first_bad_position, report.first_bad_upto)}"
    for found in report.findings:
        yield _told(found)


def _signed(report: AuditReport) -> str:
    if report.signed_size is None:
        return _NOT_SIGNED
    rest = report.size - report.signed_size
    after = f", {counted(rest, 'entry', 'entries')} after it are not yet" if rest > 0 else ""
    return f"up to size {report.signed_size}{after}"


def _anchored(report: AuditReport) -> str:
    if report.anchored is None:
        return _NOT_ANCHORED
    return f"up to position {report.anchored.position} in {report.anchored.target}"


def _verdict(one: LevelReport) -> str:
    if one.findings:
        return counted(one.findings, "finding")
    return f"not looked at, because {one.skipped}" if one.skipped else "clean"


def _told(found: AuditFinding) -> str:
    place = "" if found.position is None else f"{_place(found.position, found.upto)}: "
    return place + found.what


def _place(position: int, upto: int | None) -> str:
    return f"position {position}" if upto in {None, position} else f"positions {position} to {upto}"
