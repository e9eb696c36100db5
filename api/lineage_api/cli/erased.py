"""What an erasure erased, or would erase, as text: a line a thing."""

from __future__ import annotations

from collections.abc import Iterator

from lineage_api.cli.objections import objection_lines
from lineage_api.cli.printing import counted, printable
from lineage_schemas.erasures import CopyView, ErasureAnswer
from lineage_schemas.governance import PartsErased


def erasure_lines(answer: ErasureAnswer, *, dry_run: bool = False) -> Iterator[str]:
    """Yield what became of an erasure; ``dry_run``: what would become of it."""
    yield _outcome(answer, dry_run=dry_run)
    yield from plan_lines(answer)
    if answer.position is not None:
        yield f"stated    at position {answer.position}"
    if answer.position is not None and not answer.refused:
        yield (
            "scrubbed  the store's file holds none of it any more"
            if answer.scrubbed
            else "scrubbed  not yet: somebody reads the store; the next who opens it or erases does"
        )


def plan_lines(answer: ErasureAnswer) -> Iterator[str]:
    """Yield which entries an erasure is about, what forbids it, and which copies it misses."""
    if answer.positions:
        yield f"positions {', '.join(map(str, answer.positions))}"
    yield from objection_lines(answer.objections)
    yield from map(_copy, answer.copies)


def concerned(answer: ErasureAnswer) -> str:
    """Say how much an erasure is about."""
    entries = counted(len(answer.positions), "entry", "entries")
    return f"{entries}, {counted(answer.nodes, 'node')} concerned"


def parts_text(parts: PartsErased) -> str:
    """Say which parts of entries."""
    return "facts and personal" if parts is PartsErased.ALL else "personal"


def _outcome(answer: ErasureAnswer, *, dry_run: bool) -> str:
    if answer.refused or answer.objections:
        return f"{'dry run   would be refused:' if dry_run else 'refused  '} {concerned(answer)}"
    erased = "dry run   would erase" if dry_run else "erased   "
    if not answer.positions:
        return f"{erased} nothing: there is nothing of it left"
    return f"{erased} the {parts_text(answer.parts)} parts of {concerned(answer)}"


def _copy(one: CopyView) -> str:
    shown = " and ".join(
        part for part, is_there in (("facts", one.facts), ("personal", one.personal)) if is_there
    )
    return printable(
        f"copy      of position {one.entry} ({shown}), {one.form} for "
        f"{one.recipient or 'somebody whose name is erased or was not told'}, "
        f"stated at position {one.stated_at}: beyond our reach"
    )
