"""``lineage audit``: derive everything again and compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from lineage.audit import AuditFinding, AuditLevel, AuditReport, LevelReport
from lineage_api.cli.evidence import KEY_METAVAR, read_note, read_verifier_keys
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of

_NOT_SIGNED: Final = "by no key that is trusted here: the ledger vouches for itself alone"
_NOT_ANCHORED: Final = (
    "nothing is anchored: whoever has the file and the key could rewrite all of it unseen"
)


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
    metavar=KEY_METAVAR,
    multiple=True,
    help="Trust this verifier key, or a file with one a line, and not those that the log names; "
    "may be given several times.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
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
    keys: tuple[str, ...],
    checkpoint: str | None,
    state: Path | None,
) -> None:
    """Derive everything again and report what differs.

    Signatures by their keys, the tree from leaves, leaves from envelopes, commitments from
    payloads, views from entries; each level includes those before it. Where anything differs, the
    exit code is 1.
    """
    trusted = read_verifier_keys(keys)
    note = None if checkpoint is None else read_note(checkpoint)
    with session.open() as ledger:
        with progress_of("auditing") as progress:
            report = ledger.audit(
                level=AuditLevel(level),
                keys=trusted,
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
    how = "seen by this audit" if report.anchored.is_seen else "by the word of the sidecar alone"
    return f"up to position {report.anchored.position} in {report.anchored.target} ({how})"


def _verdict(one: LevelReport) -> str:
    if one.findings:
        return counted(one.findings, "finding")
    return f"not looked at, because {one.skipped}" if one.skipped else "clean"


def _told(found: AuditFinding) -> str:
    place = "" if found.position is None else f"{_place(found.position, found.upto)}: "
    return place + found.what


def _place(position: int, upto: int | None) -> str:
    return f"position {position}" if upto in {None, position} else f"positions {position} to {upto}"
